import { describe, expect, it } from "vitest";
import { type GateFinding, gateVerdict } from "./gate-verdict.ts";
import { RolloutBench, startedBench as started } from "./rollout-bench.ts";
import { rolloutDigest } from "./rollout-digest.ts";
import type { RolloutEvent } from "./rollout-event.ts";
import { rolloutTransition } from "./rollout-machine.ts";
import type { RolloutState } from "./rollout-state.ts";

const minute = 60_000;

describe("waves and their gates", () => {
  it("the canary goes alone; each wave opens after the one before, its soak and its gate", () => {
    const bench = started(1000);
    expect(bench.open()).toHaveLength(1);
    bench.end(bench.open()[0]!);
    bench.tick();
    expect(bench.state.waves[0]!.settledAtMs).toBe(bench.nowMs);
    bench.tick(59_000);
    expect(bench.state.wave).toBe(0);
    bench.tick(1000);
    expect(bench.state.wave).toBe(1);
    // One had it already, 5 % are 50.
    expect(bench.open()).toHaveLength(49);
    bench.untilWave(2);
    expect(bench.open().length).toBe(100);
    bench.untilWave(3);
    for (let turns = 0; turns < 50 && bench.state.status === "running"; turns++) {
      for (const node of bench.open()) bench.end(node);
      bench.tick(30_000);
    }
    expect(bench.state.status).toBe("completed");
    expect(bench.state.members.countIn("succeeded")).toBe(1000);
  });

  it("one failure of the canary closes its gate at once, with the numbers, and nobody else is offered anything", () => {
    const bench = started(1000);
    const canary = bench.open()[0]!;
    bench.end(canary, "rolled-back", { reason: "crash" });
    bench.tick();
    expect(bench.state).toMatchObject({
      status: "paused",
      pause: { by: "gate", why: expect.stringMatching(/1 of the 1/) },
    });
    bench.tick(1_000_000_000);
    expect(bench.open()).toEqual([]);
    expect(bench.why("n7")).toContain("rollout-not-running");
  });

  it("a bad finding of health closes it; one that can't be read does too, when it can't be for long", () => {
    const finding = (kind: "bad" | "unreadable"): GateFinding => ({ what: "resets", kind, text: "resets: 9" });
    for (const kind of ["bad", "unreadable"] as const) {
      const bench = started(100, { gate: { soakSeconds: 60, readableWithinSeconds: 600, health: ["resets"] } });
      bench.health = [finding(kind)];
      bench.end(bench.open()[0]!);
      bench.tick();
      bench.tick(61_000);
      expect(bench.state.status).toBe(kind === "bad" ? "paused" : "running");
      expect(bench.state.wave).toBe(0);
      bench.tick(600_000);
      expect(bench.state).toMatchObject({ status: "paused", wave: 0 });
      // Health that is well again doesn't open what a person has to look at.
      bench.health = [];
      bench.tick(600_000);
      expect(bench.state.status).toBe("paused");
    }
  });

  it("few failures of a large wave are allowed, more close it while it is under way", () => {
    const bench = started(1000);
    bench.untilWave(1);
    const nodes = bench.open();
    for (const node of nodes.slice(0, 2)) bench.end(node, "failed", { reason: "no-space" });
    bench.tick();
    expect(bench.state.status).toBe("running");
    bench.end(nodes[2]!, "failed", { reason: "no-space" });
    bench.tick();
    expect(bench.state.status).toBe("paused");
    expect(bench.open().length).toBe(46);
  });

  it("nodes that can't be reached don't hold a wave up, but its sample must be there", () => {
    const bench = started(100, { gate: { soakSeconds: 60, minSample: 3, health: [] } });
    bench.untilWave(1);
    const [first, second, ...others] = bench.open();
    expect(others).toHaveLength(2);
    for (const node of others) bench.set(node, { presence: "offline" });
    for (const node of [first!, second!]) {
      bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "under-way" });
    }
    bench.tick(16 * minute);
    bench.end(first!);
    bench.tick(10 * minute);
    expect(bench.state.waves[1]!.settledAtMs).toBeUndefined();
    bench.end(second!);
    bench.set(others[0]!, { presence: "online" });
    bench.tick(10 * minute);
    bench.end(others[0]!);
    bench.tick();
    expect(bench.state.waves[1]!.settledAtMs).toBeDefined();
    bench.tick(61_000);
    expect(bench.state.wave).toBe(2);
  });

  it("who joins late takes his place in the order, and the canary stays one", () => {
    const bench = started(10);
    const before = bench.open();
    for (let i = 0; i < 200; i++) bench.set(`late${i}`);
    bench.do({ kind: "joined", nodes: Array.from({ length: 200 }, (_, i) => ({ node: `late${i}` })) });
    bench.tick(10_000);
    expect(bench.open()).toEqual(before);
    bench.untilWave(1);
    expect(bench.state.members.touched).toBeLessThanOrEqual(11);
  });

  it("chosen canaries are the first wave", () => {
    const bench = started(100, { canaries: ["n5", "n77"] });
    expect(bench.open().sort((a, b) => (a < b ? -1 : 1))).toEqual(["n5", "n77"]);
  });

  it("the order is the same in another run, and another one in another rollout", () => {
    const order = (id: string) => {
      const { members } = new RolloutBench(50, { id }).state;
      return [...members.order].map((row) => members.idOf(row));
    };
    expect(order("a")).toEqual(order("a"));
    expect(order("a")).not.toEqual(order("b"));
  });
});

