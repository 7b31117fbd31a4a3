import { testRollouts } from "./rollout-suite.ts";

testRollouts(0, 2);
