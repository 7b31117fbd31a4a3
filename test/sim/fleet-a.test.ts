import { testSeeds } from "./fleet-suite.ts";

testSeeds(0, 2);
