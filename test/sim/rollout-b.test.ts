import { expect, test } from "vitest";
import { runRollout, testRollouts } from "./rollout-suite.ts";

testRollouts(1, 2);

test("the same seed is the same run", () => {
  const [first, second] = [runRollout(5, 300), runRollout(5, 300)];
  expect(second.log).toEqual(first.log);
});
