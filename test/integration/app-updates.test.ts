import { describe, expect, it } from "vitest";
import type { Update } from "../../schemas/generated/types.ts";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";

const update = (over: Partial<Update> = {}): Update =>
  ({ id: "fw-2", version: "2.0.0", size: 2000, digest: digestB, model: "sensor", ...over }) as Update;

describe("an update on a node", () => {
  it("succeeds when the node, confirmed, reports the running digest, and not before", async () => {
    const h = await new AppHarness().start();
    const { app } = h;
    await h.register("n1");
    expect((await h.wait(app.updates.create(update(), operator))).kind).toBe("created");
    const started = await h.wait(app.updates.start("fw-2", ["n1"], operator));
    expect(started).toMatchObject({ kind: "started", nodes: [{ node: "n1", outcome: { kind: "offered", rev: 1 } }] });
    const beat = app.heartbeats.beat("n1", 0, undefined, undefined);
    expect(beat).toMatchObject({ kind: "action", action: { rev: 1, kind: "update", update: "fw-2", size: 2000 } });
    if (beat.kind !== "action" || beat.action.kind !== "update") throw new Error("no update action");
    const { attempt, uris } = beat.action;
    expect(uris).toEqual([
      expect.stringMatching(`^http://127.0.0.1:8683/artifacts/${"b".repeat(64)}[?]attempt=${attempt}&t=[\\w-]{22}$`),
      `coap://127.0.0.1:5683/artifacts/${"b".repeat(64)}?ep=n1&attempt=${attempt}`,
    ]);
    const report = (state: string, percent?: number) =>
      h.wait(app.attempts.report("n1", { attempt, state, ...(percent !== undefined && { percent }) } as never, "coap"));
    expect(await report("downloading", 10)).toBe("taken");
    expect(await report("downloading", 60)).toBe("taken");
    expect(await report("downloading", 60)).toBe("unchanged");
    expect(await report("accepted")).toBe("backward");
    expect(await report("succeeded")).toBe("taken");
    expect(app.attempts.find("fw-2", "n1")?.attempt).toMatchObject({ state: "trial", percent: 60 });
    await h.register("n1", { digest: digestB as never, confirmed: false, lastRev: 0 });
    await h.settle();
    expect(app.attempts.find("fw-2", "n1")?.attempt.state).toBe("trial");
    app.heartbeats.beat(
      "n1",
      1,
      { digest: digestB as never, confirmed: true, result: { rev: 1, outcome: "done" } },
      undefined,
    );
    await h.settle();
    expect(app.attempts.find("fw-2", "n1")?.attempt.state).toBe("succeeded");
    expect(app.updates.counts("fw-2")).toEqual({ update: "fw-2", total: 1, states: { succeeded: 1 }, resumed: 0 });
    expect(app.heartbeats.beat("n1", 1, undefined, undefined)).toEqual({ kind: "nothing" });
    const after = await h.crash();
    expect(after.app.attempts.find("fw-2", "n1")?.attempt.state).toBe("succeeded");
    expect(await report("downloading")).toBe("ended");
  });

  it("is rolled back with the node's reason, and an alert tells", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    const attempt = h.app.attempts.find("fw-2", "n1")!.attempt.id;
    await h.wait(h.app.attempts.report("n1", { attempt, state: "staged" } as never, "mqtt"));
    await h.register("n1", { lastRev: 1, rolledBack: { digest: digestB as never, reason: "self-test: display" } });
    await h.settle();
    expect(h.app.attempts.find("fw-2", "n1")?.attempt).toMatchObject({
      state: "rolled-back",
      reason: "self-test: display",
    });
    expect(h.app.alerts.active()).toMatchObject([{ kind: "update-failed", severity: "critical", node: "n1" }]);
    expect(digestA).not.toBe(digestB);
  });

  it("is created once: the same body is the same, another one is a conflict", async () => {
    const h = await new AppHarness().start();
    const create = (body: Update) => h.wait(h.app.updates.create(body, operator));
    expect(await create(update({ digest: `sha256:${"c".repeat(64)}` as never }))).toMatchObject({
      kind: "unknown-artifact",
    });
    expect(await create(update({ size: 5 }))).toEqual({ kind: "wrong-size", stored: 2000 });
    expect((await create(update())).kind).toBe("created");
    expect((await create(update())).kind).toBe("same");
    expect((await create(update({ version: "3" }))).kind).toBe("conflict");
  });
});

