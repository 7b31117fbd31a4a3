import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StatusReport } from "../../schemas/generated/types.ts";
import { cborFormat, decode, encodeCbor } from "../../schemas/wire/codec.ts";
import { AppHarness, operator } from "./app-harness.ts";

/** A status report as the node sends it, with a byte before it as in a datagram. */
function inDatagram(report: StatusReport): Uint8Array {
  return Uint8Array.of(0xff, ...encodeCbor("status-report", report));
}

/** As the route of heartbeats does it. Returns whether it was a steady one. */
function beat(h: AppHarness, report: StatusReport, maySteady: boolean, rev = 0): boolean {
  const bytes = inDatagram(report);
  const path = { address: "127.0.0.1", port: h.portOf("n1"), family: 4 } as const;
  if (maySteady && h.app.heartbeats.steadyBeat("n1", rev, bytes, 1, bytes.length, path)) return true;
  const decoded = decode("status-report", bytes.subarray(1), cborFormat);
  if (!decoded.ok) throw new Error("the test sends what is no report");
  const outcome = h.app.heartbeats.beat("n1", rev, decoded.value, path);
  expect(outcome.kind).not.toBe("unknown-node");
  h.app.heartbeats.remember("n1", bytes.subarray(1));
  return false;
}

/** Everything that anybody can see of the node. */
async function seen(h: AppHarness): Promise<unknown> {
  return {
    health: h.app.health.latest("n1"),
    alerts: h.app.alerts.active().map(({ kind, severity, text, count }) => ({ kind, severity, text, count })),
    view: await h.wait(h.app.registry.find("n1")),
    timeline: await h.wait(h.app.timeline.list("n1")),
    events: h.events,
    published: h.broker.published,
  };
}

/** What a report says beside its figures: now and then something else, as with nodes. */
const words = fc.record(
  {
    status: fc.constantFrom("healthy" as const, "healthy" as const, "degraded" as const),
    phase: fc.constantFrom("operational" as const, "operational" as const, "maintenance" as const),
    bootCount: fc.constantFrom(1, 1, 1, 2, 5),
  },
  { requiredKeys: ["status"] },
);
const step = fc.record({
  words,
  hasOtherWords: fc.integer({ min: 0, max: 4 }).map((each) => each === 0),
  figures: fc.record({
    uptime: fc.nat(100_000),
    freeHeap: fc.constantFrom(1_000, 9_000, 10_239, 10_240, 40_000, 70_000, 70_001, 70_002, 70_003),
    temperature: fc.constantFrom(20, 20.5, 21.125, -3.2),
  }),
  pauseMs: fc.constantFrom(0, 5, 1_000, 31_000),
});

describe("a steady heartbeat", () => {
  it("leaves behind exactly what the same heartbeat does that was read into an object", async () => {
    let steady = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 25 }), async (steps) => {
        const [fast, full] = [await new AppHarness().start(), await new AppHarness().start()];
        for (const h of [fast, full]) await h.register("n1");
        let said: StatusReport = { status: "healthy" };
        for (const { words: others, hasOtherWords, figures, pauseMs } of steps) {
          if (hasOtherWords) said = others;
          const report = { ...said, ...figures };
          if (beat(fast, report, true)) steady++;
          beat(full, report, false);
          await fast.settle(pauseMs);
          await full.settle(pauseMs);
        }
        await fast.settle();
        await full.settle();
        expect(await seen(fast)).toEqual(await seen(full));
      }),
      { numRuns: 60 },
    );
    expect(steady).toBeGreaterThan(60);
  });

  it("isn't one of a node that nobody registered, that has something to do, an open alert, or another mode", async () => {
    const h = await new AppHarness().start();
    const report = { status: "healthy", freeHeap: 50_000, uptime: 1 } as const;
    const bytes = inDatagram(report);
    const path = { address: "127.0.0.1", port: 1, family: 4 } as const;
    expect(h.app.heartbeats.steadyBeat("n1", 0, bytes, 1, bytes.length, path)).toBe(false);
    await h.register("n1");
    expect(beat(h, report, true)).toBe(false);
    expect(beat(h, report, true)).toBe(true);
    expect(beat(h, { ...report, freeHeap: 1_000 }, true)).toBe(false);
    expect(beat(h, report, true)).toBe(false);
    await h.settle();
    expect(beat(h, report, true)).toBe(true);
    await h.wait(h.app.modes.set("n1", { mode: "maintenance" }, operator));
    expect(beat(h, report, true)).toBe(false);
    await h.wait(h.app.modes.set("n1", { mode: "operational" }, operator));
    await h.settle();
    await h.wait(h.app.commands.send("n1", { command: "restart" } as never, operator));
    expect(beat(h, report, true)).toBe(false);
  });
});
