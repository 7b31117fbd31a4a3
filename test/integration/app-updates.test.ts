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
      `http://127.0.0.1:8683/artifacts/${"b".repeat(64)}?node=n1&attempt=${attempt}`,
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