describe("starting an update", () => {
  const start = (h: AppHarness, nodes: readonly string[], trigger: "action" | "mqtt" = "action") =>
    h.wait(h.app.updates.start("fw-2", nodes, operator, trigger));
  const outcomes = async (h: AppHarness, nodes: readonly string[]) => {
    const started = await start(h, nodes);
    if (started.kind !== "started") return started.kind;
    return started.nodes.map(({ outcome }) => (outcome.kind === "refused" ? outcome.reason : outcome.kind));
  };

  it("is refused as a whole or for single nodes, and says why", async () => {
    let h = await new AppHarness({ isInsecure: false }).start();
    expect(await outcomes(h, ["n1"])).toBe("unknown-update");
    await h.wait(h.app.updates.create(update(), operator, "follows"));
    expect(await outcomes(h, ["n1"])).toBe("unsigned");
    expect(await h.wait(h.app.updates.manifest("none"))).toBeUndefined();
    h = await new AppHarness().start();
    await h.wait(h.app.updates.create(update(), operator));
    await h.register("right");
    await h.register("linux", { model: "linux" });
    await h.register("has-it", { digest: digestB as never });
    expect(await outcomes(h, ["right", "linux", "has-it", "nobody", "right"])).toEqual([
      "offered",
      "wrong-model",
      "already-running",
      "unknown-node",
    ]);
    expect(await outcomes(h, ["right"])).toEqual(["open"]);
    await h.wait(h.app.updates.withdraw("fw-2", operator));
    expect(await outcomes(h, ["right"])).toBe("withdrawn");
    expect(h.app.attempts.find("fw-2", "right")?.attempt).toMatchObject({ state: "cancelled", reason: "withdrawn" });
    expect(await h.wait(h.app.updates.withdraw("fw-2", operator))).toBe("withdrawn");
    expect(await h.wait(h.app.updates.withdraw("none", operator))).toBe("unknown-update");
  });

  it("of another update ends the one that is under way, and the node hears of both", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    await h.wait(h.app.updates.create(update({ id: "fw-3", version: "3" }), operator));
    await start(h, ["n1"]);
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toMatchObject({ action: { rev: 1, kind: "update" } });
    await h.settle();
    await h.wait(h.app.updates.start("fw-3", ["n1"], operator));
    await h.settle();
    expect(h.app.attempts.find("fw-2", "n1")?.attempt).toMatchObject({ state: "cancelled", reason: "superseded" });
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toMatchObject({
      action: { rev: 1, kind: "none", more: true },
    });
    expect(h.app.heartbeats.beat("n1", 1, undefined, undefined)).toMatchObject({ action: { rev: 2, update: "fw-3" } });
  });

  it("is a node's to ask for when it is a target, within its budget; else it is told why not", async () => {
    const h = await new AppHarness({ limits: { attemptBudget: 1, concurrentInstalls: 1 } }).start();
    const install = (node: string) => h.wait(h.app.updates.install("fw-2", node));
    expect(await install("n1")).toEqual({ kind: "unknown-update" });
    await h.wait(h.app.updates.create(update({ targets: ["n1", "n2", "gone"] as never }), operator));
    for (const node of ["n1", "n2", "n3"]) await h.register(node);
    expect(await install("gone")).toEqual({ kind: "refused", reason: "unknown-node" });
    expect(await install("n3")).toEqual({ kind: "refused", reason: "not-a-target" });
    expect(await install("n1")).toMatchObject({ kind: "go", action: { update: "fw-2" } });
    expect(await install("n2")).toMatchObject({ kind: "wait", retryAfterSeconds: 30 });
    await h.wait(h.app.attempts.cancel("n1", operator));
    await h.settle();
    expect(await install("n1")).toEqual({ kind: "refused", reason: "budget-spent" });
    // A person may still decide.
    expect(await outcomes(h, ["n1"])).toEqual(["offered"]);
  });

  it("expires when nothing is heard of it, and the next start is a new attempt", async () => {
    const h = await new AppHarness().start();
    await h.register("n1", { sleepy: true });
    await h.wait(h.app.updates.create(update(), operator));
    await start(h, ["n1"]);
    const first = h.app.attempts.find("fw-2", "n1")!.attempt.id;
    await h.clock.advance(86_400_000 + 20_000);
    expect(h.app.attempts.find("fw-2", "n1")?.attempt).toMatchObject({ state: "expired", reason: "silent in offered" });
    expect(h.app.alerts.active().map(({ kind }) => kind)).toContain("update-failed");
    await start(h, ["n1"]);
    expect(h.app.attempts.find("fw-2", "n1")?.attempt.id).not.toBe(first);
    expect(h.app.alerts.active().map(({ kind }) => kind)).not.toContain("update-failed");
    const all = await h.wait(h.app.attempts.list({ node: "n1" }));
    expect(all.map(({ attempt }) => attempt.state)).toEqual(["offered", "expired"]);
  });

  it("doesn't expire because the wall clock jumped", async () => {
    const h = await new AppHarness().start();
    await h.register("n1", { sleepy: true });
    await h.wait(h.app.updates.create(update(), operator));
    await start(h, ["n1"]);
    h.clock.jumpWall(50 * 365 * 86_400_000);
    await h.clock.advance(3_600_000);
    expect(h.app.attempts.find("fw-2", "n1")?.attempt.state).toBe("offered");
    await h.clock.advance(86_400_000);
    expect(h.app.attempts.find("fw-2", "n1")?.attempt.state).toBe("expired");
  });

  it("that storage refuses offers nothing: neither attempt nor action", async () => {
    let failing = false;
    const h = await new AppHarness({ failsCommit: () => failing }).start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    failing = true;
    await expect(start(h, ["n1"])).rejects.toMatchObject({ code: "storage.disk-full" });
    failing = false;
    expect(h.app.attempts.find("fw-2", "n1")).toBeUndefined();
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "nothing" });
    expect(await outcomes(h, ["n1"])).toEqual(["offered"]);
  });
});