describe("leases and limits", () => {
  const all = { waves: ["100%"] };

  it("no more than `concurrency` are at it; an end lets the next one in", () => {
    const bench = started(100, { ...all, limits: { concurrency: 7 } });
    expect(bench.open()).toHaveLength(7);
    bench.tick(1000);
    expect(bench.open()).toHaveLength(7);
    bench.end(bench.open()[0]!);
    bench.tick(0);
    expect(bench.open()).toHaveLength(7);
    expect(bench.state.active).toBe(7);
  });

  it("a slot comes back when its lease is over: an offer nobody took is no try, silence is one", () => {
    const bench = started(10, { ...all, limits: { concurrency: 2 } });
    const [first, second] = bench.open() as [string, string];
    bench.do({ kind: "moved", node: first, attempt: bench.attempt(first), to: "under-way" });
    const effects = bench.tick(16 * minute);
    expect(effects).toContainEqual({
      kind: "cancel",
      node: second,
      attempt: bench.attempt(second),
      why: "lease-expired",
    });
    expect(bench.phase(second)).toBe("waiting");
    expect(bench.state.members.columns.tries[bench.state.members.find(second)]).toBe(0);
    expect(bench.open()).toContain(first);
    bench.set(first, { attemptMovedAtMs: bench.nowMs });
    bench.tick(50 * minute);
    expect(bench.open()).toContain(first);
    bench.tick(90 * minute);
    expect(bench.open()).not.toContain(first);
    expect(bench.state.members.columns.tries[bench.state.members.find(first)]).toBe(1);
    expect(bench.state.members.reason(bench.state.members.find(first))).toBe("lease-expired");
  });

  it("a late report of an attempt that was given up changes nothing", () => {
    const bench = started(3, { ...all, limits: { concurrency: 1 } });
    const [node] = bench.open() as [string];
    const attempt = bench.attempt(node);
    bench.tick(16 * minute);
    expect(bench.do({ kind: "ended", node, attempt, state: "failed", reason: "no-space" })).toEqual([
      { kind: "ignored", why: "stale" },
    ]);
    expect(bench.phase(node)).toBe("waiting");
    // Nor when the node has another one meanwhile.
    bench.tick(60 * minute);
    for (const each of bench.open()) if (each !== node) bench.end(each);
    bench.tick();
    expect(bench.open()).toContain(node);
    expect(bench.attempt(node)).not.toBe(attempt);
    expect(bench.do({ kind: "ended", node, attempt, state: "failed", reason: "no-space" })).toEqual([
      { kind: "ignored", why: "stale" },
    ]);
  });

  it("a minute sees no more offers than the rate, whatever ends in between", () => {
    const bench = started(100, { ...all, limits: { ratePerMinute: 5 } });
    for (let second = 0; second < 58; second++) {
      for (const node of bench.open()) bench.end(node);
      bench.tick();
    }
    expect(bench.state.members.touched).toBe(5);
    bench.tick(3000);
    expect(bench.state.members.touched).toBe(10);
    expect(bench.why("n99").includes("rate-limit") || bench.phase("n99") !== "waiting").toBe(true);
  });

  it("bytes per second are kept on the mean", () => {
    const bench = started(100, { ...all, limits: { bytesPerSecond: 100_000 } });
    for (let second = 0; second < 100; second++) bench.tick();
    // One image of 1 MB takes ten seconds.
    expect(bench.state.members.touched).toBeGreaterThanOrEqual(10);
    expect(bench.state.members.touched).toBeLessThanOrEqual(12);
  });

  it("a site has no more than its share at once", () => {
    const bench = new RolloutBench(40, { ...all, limits: { perSite: 3 } });
    for (let i = 0; i < 40; i++) bench.set(`n${i}`, { site: i % 2 === 0 ? "pier" : "dock" });
    bench.do({ kind: "started", by: "ann" });
    bench.tick();
    expect(bench.open()).toHaveLength(6);
    expect(bench.state.activeBySite).toEqual(
      new Map([
        ["pier", 3],
        ["dock", 3],
      ]),
    );
    for (const node of bench.open()) bench.end(node);
    expect(bench.state.activeBySite.size).toBe(0);
  });

  it("sleepers are offered it before they come, and their sleep takes no slot of those who are awake", () => {
    const bench = new RolloutBench(40, { ...all, limits: { concurrency: 5 } });
    for (let i = 0; i < 20; i++) bench.set(`n${i}`, { isSleepy: true, pollMs: 60 * minute });
    bench.do({ kind: "started", by: "ann" });
    bench.tick();
    bench.tick();
    expect(bench.state).toMatchObject({ active: 5, sleepers: 5 });
    const sleeper = bench.open().find((node) => bench.facts.get(node)!.isSleepy)!;
    expect(bench.why(sleeper)).toEqual(["sleeping-until-uplink"]);
    bench.tick(100 * minute);
    expect(bench.phase(sleeper)).toBe("offered");
    bench.do({ kind: "moved", node: sleeper, attempt: bench.attempt(sleeper), to: "under-way" });
    expect(bench.state.sleepers).toBe(4);
  });

  it("the manager's own absence counts for nobody's lease and no soak", () => {
    const bench = started(100, { ...all, limits: { concurrency: 2 } });
    const open = bench.open();
    bench.nowMs += 20 * minute;
    bench.do({ kind: "downtime", ms: 20 * minute });
    bench.tick();
    expect(bench.open()).toEqual(open);
    bench.tick(16 * minute);
    expect(bench.open()).not.toEqual(open);
  });
});

