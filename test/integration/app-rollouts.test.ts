import { describe, expect, it } from "vitest";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";
import { plan, type RolloutFleet, started, update } from "./rollout-fleet.ts";

const bob = { kind: "operator", id: "bob" } as const;
const minute = 60_000;

describe("a rollout through the manager", () => {
  it("goes in waves to the whole fleet, each node once", async () => {
    const fleet = await started(40);
    const seen: number[] = [];
    await fleet.until("completed", (view) => {
      const { succeeded = 0 } = view.counts;
      seen.push(succeeded);
      expect(succeeded).toBeLessThanOrEqual(view.waves.at(-1)?.reaches ?? 0);
      return view.status === "completed";
    });
    for (const reached of [1, 2, 8]) expect(seen.filter((each) => each === reached).length).toBeGreaterThan(2);
    expect([...fleet.offers.values()].every((count) => count === 1)).toBe(true);
    expect(fleet.offers.size).toBe(40);
    expect(fleet.h.of("rollout").at(-1)).toMatchObject({ status: "completed", counts: { succeeded: 40 } });
  });

  it("a canary that rolls back stops it, and the revert goes by itself to who runs the update", async () => {
    const fleet = await started(30, { waves: ["2", "100%"], revert: { update: "fw-1-again", automatic: true } });
    let bad = "";
    fleet.how = (node) => {
      if (bad === "" && fleet.offers.size === 0) bad = node;
      return node === bad && (fleet.offers.get(node) ?? 0) === 0 ? "rolls-back" : "succeeds";
    };
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view.revertWhy).toMatch(/failures: 1 of the 2/);
    expect(view.revertedBy).toBe("r1-revert");
    const back = fleet.h.app.rollouts.find("r1-revert");
    expect(back).toMatchObject({ status: "completed", update: "fw-1-again" });
    expect(fleet.ids.filter((id) => fleet.runs(id) !== digestA)).toEqual([]);
    // Two canaries, one of which went back.
    expect(fleet.offers.size).toBe(2);
  });

  it("isn't whole when taken back where a node runs the image under a higher number than the way back has", async () => {
    const fleet = await started(3, { waves: ["100%"], revert: { update: "fw-1-again", automatic: false } });
    await fleet.until("completed", ({ status }) => status === "completed");
    await fleet.h.register("n1", { digest: digestB as never, seq: 9 });
    expect(await fleet.h.wait(fleet.h.app.rollouts.steer("r1", { kind: "revert", why: "" }, bob))).toMatchObject({
      kind: "done",
    });
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view.isRevertWhole).toBe(false);
    expect(fleet.ids.filter((id) => fleet.runs(id) !== digestA)).toEqual(["n1"]);
  });

  it("whose only node was cancelled says that it waits for that one, and what ends it", async () => {
    const fleet = await started(1);
    fleet.how = () => "ignores";
    await fleet.until("offered", ({ counts }) => counts.offered === 1);
    await fleet.h.wait(fleet.h.app.attempts.cancel(fleet.ids[0]!, bob));
    const view = await fleet.until("cancelled", ({ counts }) => counts.cancelled === 1);
    expect(view.waitsFor).toMatch(/0 of the 1 ends .*; 1 cancelled: `coxswain rollout retry r1`/);
  });

  it("a digest that rolled back on three nodes is offered to nobody until a person lifts it", async () => {
    const fleet = await started(30, {
      waves: ["100%"],
      gate: { failureRatio: 1, health: [] },
      limits: { concurrency: 6 },
    });
    const bad = new Set<string>();
    fleet.how = (node) => {
      if (bad.size < 3) bad.add(node);
      return bad.has(node) ? "rolls-back" : "ignores";
    };
    const paused = await fleet.until("paused", ({ status }) => status === "paused");
    await fleet.h.settle(5000);
    // Who had been offered it and hadn't taken it isn't any more.
    const { failed, waiting = 0, cancelled = 0, ...others } = fleet.h.app.rollouts.find("r1")?.counts ?? {};
    expect([failed, others, waiting + cancelled]).toEqual([3, {}, 27]);
    expect(cancelled).toBeGreaterThanOrEqual(3);
    expect(paused.counts.failed).toBe(3);
    const { app } = fleet.h;
    expect(app.rollouts.quarantined()).toMatchObject([{ model: "sensor", digest: digestB }]);
    expect(app.rollouts.find("r1")?.pause?.by).toBe("quarantine");
    const started2 = await fleet.h.wait(app.updates.start("fw-2", ["n9", "n10", "n11", "n12", "n13"], operator));
    const refused =
      started2.kind === "started" ? started2.nodes.filter(({ outcome }) => outcome.kind === "refused") : [];
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every(({ outcome }) => outcome.kind === "refused" && outcome.reason === "quarantined")).toBe(true);
    const after = await fleet.h.crash();
    expect(after.app.rollouts.quarantined()).toHaveLength(1);
    expect(await after.wait(after.app.rollouts.lift("sensor", digestB, operator))).toBe("lifted");
    expect(after.app.rollouts.quarantined()).toEqual([]);
  });

  it("a roll-back that is told after its attempt was given up counts for the quarantine, once for each lift", async () => {
    const fleet = await started(30, {
      waves: ["100%"],
      gate: { failureRatio: 1, health: [] },
      limits: { concurrency: 3, silentLeaseSeconds: 600 },
    });
    fleet.how = () => "ignores";
    await fleet.beat();
    await fleet.h.settle(5000);
    const { app } = fleet.h;
    const given = await fleet.h.wait(app.attempts.list({ update: "fw-2" }));
    expect(given).toHaveLength(3);
    for (const { node, attempt } of given)
      await fleet.h.wait(app.attempts.report(node, { attempt: attempt.id, state: "trial" } as never, "coap"));
    await fleet.until("given up", ({ counts }) => (counts.failed ?? 0) >= 3);
    const tell = async () => {
      for (const { node, rev } of given) {
        const rolledBack = { digest: digestB as never, reason: "hang" };
        await fleet.h.register(node, { digest: digestA as never, lastRev: rev, rolledBack });
      }
      await fleet.h.settle(1000);
    };
    expect(app.rollouts.quarantined()).toEqual([]);
    await tell();
    expect(app.rollouts.quarantined()).toMatchObject([{ model: "sensor", digest: digestB }]);
    expect(await fleet.h.wait(app.rollouts.lift("sensor", digestB, operator))).toBe("lifted");
    await tell();
    expect(app.rollouts.quarantined()).toEqual([]);
  });

  it("manager killed at any moment: nothing is lost, nobody is offered it twice", async () => {
    const fleet = await started(30, { waves: ["1", "50%", "100%"], limits: { concurrency: 4 } });
    for (let kills = 0; kills < 25; kills++) {
      await fleet.beat();
      await fleet.h.settle(500 + kills * 997);
      fleet.h = await fleet.h.crash();
      await fleet.register();
    }
    await fleet.until("completed", ({ status }) => status === "completed");
    expect([...fleet.offers].filter(([, count]) => count !== 1)).toEqual([]);
    expect(fleet.offers.size).toBe(30);
  });

  it("storage that fails now and then loses nothing either", async () => {
    let broken = false;
    const fleet = await started(20, { waves: ["1", "100%"] }, { failsCommit: (n: number) => broken && n % 3 === 0 });
    broken = true;
    for (let i = 0; i < 20; i++) {
      await fleet.beat().catch(() => undefined);
      await fleet.h.settle(5_000);
    }
    broken = false;
    await fleet.until("completed", ({ status }) => status === "completed");
    expect(fleet.ids.every((id) => fleet.runs(id) === digestB)).toBe(true);
  });

  it("says why a node waits, in order, and what is outside", async () => {
    const fleet = await started(10);
    const { app } = fleet.h;
    await fleet.h.register("other", { model: "valve" });
    const answers = await fleet.h.wait(Promise.all(fleet.ids.map((id) => app.rollouts.why("r1", id))));
    const firsts = answers.map((each) => (typeof each === "string" ? each : each.reasons[0]?.why));
    expect(firsts.filter((why) => why === "wave-not-open")).toHaveLength(9);
    expect(await fleet.h.wait(app.rollouts.why("r1", "other"))).toMatchObject({
      phase: "not-a-member",
      reasons: [{ why: "outside-the-query", because: "other-model" }],
    });
    expect(await fleet.h.wait(app.rollouts.why("r1", "nobody"))).toBe("unknown-node");
    expect(await fleet.h.wait(app.rollouts.why("r9", "n1"))).toBe("unknown-rollout");
  });

  it("a node that asks for the update by itself waits for its turn", async () => {
    const fleet = await started(10);
    const { app } = fleet.h;
    await fleet.h.settle(2000);
    const waiting = (app.rollouts.members("r1", { phase: "waiting" }) ?? [])[0]!.node;
    expect(await fleet.h.wait(app.updates.install("fw-2", waiting))).toMatchObject({
      kind: "wait",
      reason: "wave-not-open",
    });
  });

  it("a node whose attempt was called back doesn't get the update by asking for it", async () => {
    const revert = { update: "fw-1-again", automatic: false };
    const steps = [
      ["aborted", { kind: "abort", cancelsUnderWay: true }],
      ["reverted", { kind: "revert", why: "" }],
    ] as const;
    for (const [status, step] of steps) {
      const fleet = await started(2, { waves: ["100%"], revert });
      fleet.how = () => "ignores";
      await fleet.until("offered", ({ counts }) => counts.offered === 2);
      const { app } = fleet.h;
      await fleet.h.wait(app.rollouts.steer("r1", step, bob));
      await fleet.until(status, (view) => view.status === status);
      expect(await fleet.h.wait(app.updates.install("fw-2", "n0"))).toMatchObject({
        ...{ kind: "wait", reason: `its rollout is ${status}` },
      });
      // A person may still decide.
      expect(await fleet.h.wait(app.updates.start("fw-2", ["n0"], operator))).toMatchObject({
        nodes: [{ outcome: { kind: "offered" } }],
      });
      expect((await fleet.h.wait(app.updates.install("fw-2", "n0"))).kind).toBe("go");
    }
  });

  it("a new node that matches joins while it is open; one that is removed leaves", async () => {
    const fleet = await started(10);
    await fleet.h.register("late");
    await fleet.h.settle(500);
    expect(fleet.h.app.rollouts.find("r1")?.members).toBe(11);
    await fleet.h.wait(fleet.h.app.registry.remove("late", operator));
    await fleet.h.settle(500);
    expect(fleet.h.app.rollouts.find("r1")?.members).toBe(10);
  });

  it("pause, resume, abort and retry are audited with who did them", async () => {
    const fleet = await started(10);
    const { app } = fleet.h;
    const steer = (step: Parameters<typeof app.rollouts.steer>[1], by: typeof operator | typeof bob = operator) =>
      fleet.h.wait(app.rollouts.steer("r1", step, by));
    expect(await steer({ kind: "pause", why: "storm" }, bob)).toMatchObject({
      kind: "done",
      rollout: { status: "paused" },
    });
    expect(await steer({ kind: "pause", why: "storm" })).toEqual({ kind: "refused", why: "not-running" });
    expect(await steer({ kind: "resume", opensGate: false })).toMatchObject({ kind: "done" });
    expect(await steer({ kind: "retry" })).toEqual({ kind: "refused", why: "nothing-to-retry" });
    expect(await steer({ kind: "revert", why: "" })).toEqual({ kind: "refused", why: "no-revert" });
    expect(await steer({ kind: "abort", cancelsUnderWay: true })).toMatchObject({
      kind: "done",
      rollout: { status: "aborted" },
    });
    const audited = await fleet.h.wait(app.audit.list({ subject: "rollout/r1" }));
    expect(audited?.entries.map(({ entry }) => `${entry.what} ${entry.by.id}`)).toEqual([
      ...[`rollout-abort ${operator.id}`, `rollout-resume ${operator.id}`, "rollout-pause bob"],
      ...[`rollout-start ${operator.id}`, `rollout-created ${operator.id}`],
    ]);
  });

  it("a revert whose update was withdrawn since ends at once, and says that nobody is back", async () => {
    const fleet = await started(10, { waves: ["2", "100%"], revert: { update: "fw-1-again", automatic: true } });
    await fleet.h.wait(fleet.h.app.updates.withdraw("fw-1-again", operator));
    fleet.how = () => "rolls-back";
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view).toMatchObject({ isRevertWhole: false });
    expect(view.revertedBy).toBeUndefined();
  });

  it("a revert that storage refused is made as soon as it takes it", async () => {
    let isBroken = true;
    let status = (): string | undefined => undefined;
    const failsCommit = () => isBroken && status() === "reverting";
    const over = { waves: ["2", "100%"], revert: { update: "fw-1-again", automatic: true } };
    const fleet = await started(10, over, { failsCommit });
    status = () => fleet.h.app.rollouts.find("r1")?.status;
    fleet.how = () => (fleet.offers.size === 0 ? "rolls-back" : "succeeds");
    await fleet.until("reverting", (view) => view.status === "reverting");
    await fleet.h.settle(5000);
    expect(fleet.h.app.rollouts.find("r1")?.revertedBy).toBeUndefined();
    isBroken = false;
    const view = await fleet.until("reverted", (each) => each.status === "reverted");
    expect(view).toMatchObject({ revertedBy: "r1-revert", isRevertWhole: true });
  });

  it("a revert takes back what its own rollout brought, and nobody else's image", async () => {
    const revert = { update: "fw-1-again", automatic: true };
    const fleet = await started(6, { waves: ["100%"], targets: { nodes: ["n0", "n1"] } });
    const { app } = fleet.h;
    await fleet.until("completed", ({ status }) => status === "completed");
    const over = { id: "r2", waves: ["3", "100%"], targets: { nodes: ["n2", "n3", "n4", "n5"] }, revert };
    await fleet.h.wait(app.rollouts.create(plan(over), operator));
    await fleet.h.wait(app.rollouts.steer("r2", { kind: "start" }, operator));
    fleet.how = () => (fleet.offers.size === 2 ? "rolls-back" : "succeeds");
    const view = await fleet.until("reverted", ({ status }) => status === "reverted", "r2");
    expect(view.isRevertWhole).toBe(true);
    expect(fleet.ids.filter((id) => fleet.runs(id) === digestB)).toEqual(["n0", "n1"]);
    expect(app.rollouts.find("r2-revert")?.counts).toEqual({ succeeded: 2 });
  });

  it("isn't whole when taken back while a node is silent that staged the image", async () => {
    const fleet = await started(4, { waves: ["1", "100%"], revert: { update: "fw-1-again", automatic: true } });
    fleet.how = () => "ignores";
    await fleet.until("offered", ({ counts }) => counts.offered === 1);
    const { app } = fleet.h;
    const [canary] = app.rollouts.members("r1", { phase: "offered" }) ?? [];
    const { node = "", attempt } = canary ?? {};
    await fleet.h.wait(app.attempts.report(node, { attempt, state: "staged" } as never, "coap"));
    // From here on nothing is heard of it.
    (fleet.ids as string[]).splice(fleet.ids.indexOf(node), 1);
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view).toMatchObject({ counts: { failed: 1 }, isRevertWhole: false });
  });

  it("a rollout that only has the name of a revert is none, and long names have reverts of their own", async () => {
    const revert = { update: "fw-1-again", automatic: false };
    const fleet = await started(3, { waves: ["100%"], revert });
    const { app } = fleet.h;
    expect(await fleet.h.wait(app.rollouts.create(plan({ id: "r1-revert", revert }), operator))).toMatchObject({
      kind: "created",
    });
    expect(app.rollouts.find("r1")?.revertedBy).toBeUndefined();
    await fleet.until("completed", ({ status }) => status === "completed");
    await fleet.h.wait(app.rollouts.steer("r1", { kind: "revert", why: "" }, bob));
    const view = await fleet.until("reverted", ({ status }) => status === "reverted");
    expect(view).toMatchObject({ isRevertWhole: false });
    const long = ["a", "b"].map((end) => `${"x".repeat(47)}${end}`);
    for (const id of long) {
      await fleet.h.wait(app.rollouts.create(plan({ id, revert }), operator));
      await fleet.h.wait(app.rollouts.steer(id, { kind: "start" }, operator));
      await fleet.h.wait(app.rollouts.steer(id, { kind: "revert", why: "" }, bob));
    }
    for (const id of long) await fleet.until("reverted", ({ status }) => status === "reverted", id);
    const [first, second] = long.map((id) => app.rollouts.find(id)?.revertedBy);
    expect(first).toMatch(/^x{32}-[0-9a-f]{8}-revert$/);
    expect(second).toMatch(/^x{32}-[0-9a-f]{8}-revert$/);
    expect(second).not.toBe(first);
  });

  it("an image that is quarantined for its model goes to no node that doesn't say its model either", async () => {
    const fleet = await started(12, { waves: ["100%"], gate: { failureRatio: 1, health: [] } });
    fleet.how = () => "rolls-back";
    await fleet.until("paused", ({ status }) => status === "paused");
    const { app } = fleet.h;
    expect(app.rollouts.quarantined()).toHaveLength(1);
    await fleet.h.register("mute", { model: "unknown" });
    expect(await fleet.h.wait(app.updates.start("fw-2", ["mute"], operator))).toMatchObject({
      nodes: [{ outcome: { kind: "refused", reason: "quarantined" } }],
    });
  });

  it("a plan that can't be carried out is refused with its reason", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    await h.wait(
      h.app.updates.create(update({ id: "lower", digest: digestA as never, size: 1000, sequence: 1 }), operator),
    );
    const refusal = async (over: Record<string, unknown>) => {
      const outcome = await h.wait(h.app.rollouts.create(plan(over), operator));
      return outcome.kind === "refused" ? outcome.why : outcome.kind;
    };
    expect(await refusal({ update: "none" })).toBe("unknown-update");
    expect(await refusal({ canaries: ["n7"] })).toBe("canary-not-a-member");
    expect(await refusal({ targets: { query: { model: "valve" } } })).toBe("other-model");
    expect(await refusal({ revert: { update: "none", automatic: true } })).toBe("unknown-revert");
    expect(await refusal({ revert: { update: "fw-2", automatic: true } })).toBe("revert-is-the-same-image");
    // A node takes nothing whose number isn't above the one that it runs: such a revert could never work.
    expect(await refusal({ revert: { update: "lower", automatic: true } })).toBe("revert-sequence-too-low");
    expect(await refusal({})).toBe("created");
    expect(await refusal({})).toBe("exists");
    await h.wait(h.app.updates.withdraw("fw-2", operator));
    expect(await refusal({ id: "r2" })).toBe("withdrawn");
  });

  it("time during which the manager didn't run is held against nobody", async () => {
    const fleet = await started(4, { waves: ["100%"], limits: { offerLeaseSeconds: 600 } });
    fleet.how = () => "ignores";
    await fleet.beat();
    await fleet.h.settle(20_000);
    expect(fleet.h.app.rollouts.find("r1")?.counts).toEqual({ offered: 4 });
    const before = fleet.h.survivors();
    fleet.h = await new AppHarness({ seed: 99 }, { ...before, wallMs: before.wallMs + 48 * 60 * minute }).start();
    await fleet.register();
    await fleet.h.settle(20_000);
    expect(fleet.h.app.rollouts.find("r1")?.counts).toEqual({ offered: 4 });
    fleet.how = () => "succeeds";
    await fleet.until("completed", ({ status }) => status === "completed");
    expect([...fleet.offers.values()]).toEqual([1, 1, 1, 1]);
  });

  it("an absence is credited from when the manager was last at work, not from an older mark", async () => {
    const fleet = await started(1, { waves: ["100%"] });
    fleet.how = () => "ignores";
    await fleet.h.settle(20_000);
    // With nothing open nothing is marked any more.
    await fleet.h.wait(fleet.h.app.rollouts.steer("r1", { kind: "abort", cancelsUnderWay: true }, bob));
    await fleet.h.settle(60 * minute);
    await fleet.h.wait(fleet.h.app.updates.start("fw-2", ["n0"], operator));
    const before = fleet.h.survivors();
    const wallMs = before.wallMs + minute;
    fleet.h = await new AppHarness({ seed: 99 }, { ...before, wallMs }).start();
    const changed = fleet.h.app.attempts.find("fw-2", "n0")?.attempt.changed ?? "";
    expect(Date.parse(changed) - before.wallMs).toBeGreaterThan(minute / 2);
    expect(Date.parse(changed) - wallMs).toBeLessThan(1000);
  });

  it("a rollout that has the id of a forgotten one makes attempts of its own", async () => {
    const fleet = await started(3, { waves: ["100%"] }, { limits: { rollouts: 1 } });
    fleet.how = () => "fails";
    const names = async () =>
      (await fleet.h.wait(fleet.h.app.attempts.list({ node: "n1" }))).map(({ attempt }) => attempt.id);
    await fleet.until("paused", ({ status }) => status === "paused");
    const before = await names();
    expect(before.length).toBeGreaterThan(0);
    await fleet.h.wait(fleet.h.app.rollouts.steer("r1", { kind: "abort", cancelsUnderWay: true }, operator));
    const { app } = fleet.h;
    expect(await fleet.h.wait(app.rollouts.create(plan({ id: "other" }), operator))).toMatchObject({ kind: "created" });
    await fleet.h.wait(app.rollouts.steer("other", { kind: "abort", cancelsUnderWay: true }, operator));
    const again = plan({ waves: ["100%"], retry: { attempts: 9 } });
    expect(await fleet.h.wait(app.rollouts.create(again, operator))).toMatchObject({ kind: "created" });
    fleet.how = () => "succeeds";
    await fleet.h.wait(app.rollouts.steer("r1", { kind: "start" }, operator));
    const view = await fleet.until("completed", ({ status }) => status === "completed");
    expect(view.counts).toEqual({ succeeded: 3 });
    expect(new Set(await names()).size).toBeGreaterThan(before.length);
  });

  it("a forecast is the machine on virtual time, the same for the same seed", async () => {
    const h = await new AppHarness().start();
    for (let i = 0; i < 30; i++) await h.register(`n${i}`);
    await h.wait(h.app.updates.create(update(), operator));
    const forecast = (seed: number) => h.wait(h.app.rollouts.forecast(plan(), seed));
    const first = await forecast(1);
    expect(first).toMatchObject({ kind: "forecast", members: 30, status: "completed", succeeded: 30 });
    expect(first.kind === "forecast" && first.durationMs).toBeGreaterThan(4 * minute);
    expect(await forecast(1)).toEqual(first);
    expect(h.app.rollouts.list()).toEqual([]);
  });

  it("a forecast has the failures and roll-backs of the past, tells how far it is, and stops where the machine would", async () => {
    const shares: number[] = [];
    const forecast = async (fleet: RolloutFleet, over: Record<string, unknown> = {}) => {
      const { app } = fleet.h;
      const found = await fleet.h.wait(
        app.rollouts.forecast(plan({ id: "r2", ...over }), 1, (share) => shares.push(share)),
      );
      if (found.kind === "refused") throw new Error(found.why);
      return found;
    };
    const bad = await started(40, {
      waves: ["50%", "100%"],
      gate: { soakSeconds: 60, health: [], failureRatio: 0.01 },
    });
    bad.how = (node) => (Number(node.slice(1)) % 5 === 0 ? "rolls-back" : "succeeds");
    await bad.until("paused", ({ status }) => status === "paused");
    await bad.h.settle(5000);
    for (const { digest, model } of bad.h.app.rollouts.quarantined())
      await bad.h.wait(bad.h.app.rollouts.lift(model, digest, operator));
    const found = await forecast(bad, { waves: ["100%"] });
    expect(found.members).toBeGreaterThan(10);
    expect(found.rollBacks).toBeGreaterThan(0);
    expect(found.pause).toMatch(/^failures: \d+ of the|is quarantined/);
    expect(found.healthGates).toEqual({ closeChance: 0, seen: 0 });
    const looking = await forecast(bad, { waves: ["100%"], gate: { soakSeconds: 60 } });
    expect(looking.healthGates).toEqual({ closeChance: 0.004, seen: 0 });
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
  });
});