describe("attempts that ended", () => {
  it("are kept in a limited number per node, the newest, in memory as in storage", async () => {
    const h = await new AppHarness({ limits: { attemptsPerNode: 3 } }).start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    for (let n = 0; n < 6; n++) {
      await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
      await h.wait(h.app.attempts.cancel("n1", operator));
      await h.settle();
    }
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    const states = { cancelled: 3, offered: 1 };
    expect(h.app.updates.counts("fw-2")).toMatchObject({ total: 4, states });
    expect(await h.wait(h.app.attempts.list({ node: "n1" }))).toHaveLength(4);
    const after = await h.crash();
    expect(after.app.updates.counts("fw-2")).toMatchObject({ total: 4, states });
    await after.wait(after.app.registry.remove("n1", operator));
    await after.settle();
    expect(after.app.updates.counts("fw-2")).toMatchObject({ total: 0 });
    expect(await after.wait(after.app.attempts.list({ update: "fw-2" }))).toEqual([]);
  });

  it("make room in memory for new ones; with all open a new one is refused", async () => {
    const h = await new AppHarness({ limits: { attemptsInMemory: 16 } }).start();
    await h.wait(h.app.updates.create(update(), operator));
    const nodes = Array.from({ length: 17 }, (_, n) => `n${n}`);
    for (const node of nodes) await h.register(node, { sleepy: true });
    const started = await h.wait(h.app.updates.start("fw-2", nodes, operator));
    const refused = started.kind === "started" ? started.nodes.filter(({ outcome }) => outcome.kind === "refused") : [];
    expect(refused).toEqual([{ node: "n16", outcome: { kind: "refused", reason: "queue-full" } }]);
    await h.wait(h.app.attempts.cancel("n3", operator));
    const again = await h.wait(h.app.updates.start("fw-2", ["n16"], operator));
    expect(again).toMatchObject({ nodes: [{ outcome: { kind: "offered" } }] });
    expect(h.app.attempts.find("fw-2", "n3")).toBeUndefined();
    expect(await h.wait(h.app.attempts.list({ node: "n3" }))).toMatchObject([{ attempt: { state: "cancelled" } }]);
  });
});

