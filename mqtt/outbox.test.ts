import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Keeping, Outbox, type Outgoing } from "./outbox.ts";

const plenty = { maxStreamMessages: 1000, maxLatestTopics: 1000, maxKeptMessages: 1000, maxQueuedBytes: 1_000_000 };
const message = (topic: string, keeping: Keeping, size = 1) => ({
  ...{ topic, keeping, payload: new Uint8Array(size), retain: false },
});

/** Takes all that there is. */
function drained(outbox: Outbox): string[] {
  const topics: string[] = [];
  for (let next = outbox.take(); next !== undefined; next = outbox.take()) {
    topics.push(next.topic);
    outbox.sent(next);
  }
  return topics;
}

describe("an outbox that is full", () => {
  it("drops the oldest of a stream, and counts it", () => {
    const outbox = new Outbox({ ...plenty, maxStreamMessages: 2 });
    for (const topic of ["a", "b", "c"]) expect(outbox.offer(message(topic, "stream"))).toBe(true);
    expect(drained(outbox)).toEqual(["b", "c"]);
    expect(outbox.counters.streamDropped).toBe(1);
  });

  it("takes no further message that is to be kept, and keeps those that it has", () => {
    const outbox = new Outbox({ ...plenty, maxKeptMessages: 2 });
    for (const topic of ["a", "b"]) expect(outbox.offer(message(topic, "kept"))).toBe(true);
    expect(outbox.offer(message("c", "kept"))).toBe(false);
    expect(drained(outbox)).toEqual(["a", "b"]);
    expect(outbox.counters.refused).toBe(1);
  });

  it("in bytes makes room of streams first, then of newest values, and never of what is kept", () => {
    const outbox = new Outbox({ ...plenty, maxQueuedBytes: 1000 });
    outbox.offer(message("s", "stream", 200));
    outbox.offer(message("l", "latest", 200));
    outbox.offer(message("k", "kept", 200));
    expect(outbox.offer(message("k2", "kept", 200))).toBe(true);
    expect(outbox.counters).toMatchObject({ streamDropped: 1, latestDropped: 0 });
    expect(outbox.offer(message("k3", "kept", 200))).toBe(true);
    expect(outbox.counters).toMatchObject({ streamDropped: 1, latestDropped: 1 });
    expect(outbox.offer(message("k4", "kept", 200))).toBe(false);
    expect(outbox.offer(message("s2", "stream", 200))).toBe(false);
    expect(drained(outbox)).toEqual(["k", "k2", "k3"]);
    expect(outbox.bytes).toBe(0);
  });

  it("takes nothing that is larger than the whole of it, and loses nothing by it", () => {
    const outbox = new Outbox({ ...plenty, maxQueuedBytes: 1000 });
    outbox.offer(message("s", "stream", 200));
    expect(outbox.offer(message("s2", "stream", 2000))).toBe(false);
    expect(drained(outbox)).toEqual(["s"]);
  });
});

describe("an outbox", () => {
  it("sends what is kept first, then newest values, then streams, each in order", () => {
    const outbox = new Outbox(plenty);
    for (const [topic, keeping] of [
      ...[["s1", "stream"] as const, ["l1", "latest"] as const, ["k1", "kept"] as const],
      ...[["s2", "stream"] as const, ["l2", "latest"] as const, ["k2", "kept"] as const],
    ]) {
      outbox.offer(message(topic, keeping));
    }
    expect(drained(outbox)).toEqual(["k1", "k2", "l1", "l2", "s1", "s2"]);
  });

  it("has of a topic its newest value alone, also when the one before is on its way", () => {
    const outbox = new Outbox(plenty);
    outbox.offer(message("l", "latest", 1));
    const first = outbox.take() as Outgoing;
    outbox.offer(message("l", "latest", 2));
    outbox.sent(first);
    expect(outbox.take()?.payload).toHaveLength(2);
    expect(outbox.size).toBe(1);
  });

  it("sends again what was on its way when the link broke, before what came later", () => {
    const outbox = new Outbox(plenty);
    for (const topic of ["a", "b", "c"]) outbox.offer(message(topic, "stream"));
    const [a, b] = [outbox.take() as Outgoing, outbox.take() as Outgoing];
    outbox.sent(b);
    outbox.unsent();
    expect(drained(outbox)).toEqual(["a", "c"]);
    outbox.sent(a);
    expect([outbox.size, outbox.bytes]).toEqual([0, 0]);
  });

  it("keeps within its limits whatever happens, and loses nothing that is to be kept but what it refused", () => {
    const limits = { maxStreamMessages: 5, maxLatestTopics: 3, maxKeptMessages: 4, maxQueuedBytes: 1500 };
    const keeping = fc.constantFrom<Keeping>("stream", "latest", "kept");
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("offer" as const),
        keeping,
        topic: fc.constantFrom("a", "b", "c", "d", "e"),
        size: fc.nat(400),
      }),
      fc.record({ kind: fc.constantFrom("take" as const, "sent" as const, "unsent" as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const outbox = new Outbox(limits);
        const out: Outgoing[] = [];
        let kept = 0;
        for (const each of steps) {
          if (each.kind === "offer" && outbox.offer(message(each.topic, each.keeping, each.size)))
            kept += each.keeping === "kept" ? 1 : 0;
          if (each.kind === "take") {
            const next = outbox.take();
            if (next !== undefined) out.push(next);
          }
          if (each.kind === "sent") {
            const next = out.shift();
            if (next !== undefined) outbox.sent(next);
            kept -= next?.keeping === "kept" ? 1 : 0;
          }
          if (each.kind === "unsent") {
            outbox.unsent();
            out.length = 0;
          }
          expect(outbox.bytes).toBeLessThanOrEqual(limits.maxQueuedBytes);
          expect(outbox.size).toBeLessThanOrEqual(12);
        }
        outbox.unsent();
        const left: Keeping[] = [];
        for (let next = outbox.take(); next !== undefined; next = outbox.take()) {
          left.push(next.keeping);
          outbox.sent(next);
        }
        expect(left.filter((each) => each === "kept")).toHaveLength(kept);
        expect([outbox.size, outbox.bytes]).toEqual([0, 0]);
      }),
    );
  });
});
