import { testSeeds } from "./fleet-suite.ts";

testSeeds(1, 2);
