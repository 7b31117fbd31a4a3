import { expect, it } from "vitest";
import { startedBench } from "../../domain/rollout/rollout-bench.ts";
import { rolloutView } from "./rollout-view.ts";

it("says that a rollout waits for members that can't be offered it, and not when nobody waits any more", () => {
  const bench = startedBench(2, { waves: ["100%"], gate: { minSample: 1 } });
  const waitsFor = (): string | undefined => rolloutView(bench.state, undefined, () => []).waitsFor;
  const [first, second] = bench.open();
  bench.end(first!);
  bench.end(second!, "expired");
  expect(bench.state.members.countIn("waiting")).toBe(1);
  expect(waitsFor()).toBe("members of wave 1 that can't be offered it now");
  const all = startedBench(2, { waves: ["100%"], gate: { minSample: 1 } });
  for (const node of all.open()) all.end(node);
  expect(rolloutView(all.state, undefined, () => []).waitsFor).toBeUndefined();
});
