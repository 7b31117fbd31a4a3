import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { newCounters } from "../counters.ts";
import { coapLimits } from "../limits.ts";
import { noSecurity } from "../security/none.ts";
import { RemoteAddress } from "../transport/remote-address.ts";
import { Link } from "./link.ts";
import { OnceExchanges } from "./once-exchanges.ts";
import { PeerTable } from "./peer-table.ts";

function build(overrides: Parameters<typeof coapLimits.resolve>[0]) {
  const limits = coapLimits.resolve(overrides);
  const clock = new VirtualClock();
  const entropy = seededEntropy(5);
  const peers = new PeerTable({ limits, clock, entropy, changedHands() {} });
  const link = new Link({ limits, counters: newCounters(), entropy, peers, security: noSecurity(), log: silentLog });
  const peer = (n: number): number => peers.admit(RemoteAddress.from("10.0.0.1", n), { kind: "none" });
  return { clock, link, peers, peer, once: new OnceExchanges(link, clock) };
}

describe("remembered exchanges", () => {
  it("give back what was stored for exactly as long as EXCHANGE_LIFETIME, whatever comes and goes", async () => {
    const steps = fc.array(
      fc.record({
        peer: fc.integer({ min: 1, max: 4 }),
        id: fc.integer({ min: 0, max: 30 }),
        length: fc.integer({ min: 4, max: 1_200 }),
        stored: fc.boolean(),
        waitMs: fc.oneof(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 20_000 })),
      }),
      { minLength: 1, maxLength: 120 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const { clock, link, peer, once } = build({ exchangeLifetimeMs: 10_000, onceReplyBytes: 131_072 });
        const model = new Map<string, { untilMs: number; fill: number | undefined; length: number }>();
        let fill = 0;
        for (const step of list) {
          const row = peer(step.peer);
          const key = `${step.peer}/${step.id}`;
          const known = model.get(key);
          const isKnown = known !== undefined && known.untilMs > clock.monotonicMs();
          const found = once.find(row, step.id);
          expect(found >= 0).toBe(isKnown);
          if (isKnown) {
            expect(once.recall(found)).toBe(known.fill !== undefined);
            if (known.fill !== undefined) {
              expect(link.writer.end).toBe(known.length);
              expect(link.writer.bytes.subarray(0, known.length).every((byte) => byte === known.fill)).toBe(true);
            }
          } else {
            const begun = once.begin(row, step.id);
            if (begun >= 0) {
              fill = (fill + 1) % 256;
              link.writer.bytes.fill(fill, 0, step.length);
              link.writer.end = step.length;
              if (step.stored) once.store(begun);
              const untilMs = clock.monotonicMs() + 10_000;
              model.set(key, { untilMs, fill: step.stored ? fill : undefined, length: step.length });
            }
          }
          clock.advanceSync(step.waitMs);
        }
        clock.advanceSync(30_000);
        expect(once.size).toBe(0);
        expect(once.pages).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    );
  });

  it("are refused, not forgotten, when no room for answers is left", () => {
    const { link, peer, once, clock } = build({ onceReplyBytes: 65_536, exchangeLifetimeMs: 10_000 });
    const row = peer(1);
    let taken = 0;
    for (let id = 0; id < 200; id++) {
      const begun = once.begin(row, id);
      if (begun === -2) break;
      link.writer.end = 1_200;
      once.store(begun);
      taken++;
    }
    expect(taken).toBe(54);
    expect(once.recall(once.find(row, 0))).toBe(true);
    clock.advanceSync(20_000);
    expect(once.begin(row, 0)).toBeGreaterThanOrEqual(0);
  });
});