describe("what becomes of a failure", () => {
  const all = { waves: ["100%"], gate: { failureRatio: 1, health: [] } };

  it("a passing reason is tried again after a back-off, until the budget is spent; another one never", () => {
    const bench = started(1, all);
    for (let tries = 1; tries <= 3; tries++) {
      expect(bench.phase("n0")).toBe("offered");
      bench.end("n0", "failed", { reason: "http-503" });
      if (tries === 3) break;
      expect(bench.why("n0")).toEqual(["retry-later"]);
      bench.tick(minute);
      expect(bench.phase("n0")).toBe("waiting");
      bench.tick(60 * minute);
    }
    expect(bench.phase("n0")).toBe("failed");
    const other = started(1, all);
    other.end("n0", "failed", { reason: "wrong-signature" });
    expect(other.phase("n0")).toBe("failed");
  });

  it("that the manager couldn't be reached costs no try while it was away, and is a failure of the image while it wasn't", () => {
    const bench = started(1, all);
    const reason = "manager-unreachable";
    bench.end("n0", "rolled-back", { reason, wasManagerAway: true });
    expect(bench.phase("n0")).toBe("waiting");
    expect(bench.state.members.columns.tries[0]).toBe(0);
    bench.tick(60 * minute);
    bench.end("n0", "rolled-back", { reason });
    expect(bench.phase("n0")).toBe("failed");
    expect(bench.state.waves[0]!.failed).toBe(1);
  });

  it("a node that goes silent on trial isn't tried again by itself", () => {
    const bench = started(2, { ...all, limits: { concurrency: 1 } });
    const [node] = bench.open() as [string];
    bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "committed" });
    bench.tick(61 * minute);
    expect(bench.phase(node)).toBe("failed");
  });

  it("retry lets what failed try anew, from the first try on, and counts it anew", () => {
    const bench = started(3, { ...all, retry: { attempts: 1 } });
    bench.end("n1", "failed", { reason: "no-space" });
    expect(bench.state.waves[0]!.failed).toBe(1);
    expect(bench.do({ kind: "retried", by: "ann", nodes: ["n0"] })).toEqual([
      { kind: "ignored", why: "nothing-to-retry" },
    ]);
    bench.do({ kind: "retried", by: "ann" });
    bench.tick();
    expect(bench.phase("n1")).toBe("offered");
    expect(bench.state.waves[0]!.failed).toBe(0);
    bench.end("n1");
    expect(bench.state.waves[0]!.succeeded).toBe(1);
  });

  it("a person who cancels is not a failure, and a deferral gives the slot back", () => {
    const bench = started(3, { ...all, limits: { concurrency: 1 } });
    const [node] = bench.open() as [string];
    bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "deferred" });
    bench.tick();
    expect(bench.open()).toHaveLength(2);
    expect(bench.why(node)).toEqual(["deferred"]);
    bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "under-way" });
    expect(bench.state.active).toBe(2);
    bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "deferred" });
    bench.end(node, "expired", { reason: "silent in deferred" });
    expect(bench.phase(node)).toBe("waiting");
    expect(bench.state.members.columns.tries[bench.state.members.find(node)]).toBe(0);
    for (const each of bench.open()) bench.end(each);
    for (let turns = 0; bench.phase(node) !== "offered"; turns++) {
      for (const each of bench.open()) if (each !== node) bench.end(each);
      bench.tick(minute);
      expect(turns).toBeLessThan(20);
    }
    bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "under-way" });
    bench.end(node, "cancelled", { reason: "by ann" });
    expect(bench.phase(node)).toBe("cancelled");
    expect(bench.state.waves[0]!.failed).toBe(0);
    expect(bench.state.active).toBe(0);
  });
});

