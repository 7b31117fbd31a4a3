import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ActionBody,
  type ActionQueue,
  acknowledge,
  actionOf,
  cancel,
  drop,
  emptyQueue,
  enqueue,
  expire,
  highestOfferable,
  isAcknowledged,
  isOpen,
  markOffered,
  markTaken,
  nextOffer,
} from "./action-queue.ts";

const command = (id: string): ActionBody => ({ kind: "command", command: "identify", id });
const config = (poll: number, values?: Record<string, string>): ActionBody => ({
  kind: "config",
  config: { poll, ...(values && { values }) },
});
const environment: ActionBody = { kind: "environment" };
const update = (attempt: string): ActionBody => ({
  kind: "update",
  update: "u",
  attempt,
  uris: ["http://h:1/x"],
  size: 1,
  digest: `sha256:${"0".repeat(64)}`,
  version: "1",
});

function put(queue: ActionQueue, body: ActionBody, expiresAtMs?: number): ActionQueue {
  const done = enqueue(queue, body, { nowMs: 0, by: "test", ...(expiresAtMs !== undefined && { expiresAtMs }) });
  if (done === undefined) throw new Error("full");
  return done.queue;
}
const offered = (queue: ActionQueue, nodeRev: number, nowMs = 0): unknown => {
  const offer = nextOffer(queue, nodeRev, nowMs);
  return offer && actionOf(offer);
};

