import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttemptState } from "../../schemas/generated/types.ts";
import {
  type AttemptEvent,
  type AttemptProgress,
  attemptDeadlineMs,
  attemptRank,
  attemptTransition,
  isEnded,
} from "./attempt-machine.ts";

const digest = `sha256:${"b".repeat(64)}`;
const old = `sha256:${"a".repeat(64)}`;
const states: readonly AttemptState[] = [
  "offered",
  "accepted",
  "deferred",
  "downloading",
  "verifying",
  "staged",
  "trial",
  "succeeded",
  "failed",
  "rolled-back",
  "cancelled",
  "expired",
];

const at = (state: AttemptState, more: Partial<AttemptProgress> = {}): AttemptProgress => ({
  state,
  digest,
  rev: 5,
  changedAtMs: 0,
  ...more,
});
const reported = (state: AttemptState, more: object = {}): AttemptEvent => ({
  kind: "reported",
  state,
  nowMs: 1,
  ...more,
});
const running = (more: Partial<Extract<AttemptEvent, { kind: "running" }>>): AttemptEvent => ({
  kind: "running",
  digest: old,
  isConfirmed: true,
  lastRev: 0,
  nowMs: 1,
  ...more,
});
const step = (attempt: AttemptProgress, event: AttemptEvent) => attemptTransition(attempt, event);

describe("an attempt", () => {
  it.each(["downloading", "verifying", "staged", "trial"] as const)(
    "doesn't succeed on the node's word alone: %s and it says succeeded",
    (state) => {
      expect(step(at(state), reported("succeeded")).state.state).toBe("trial");
      expect(step(at(state), { kind: "finished", outcome: "done", nowMs: 1 }).state.state).toBe("trial");
    },
  );

  it("doesn't succeed while the image that runs isn't confirmed, or is another", () => {
    expect(step(at("trial"), running({ digest, isConfirmed: false })).state.state).toBe("trial");
    expect(step(at("trial"), running({ digest: old })).state.state).toBe("trial");
    expect(step(at("trial"), running({ digest: undefined })).state.state).toBe("trial");
  });

  it("succeeds from any open state when the node runs it, confirmed: reports may have been lost", () => {
    for (const state of states.filter((each) => !isEnded(each))) {
      expect(step(at(state), running({ digest })).state.state).toBe("succeeded");
    }
  });

  it("moves forward over lost reports, and keeps the highest share that was reported", () => {
    let attempt = at("offered");
    attempt = step(attempt, reported("downloading", { percent: 40, bytes: 400 })).state;
    attempt = step(attempt, reported("downloading", { percent: 10, bytes: 100 })).state;
    expect(attempt).toMatchObject({ percent: 40, bytes: 400 });
    expect(step(attempt, reported("staged")).state).toMatchObject({ state: "staged", percent: 40 });
  });

  it("ignores a report about the past, and says so", () => {
    const { state, effects } = step(at("staged"), reported("downloading", { percent: 99 }));
    expect(state).toEqual(at("staged"));
    expect(effects).toEqual([{ kind: "ignored", why: "backward" }]);
  });

  it("is deferred and let go of again: neither is a failure nor backward", () => {
    expect(step(at("accepted"), reported("deferred", { reason: "relay on" })).state).toMatchObject({
      state: "deferred",
      reason: "relay on",
    });
    expect(step(at("deferred"), reported("accepted")).state.state).toBe("accepted");
    expect(step(at("downloading"), reported("deferred")).effects).toEqual([{ kind: "ignored", why: "backward" }]);
  });

  describe("is rolled back", () => {
    const rolledBack = { digest, reason: "self-test" };
    it("with the node's reason when it had got as far as an image to boot", () => {
      for (const state of ["verifying", "staged", "trial"] as const) {
        expect(step(at(state), running({ rolledBack })).state).toMatchObject({
          state: "rolled-back",
          reason: "self-test",
        });
      }
    });
    it("when the node counts its rev among the finished, although reports were lost", () => {
      expect(step(at("downloading"), running({ rolledBack, lastRev: 5 })).state.state).toBe("rolled-back");
    });
    it("but not because of an earlier attempt with the same image", () => {
      expect(step(at("downloading"), running({ rolledBack, lastRev: 4 })).state.state).toBe("downloading");
      expect(step(at("offered"), running({ rolledBack, lastRev: undefined })).state.state).toBe("offered");
    });
    it("nor because of another image", () => {
      const other = { digest: `sha256:${"c".repeat(64)}` };
      expect(step(at("trial"), running({ rolledBack: other, lastRev: 5 })).state.state).toBe("trial");
    });
    it("when the action failed once there was an image to boot", () => {
      const failed: AttemptEvent = { kind: "finished", outcome: "failed", reason: "watchdog", nowMs: 1 };
      for (const state of ["staged", "trial"] as const) {
        expect(step(at(state), failed).state).toMatchObject({ state: "rolled-back", reason: "watchdog" });
      }
      expect(step(at("downloading"), failed).state).toMatchObject({ state: "failed", reason: "watchdog" });
    });
  });

  it("ends by cancel, refusal and deadline, each with a reason", () => {
    expect(step(at("downloading"), { kind: "cancelled", reason: "by ann", nowMs: 1 }).state).toMatchObject({
      state: "cancelled",
      reason: "by ann",
    });
    expect(step(at("offered"), { kind: "finished", outcome: "refused", nowMs: 1 }).state).toMatchObject({
      state: "failed",
      reason: "refused",
    });
    expect(step(at("trial"), { kind: "deadline", reason: "silent in trial", nowMs: 1 }).state.state).toBe("expired");
  });

  it("has a deadline in every open state, and none once it ended", () => {
    for (const state of states) {
      expect(Number.isFinite(attemptDeadlineMs(at(state, { changedAtMs: 7 })))).toBe(!isEnded(state));
    }
    expect(attemptDeadlineMs(at("trial"))).toBeLessThan(attemptDeadlineMs(at("downloading")));
  });

  it("leaves the state alone on everything once it ended", () => {
    for (const state of states.filter(isEnded)) {
      for (const event of [reported("trial"), running({ digest }), running({ rolledBack: { digest }, lastRev: 9 })]) {
        expect(step(at(state), event)).toEqual({ state: at(state), effects: [{ kind: "ignored", why: "ended" }] });
      }
    }
  });
});