describe("a node that comes back", () => {
  async function updated(h: AppHarness): Promise<void> {
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    await h.register("n1", { digest: digestB as never, lastRev: 1 });
    h.app.heartbeats.beat("n1", 1, undefined, undefined);
    await h.settle();
    expect(h.app.attempts.find("fw-2", "n1")?.attempt.state).toBe("succeeded");
  }

  it("without its memory and its image is offered the image again, as a new attempt", async () => {
    const h = await new AppHarness().start();
    await updated(h);
    await h.register("n1", { lastRev: 0 });
    await h.settle();
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toMatchObject({ action: { rev: 2, update: "fw-2" } });
    expect(h.app.updates.counts("fw-2")).toMatchObject({ total: 2, states: { succeeded: 1, offered: 1 } });
    expect(h.app.alerts.active()).toEqual([]);
  });

  it("with its memory and another image was changed by hand: people are told, nothing is offered", async () => {
    const h = await new AppHarness().start();
    await updated(h);
    await h.register("n1", { lastRev: 1 });
    await h.settle();
    expect(h.app.heartbeats.beat("n1", 1, undefined, undefined)).toEqual({ kind: "nothing" });
    expect(h.app.alerts.active()).toMatchObject([{ kind: "disagreement" }]);
    await h.register("n1", { digest: digestB as never, lastRev: 1 });
    await h.settle();
    expect(h.app.alerts.active()).toEqual([]);
  });

  it("after a power cut on the way goes on with the same attempt", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update(), operator));
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    const { id } = h.app.attempts.find("fw-2", "n1")!.attempt;
    await h.wait(h.app.attempts.report("n1", { attempt: id, state: "downloading", percent: 40 } as never, "coap"));
    await h.register("n1", { lastRev: 0 });
    await h.settle();
    expect(h.app.attempts.find("fw-2", "n1")?.attempt).toMatchObject({ id, state: "downloading", percent: 40 });
    expect(h.app.heartbeats.beat("n1", 0, undefined, undefined)).toMatchObject({ action: { rev: 1, attempt: id } });
  });
});

describe("a queue that memory had no room for", () => {
  it("is read from storage: the next heartbeat brings the action", async () => {
    const h = await new AppHarness({ limits: { queuesInMemory: 16 } }).start();
    const nodes = Array.from({ length: 20 }, (_, n) => `n${n}`);
    for (const node of nodes) {
      await h.register(node, { sleepy: true });
      await h.wait(h.app.commands.send(node, { command: "identify", id: `lamp-${node}` }, operator));
    }
    for (const node of nodes) {
      h.app.heartbeats.beat(node, 0, undefined, undefined);
      await h.settle();
      expect(h.app.heartbeats.beat(node, 0, undefined, undefined)).toMatchObject({ action: { id: `lamp-${node}` } });
      h.app.heartbeats.beat(node, 1, undefined, undefined);
      await h.settle();
      expect(h.app.heartbeats.beat(node, 0, undefined, undefined)).toEqual({ kind: "nothing" });
    }
  });
});