describe("the action queue", () => {
  it("refuses one more than its limit, and takes one again when one is finished", () => {
    let queue = emptyQueue;
    for (let n = 0; n < 64; n++) queue = put(queue, command(`c${n}`));
    expect(enqueue(queue, command("one more"), { nowMs: 0, by: "test" })).toBeUndefined();
    queue = acknowledge(queue, 1).queue;
    expect(enqueue(queue, command("one more"), { nowMs: 0, by: "test" })).toBeDefined();
  });

  it("refuses when revs are used up", () => {
    const queue = { rev: 0xffff_ffff, lastRev: 0, entries: [] };
    expect(enqueue(queue, command("c"), { nowMs: 0, by: "test" })).toBeUndefined();
  });

  it("offers the lowest open rev above the node's, and says that others wait", () => {
    const queue = put(put(emptyQueue, command("a")), command("b"));
    expect(offered(queue, 0)).toEqual({ rev: 1, kind: "command", command: "identify", id: "a", more: true });
    expect(offered(queue, 1)).toEqual({ rev: 2, kind: "command", command: "identify", id: "b" });
    expect(offered(queue, 2)).toBeUndefined();
  });

  it("replaces an unsent one of a kind that is state, under a new rev", () => {
    const queue = put(put(put(emptyQueue, environment), command("a")), environment);
    expect(queue.entries.map(({ rev, body }) => [rev, body.kind])).toEqual([
      [2, "command"],
      [3, "environment"],
    ]);
  });

  it("doesn't replace one that was sent", () => {
    const queue = put(markOffered(put(emptyQueue, update("a")), 1), update("b"));
    expect(queue.entries.map(({ rev }) => rev)).toEqual([1, 2]);
  });

  it("never replaces a command", () => {
    const queue = put(put(emptyQueue, command("a")), command("b"));
    expect(queue.entries).toHaveLength(2);
  });

  it("keeps settings that were never sent when newer ones replace them", () => {
    const queue = put(put(put(emptyQueue, config(5, { a: "1", b: "1" })), config(6, { b: "2" })), config(7));
    expect(queue.entries.map(({ rev, body }) => [rev, body])).toEqual([[3, config(7, { a: "1", b: "2" })]]);
  });

  it("answers none for a cancelled rev, then goes on", () => {
    const queue = cancel(put(put(emptyQueue, update("a")), command("b")), 1)!;
    expect(offered(queue, 0)).toEqual({ rev: 1, kind: "none", more: true });
    expect(offered(queue, 1)).toMatchObject({ rev: 2, kind: "command" });
    expect(cancel(queue, 1)).toBeUndefined();
    expect(cancel(queue, 99)).toBeUndefined();
  });

  it("answers none for an expired command, before and after it was swept", () => {
    const queue = put(emptyQueue, command("a"), 1000);
    expect(offered(queue, 0, 999)).toEqual({
      rev: 1,
      kind: "command",
      command: "identify",
      id: "a",
      expires: "1970-01-01T00:00:01Z",
    });
    expect(offered(queue, 0, 1000)).toEqual({ rev: 1, kind: "none" });
    expect(expire(queue, 999).queue).toBe(queue);
    const swept = expire(queue, 1000);
    expect(swept.expired.map(({ rev }) => rev)).toEqual([1]);
    expect(offered(swept.queue, 0, 0)).toEqual({ rev: 1, kind: "none" });
    expect(expire(swept.queue, 5000).expired).toEqual([]);
  });

  it("forgets the oldest void ones when too many await a node", () => {
    let queue = emptyQueue;
    for (let n = 1; n <= 40; n++) queue = cancel(put(queue, command(`c${n}`)), n)!;
    expect(queue.entries).toHaveLength(32);
    expect(offered(queue, 0)).toMatchObject({ rev: 9, kind: "none" });
  });

  it("finishes by rev, with the result that the node gave for its last one", () => {
    const queue = put(put(put(emptyQueue, command("a")), command("b")), command("c"));
    const { queue: next, finished } = acknowledge(queue, 2, { rev: 2, outcome: "failed", reason: "no lamp" });
    expect(finished.map(({ entry, outcome, reason }) => [entry.rev, outcome, reason])).toEqual([
      [1, "unreported", undefined],
      [2, "failed", "no lamp"],
    ]);
    expect(next).toMatchObject({ lastRev: 2, entries: [{ rev: 3 }] });
  });

  it("never offers a command again that was acknowledged, even to a node that forgot everything", () => {
    const queue = acknowledge(put(put(emptyQueue, command("a")), environment), 2).queue;
    expect(offered(queue, 0)).toEqual({ rev: 2, kind: "environment" });
    expect(offered(markTaken(put(emptyQueue, command("a")), 1), 0)).toBeUndefined();
  });

  it("offers a re-flashed node what it should be: the newest environment and all settings", () => {
    let queue = acknowledge(put(emptyQueue, config(5, { a: "1" })), 1).queue;
    queue = acknowledge(put(queue, config(9, { b: "2" })), 2).queue;
    expect(offered(queue, 2)).toBeUndefined();
    expect(offered(queue, 0)).toEqual({ rev: 2, kind: "config", config: { poll: 9, values: { a: "1", b: "2" } } });
  });

  it("doesn't keep an environment that the node cancelled, nor an update", () => {
    const withdrawn = put(emptyQueue, environment);
    expect(acknowledge(withdrawn, 1, { rev: 1, outcome: "cancelled" }).queue.entries).toEqual([]);
    expect(acknowledge(put(emptyQueue, update("a")), 1, { rev: 1, outcome: "failed" }).queue.entries).toEqual([]);
    expect(drop(put(emptyQueue, update("a")), 1).entries).toEqual([]);
  });

  it("moves what waits above a node that is ahead of it, and never offers a low rev again", () => {
    const queue = put(put(put(emptyQueue, command("a")), environment), command("taken"));
    const { queue: moved, finished } = acknowledge(markTaken(queue, 3), 100);
    expect(finished).toEqual([]);
    expect(moved).toMatchObject({ rev: 102, lastRev: 100, entries: [{ rev: 101 }, { rev: 102 }] });
    expect(acknowledge(moved, 100).queue).toBe(moved);
  });

  it("knows without looking closely whether a node may have something to do", () => {
    expect(highestOfferable(emptyQueue)).toBe(0);
    expect(highestOfferable(put(emptyQueue, command("a")))).toBe(1);
    expect(highestOfferable(markTaken(put(emptyQueue, command("a")), 1))).toBe(0);
  });
});

type Step =
  | { kind: "enqueue"; body: ActionBody; expiresAtMs?: number }
  | { kind: "cancel" | "offered" | "taken" | "drop"; rev: number }
  | { kind: "expire"; nowMs: number }
  | { kind: "acknowledge"; rev: number; outcome?: "done" | "failed" | "refused" | "cancelled" };

const rev = fc.integer({ min: 0, max: 30 });
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("enqueue" as const),
      body: fc.oneof(
        fc.stringMatching(/^[a-z]{1,4}$/).map(command),
        fc.integer({ min: 1, max: 9 }).map((poll) => config(poll)),
        fc.constant(environment),
        fc.stringMatching(/^[a-z]{1,4}$/).map(update),
      ),
    }),
    fc.record({
      kind: fc.constant("enqueue" as const),
      body: fc.constant(command("expiring")),
      expiresAtMs: fc.nat(100),
    }),
    fc.record({ kind: fc.constantFrom("cancel" as const, "offered" as const, "taken" as const, "drop" as const), rev }),
    fc.record({ kind: fc.constant("expire" as const), nowMs: fc.nat(100) }),
    fc.record(
      {
        kind: fc.constant("acknowledge" as const),
        rev,
        outcome: fc.constantFrom("done" as const, "failed" as const, "refused" as const, "cancelled" as const),
      },
      { requiredKeys: ["kind", "rev"] },
    ),
  ),
  { maxLength: 60 },
) as fc.Arbitrary<Step[]>;