const anyEvent: fc.Arbitrary<AttemptEvent> = fc.oneof(
  fc.record(
    {
      kind: fc.constant("reported" as const),
      state: fc.constantFrom(...states),
      nowMs: fc.nat(),
      percent: fc.integer({ min: 0, max: 100 }),
      bytes: fc.nat(),
      reason: fc.constantFrom("x", "y"),
    },
    { requiredKeys: ["kind", "state", "nowMs"] },
  ),
  fc.record({
    kind: fc.constant("running" as const),
    digest: fc.constantFrom(digest, old, undefined),
    isConfirmed: fc.boolean(),
    rolledBack: fc.constantFrom(undefined, { digest, reason: "r" }, { digest: old }),
    lastRev: fc.constantFrom(undefined, 0, 4, 5, 6),
    nowMs: fc.nat(),
  }),
  fc.record({
    kind: fc.constant("finished" as const),
    outcome: fc.constantFrom("done", "failed", "refused", "cancelled", "unreported"),
    nowMs: fc.nat(),
  }),
  fc.record({ kind: fc.constant("renumbered" as const), rev: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    kind: fc.constantFrom("cancelled" as const, "deadline" as const),
    reason: fc.constant("r"),
    nowMs: fc.nat(),
  }),
) as fc.Arbitrary<AttemptEvent>;

describe("whatever happens to an attempt", () => {
  it("it never moves backward, its share never falls, and an end is an end", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let attempt = at("offered");
        for (const event of events) {
          const { state: next, effects } = step(attempt, event);
          expect(effects).toHaveLength(1);
          expect(attemptRank(next.state)).toBeGreaterThanOrEqual(attemptRank(attempt.state));
          expect(next.percent ?? 0).toBeGreaterThanOrEqual(attempt.percent ?? 0);
          expect(next.bytes ?? 0).toBeGreaterThanOrEqual(attempt.bytes ?? 0);
          if (isEnded(attempt.state)) expect(next).toBe(attempt);
          attempt = next;
        }
      }),
      { numRuns: 500 },
    );
  });

  it("it succeeds only on the digest that runs, confirmed, and then always", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let attempt = at("offered");
        for (const event of events) {
          const isProof = event.kind === "running" && event.digest === digest && event.isConfirmed;
          const wasOpen = !isEnded(attempt.state);
          attempt = step(attempt, event).state;
          if (attempt.state === "succeeded" && wasOpen) expect(isProof).toBe(true);
          if (isProof && wasOpen) expect(attempt.state).toBe("succeeded");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("each event twice is as once", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let attempt = at("offered");
        for (const event of events) {
          const once = step(attempt, event).state;
          const { state: twice, effects } = step(once, event);
          expect(twice).toBe(once);
          expect(effects[0]?.kind).toBe("ignored");
          attempt = once;
        }
      }),
      { numRuns: 500 },
    );
  });
});