describe("people", () => {
  it("four eyes: neither who made it nor who started it can approve it", () => {
    const bench = started(10, { needsApproval: true });
    expect(bench.open()).toEqual([]);
    expect(bench.why("n1")).toContain("rollout-not-running");
    expect(bench.do({ kind: "approved", by: "ann" })).toEqual([{ kind: "ignored", why: "same-person" }]);
    bench.do({ kind: "approved", by: "bob" });
    bench.tick();
    expect(bench.open()).toHaveLength(1);
  });

  it("pause offers nothing new and lets go on; resume goes on; a gate that closed isn't opened by resume alone", () => {
    const bench = started(100, { waves: ["10%", "100%"], limits: { concurrency: 4 } });
    bench.do({ kind: "paused", by: "ann", why: "lunch" });
    for (const node of bench.open()) bench.end(node);
    bench.tick(minute);
    expect(bench.open()).toEqual([]);
    bench.do({ kind: "resumed", by: "ann" });
    bench.tick();
    expect(bench.open()).toHaveLength(4);
    for (const node of bench.open()) bench.end(node, "failed", { reason: "no-space" });
    bench.tick();
    expect(bench.state.status).toBe("paused");
    expect(bench.do({ kind: "resumed", by: "ann", opensGate: true })).toEqual([]);
    expect(bench.state.wave).toBe(1);
    bench.tick();
    expect(bench.open()).toHaveLength(4);
  });

  it("abort cancels what was only offered, and what is under way when that is asked", () => {
    for (const cancelsUnderWay of [false, true]) {
      const bench = started(10, { waves: ["100%"] });
      bench.do({ kind: "moved", node: "n1", attempt: bench.attempt("n1"), to: "under-way" });
      bench.do({ kind: "moved", node: "n2", attempt: bench.attempt("n2"), to: "committed" });
      const cancelled = bench
        .do({ kind: "aborted", by: "ann", cancelsUnderWay })
        .map((effect) => effect.kind === "cancel" && effect.node);
      expect(cancelled).toHaveLength(cancelsUnderWay ? 9 : 8);
      expect(cancelled).not.toContain("n2");
      bench.end("n2");
      expect(bench.phase("n2")).toBe("succeeded");
      bench.tick(minute);
      expect(bench.do({ kind: "resumed", by: "ann" })).toEqual([{ kind: "ignored", why: "over" }]);
    }
  });

  it("a closed gate reverts by itself only where the plan says so", () => {
    const bench = started(100, { revert: { update: "fw-back", automatic: true } });
    bench.end(bench.open()[0]!, "rolled-back", { reason: "crash" });
    expect(bench.tick()).toContainEqual({ kind: "begin-revert", update: "fw-back" });
    expect(bench.state.status).toBe("reverting");
    bench.do({ kind: "revert-ended", isWhole: true });
    expect(bench.state.status).toBe("reverted");
    const other = started(100, { revert: { update: "fw-back", automatic: false } });
    other.end(other.open()[0]!, "rolled-back", { reason: "crash" });
    other.tick();
    expect(other.state.status).toBe("paused");
    expect(other.do({ kind: "revert-begun", by: "ann", why: "it is bad" })).toContainEqual({
      ...{ kind: "begin-revert", update: "fw-back" },
    });
    expect(started(3).do({ kind: "revert-begun", by: "ann", why: "" })).toEqual([
      { kind: "ignored", why: "no-revert" },
    ]);
  });
});

it("the log read again comes to the same state", () => {
  const bench = started(300, { limits: { concurrency: 20, ratePerMinute: 40, perSite: 9 } });
  for (let turns = 0; turns < 400; turns++) {
    for (const [at, node] of bench.open().entries()) {
      if ((at + turns) % 7 === 0) bench.end(node, "failed", { reason: "http-503" });
      else if ((at + turns) % 3 === 0) bench.do({ kind: "moved", node, attempt: bench.attempt(node), to: "under-way" });
      else bench.end(node);
    }
    bench.tick(20_000);
  }
  let again: RolloutState | undefined;
  for (const event of JSON.parse(JSON.stringify(bench.log)) as RolloutEvent[])
    again = rolloutTransition(again, event).state;
  expect(rolloutDigest(again!)).toBe(rolloutDigest(bench.state));
  expect(gateVerdict([]).kind).toBe("open");
});