function apply(queue: ActionQueue, step: Step): ActionQueue {
  switch (step.kind) {
    case "enqueue": {
      const meta = { nowMs: 0, by: "test", ...(step.expiresAtMs !== undefined && { expiresAtMs: step.expiresAtMs }) };
      return enqueue(queue, step.body, meta)?.queue ?? queue;
    }
    case "cancel":
      return cancel(queue, step.rev) ?? queue;
    case "offered":
      return markOffered(queue, step.rev);
    case "taken":
      return markTaken(queue, step.rev);
    case "drop":
      return drop(queue, step.rev);
    case "expire":
      return expire(queue, step.nowMs).queue;
    case "acknowledge":
      return acknowledge(queue, step.rev, step.outcome && { rev: step.rev, outcome: step.outcome }).queue;
  }
}

describe("whatever happens to an action queue", () => {
  it("revs only grow, entries stay in their order, and the limits hold", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let queue = emptyQueue;
        for (const step of all) {
          const next = apply(queue, step);
          expect(next.rev).toBeGreaterThanOrEqual(queue.rev);
          const revs = next.entries.map((entry) => entry.rev);
          expect(revs).toEqual([...new Set(revs)].sort((a, b) => a - b));
          expect(Math.max(0, ...revs)).toBeLessThanOrEqual(next.rev);
          expect(next.entries.filter(isOpen).length).toBeLessThanOrEqual(64);
          // At most one settled entry of a kind is kept.
          const settled = next.entries.filter(({ state }) => state === "settled").map(({ body }) => body.kind);
          expect(settled).toEqual([...new Set(settled)]);
          queue = next;
        }
      }),
    );
  });

  it("each step done twice is as done once", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let queue = emptyQueue;
        for (const step of all) {
          const once = apply(queue, step);
          if (step.kind !== "enqueue") {
            expect(apply(once, step)).toBe(once);
            if (step.kind === "acknowledge") expect(isAcknowledged(once, step.rev)).toBe(true);
          }
          queue = once;
        }
      }),
    );
  });

  it("a command that was acknowledged is never offered again, at whatever rev the node says it is", () => {
    fc.assert(
      fc.property(steps, (all) => {
        let queue = emptyQueue;
        let count = 0;
        const acknowledged = new Set<string>();
        for (const step of all) {
          // Ids are unique in reality; here too, or the property would say nothing.
          const unique =
            step.kind === "enqueue" && step.body.kind === "command" ? { ...step, body: command(`c${count++}`) } : step;
          if (unique.kind === "taken") {
            const entry = queue.entries.find((each) => each.rev === unique.rev);
            if (entry?.body.kind === "command" && isOpen(entry)) acknowledged.add(entry.body.id);
          }
          if (unique.kind === "acknowledge") {
            for (const { entry } of acknowledge(queue, unique.rev).finished) {
              if (entry.body.kind === "command") acknowledged.add(entry.body.id);
            }
          }
          queue = apply(queue, unique);
          for (let nodeRev = 0; nodeRev <= queue.rev; nodeRev++) {
            const offer = nextOffer(queue, nodeRev, 0);
            if (offer === undefined || offer.isVoid || offer.entry.body.kind !== "command") continue;
            expect(acknowledged.has(offer.entry.body.id)).toBe(false);
          }
        }
      }),
    );
  });

  it("a node that finishes what it is offered comes to the end, and to the newest state of each kind", () => {
    fc.assert(
      fc.property(steps, (all) => {
        const queue0 = all.reduce(apply, emptyQueue);
        let queue = queue0;
        let nodeRev = 0;
        const seen: number[] = [];
        for (let offer = nextOffer(queue, nodeRev, 0); offer !== undefined; offer = nextOffer(queue, nodeRev, 0)) {
          expect(offer.entry.rev).toBeGreaterThan(nodeRev);
          seen.push(offer.entry.rev);
          nodeRev = offer.entry.rev;
          queue = acknowledge(queue, nodeRev, { rev: nodeRev, outcome: "done" }).queue;
          expect(seen.length).toBeLessThan(200);
        }
        const newest = queue0.entries.filter(
          ({ body, state }) =>
            (body.kind === "environment" || body.kind === "config") && state !== "cancelled" && state !== "expired",
        );
        for (const kind of ["environment", "config"]) {
          const last = newest.findLast(({ body }) => body.kind === kind);
          if (last !== undefined) expect(seen).toContain(last.rev);
        }
      }),
    );
  });
});
