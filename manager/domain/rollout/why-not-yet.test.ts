import { describe, expect, it } from "vitest";
import { digest, RolloutBench, startedBench as started } from "./rollout-bench.ts";

describe("why not yet", () => {
  it("names everything that stands against an offer, in order, and nothing for who can be offered it", () => {
    const bench = new RolloutBench(100, {
      ...{ windows: ["daily 02:00-03:00"], timeZone: "Europe/Berlin", limits: { concurrency: 1 } },
      power: { minBatteryPercent: 30 },
    });
    expect(bench.why("n1")[0]).toBe("rollout-not-running");
    bench.do({ kind: "started", by: "ann" });
    bench.set("n1", { presence: "offline", heardAtMs: 5, battery: 20, isDeferred: true, isBusy: true });
    const last = [...bench.state.members.order].at(-1)!;
    const node = bench.state.members.idOf(last);
    bench.set(node, { ...bench.facts.get("n1")! });
    bench.world.isQuarantined = true;
    expect(bench.why(node)).toEqual([
      ...[
        "wave-not-open",
        "window-closed",
        "deferred",
        "busy-with-another-update",
        "quarantined",
        "low-battery",
        "not-seen",
      ],
    ]);
    expect(bench.why("nobody")).toEqual(["not-a-member"]);
    const first = bench.state.members.idOf(bench.state.members.order[0]!);
    bench.world.isQuarantined = false;
    bench.set(first, { presence: "online", heardAtMs: bench.nowMs, battery: 90, isDeferred: false, isBusy: false });
    expect(bench.why(first)).toEqual(["window-closed"]);
    bench.nowMs = Date.parse("2026-03-01T01:30:00Z");
    expect(bench.why(first)).toEqual([]);
    bench.tick(0);
    expect(bench.open()).toEqual([first]);
  });

  it("a battery that nobody told of isn't assumed to be full", () => {
    const bench = new RolloutBench(1, { power: { mainsOnly: true } });
    bench.do({ kind: "started", by: "ann" });
    bench.set("n0", { hasReport: false });
    expect(bench.why("n0")).toEqual(["no-status-report"]);
    bench.set("n0", { hasReport: true, battery: 100 });
    expect(bench.why("n0")).toEqual(["on-battery"]);
    bench.facts.set("n0", { ...bench.facts.get("n0")!, battery: undefined });
    expect(bench.why("n0")).toEqual([]);
  });

  it.each([true, false])(
    "a quarantine noticed first, or not (%s), hides no gate that its roll-backs close",
    (isFirst) => {
      const revert = { update: "back", automatic: true };
      const bench = started(60, { waves: ["100%"], revert, limits: { concurrency: 10 } });
      bench.tick();
      // Three of sixty may fail; a fourth closes the gate.
      const [fourth, ...three] = bench.open().slice(0, 4);
      for (const node of three) bench.end(node, "rolled-back", { reason: "crash" });
      bench.world.isQuarantined = isFirst;
      bench.tick();
      expect(bench.state.pause?.by).toBe(isFirst ? "quarantine" : undefined);
      bench.end(fourth!, "rolled-back", { reason: "crash" });
      bench.world.isQuarantined = true;
      bench.tick();
      expect(bench.state).toMatchObject({ status: "reverting", pause: { by: "gate" } });
    },
  );

  it("a quarantined digest pauses the rollout", () => {
    const bench = started(10);
    bench.world.isQuarantined = true;
    bench.tick();
    expect(bench.state).toMatchObject({ status: "paused", pause: { by: "quarantine" } });
  });

  it("who turns out to run the image already is a member that had it, and no sample of a gate", () => {
    const bench = new RolloutBench(2);
    bench.set("n0", { digest });
    bench.set("n1", { digest });
    bench.do({ kind: "started", by: "ann" });
    bench.tick();
    expect(bench.state.members.countIn("had")).toBeGreaterThan(0);
    expect(bench.state.waves[0]!.succeeded).toBe(0);
    bench.tick();
    expect(bench.state.status).toBe("completed");
  });

  it.each(["runs the image before its turn", "leaves while it is at it"])(
    "a canary that %s has its place taken by the next one",
    (how) => {
      const bench = started(10);
      const [canary] = bench.open();
      if (how.startsWith("runs")) bench.do({ kind: "had", nodes: [canary!] });
      else bench.do({ kind: "left", nodes: [canary!] });
      bench.tick();
      const [next] = bench.open();
      expect(next).not.toBe(canary);
      bench.end(next!);
      bench.untilWave(1);
      expect(bench.state.wave).toBeGreaterThan(0);
    },
  );
});
