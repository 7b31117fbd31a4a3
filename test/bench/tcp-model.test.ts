import { expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { tcpTransfer } from "./tcp-model.ts";

async function run(loss: number, bodyBytes: number): Promise<{ ms: number; bytes: number }> {
  const clock = new VirtualClock();
  let end: { ms: number; bytes: number } | undefined;
  const link = { clock, entropy: seededEntropy(3), roundTripMs: 100, loss };
  void tcpTransfer(link, 200, bodyBytes).then((bytes) => {
    end = { ms: clock.monotonicMs(), bytes };
  });
  while (end === undefined) await clock.advance(50);
  return end;
}

it("an answer of one segment takes two round trips: one connects, one asks", async () => {
  expect((await run(0, 1000)).ms).toBe(200);
});

it("slow start sends 10, 20, 40 segments: 60 of them are there after three flights", async () => {
  expect((await run(0, 60 * 1448)).ms).toBe(400);
});

it("what is lost is sent again, and costs time and bytes", async () => {
  const [clean, lossy] = [await run(0, 300_000), await run(0.1, 300_000)];
  expect(lossy.ms).toBeGreaterThan(clean.ms);
  expect(lossy.bytes).toBeGreaterThan(clean.bytes * 1.05);
  expect(lossy.bytes).toBeLessThan(clean.bytes * 1.4);
});
