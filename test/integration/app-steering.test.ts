import { describe, expect, it } from "vitest";
import type { StatusReport } from "../../schemas/generated/types.ts";
import { decode, encode } from "../../schemas/wire/codec.ts";
import { AppHarness, digestB, operator } from "./app-harness.ts";

const beat = (h: AppHarness, rev: number, report?: StatusReport, node = "n1") =>
  h.app.heartbeats.beat(node, rev, report, undefined);
const identify = { command: "identify" } as const;
const changed = { code: 0x44, payload: new Uint8Array() };

describe("a command", () => {
  it("is refused for an unknown node, a full queue, and boot-previous", async () => {
    const h = await new AppHarness().start();
    expect(await h.wait(h.app.commands.send("n1", identify, operator))).toEqual({ kind: "unknown-node" });
    await h.register("n1");
    expect(await h.wait(h.app.commands.send("n1", { command: "boot-previous" }, operator))).toMatchObject({
      kind: "forbidden",
    });
    for (let n = 0; n < 64; n++) await h.wait(h.app.commands.send("n1", identify, operator));
    expect(await h.wait(h.app.commands.send("n1", identify, operator))).toEqual({ kind: "queue-full" });
  });

  it("that storage refuses takes no rev and is offered to nobody", async () => {
    let failing = false;
    const h = await new AppHarness({ failsCommit: () => failing }).start();
    await h.register("n1");
    failing = true;
    await expect(h.wait(h.app.commands.send("n1", identify, operator))).rejects.toMatchObject({
      code: "storage.disk-full",
    });
    failing = false;
    expect(beat(h, 0)).toEqual({ kind: "nothing" });
    expect(await h.wait(h.app.commands.send("n1", identify, operator))).toMatchObject({ kind: "queued", rev: 1 });
  });

  it("is offered at each heartbeat until it is finished, and its result is kept", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.commands.send("n1", { ...identify, id: "lamp" }, operator));
    const first = beat(h, 0);
    expect(first).toMatchObject({
      kind: "action",
      action: { rev: 1, kind: "command", command: "identify", id: "lamp" },
    });
    expect(beat(h, 0)).toEqual(first);
    await h.settle();
    expect(await h.wait(h.app.commands.list("n1"))).toMatchObject([{ id: "lamp", state: "offered" }]);
    const report = { result: { rev: 1, outcome: "failed", reason: "no lamp" } } as const;
    expect(beat(h, 1, report)).toEqual({ kind: "nothing" });
    expect(beat(h, 1, report)).toEqual({ kind: "nothing" });
    await h.settle();
    expect(await h.wait(h.app.commands.list("n1"))).toMatchObject([{ id: "lamp", state: "failed", reason: "no lamp" }]);
    expect(beat(h, 0)).toEqual({ kind: "nothing" });
    const ended = h.of("action").filter(({ state }) => state === "failed");
    expect(ended).toHaveLength(1);
  });

  it("sent twice under one id is one", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const send = () => h.wait(h.app.commands.send("n1", { ...identify, id: "lamp" }, operator));
    expect(await send()).toEqual(await send());
    expect(h.app.desiredState.waiting("n1")).toHaveLength(1);
  });

  it("that is cancelled or expires is answered none", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.commands.send("n1", { ...identify, id: "a" }, operator));
    const expires = "2026-01-01T00:01:00Z";
    await h.wait(h.app.commands.send("n1", { ...identify, id: "b", expires }, operator));
    expect(await h.wait(h.app.commands.cancel("n1", "a", operator))).toBe("cancelled");
    expect(await h.wait(h.app.commands.cancel("n1", "a", operator))).toBe("ended");
    expect(await h.wait(h.app.commands.cancel("n1", "nothing", operator))).toBe("unknown-command");
    expect(beat(h, 0)).toEqual({ kind: "action", action: { rev: 1, kind: "none", more: true } });
    await h.clock.advance(75_000);
    expect(beat(h, 1)).toEqual({ kind: "action", action: { rev: 2, kind: "none" } });
    expect(beat(h, 2)).toEqual({ kind: "nothing" });
    await h.settle();
    const states = (await h.wait(h.app.commands.list("n1"))).map(({ id, state }) => `${id} ${state}`);
    expect(states.sort()).toEqual(["a cancelled", "b expired"]);
  });

  it("survives a crash with its rev, and is never offered again once it was acknowledged", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.commands.send("n1", identify, operator));
    const after = await h.crash();
    expect(beat(after, 0)).toMatchObject({ kind: "action", action: { rev: 1 } });
    beat(after, 1);
    await after.settle();
    const later = await after.crash();
    expect(beat(later, 0)).toEqual({ kind: "nothing" });
    expect(await later.wait(later.app.commands.send("n1", identify, operator))).toMatchObject({ rev: 2 });
  });
});

describe("a nudge", () => {
  it("brings the action to a node that is online, in the format of its registration", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.nodes.answer = () => changed;
    await h.wait(h.app.commands.send("n1", { ...identify, id: "lamp" }, operator));
    await h.settle();
    const [request] = h.nodes.requests;
    expect(request).toMatchObject({ node: "n1", method: "PUT", path: ["update"], contentFormat: 60 });
    expect(decode("action", request!.payload!, 60)).toMatchObject({ ok: true, value: { rev: 1, id: "lamp" } });
    expect(h.nodes.requests).toHaveLength(1);
    // Taken: it isn't offered again, whatever the node says its rev is.
    expect(beat(h, 0)).toEqual({ kind: "nothing" });
    expect(await h.wait(h.app.commands.list("n1"))).toMatchObject([{ state: "taken" }]);
    beat(h, 1, { result: { rev: 1, outcome: "done" } });
    await h.settle();
    expect(await h.wait(h.app.commands.list("n1"))).toMatchObject([{ state: "done" }]);
  });

  it("that isn't answered or is refused leaves the action to the heartbeat", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.wait(h.app.commands.send("n1", identify, operator));
    await h.clock.advance(20_000);
    expect(h.nodes.requests).toHaveLength(1);
    h.nodes.answer = () => ({ code: 0x84, payload: new Uint8Array() });
    await h.wait(h.app.commands.send("n1", identify, operator));
    await h.settle();
    expect(h.nodes.requests).toHaveLength(2);
    expect(beat(h, 0)).toMatchObject({ kind: "action", action: { rev: 1, more: true } });
  });

  it("never goes to a sleepy node, nor to one that isn't online", async () => {
    const h = await new AppHarness().start();
    h.nodes.answer = () => changed;
    await h.register("n1", { sleepy: true });
    await h.wait(h.app.commands.send("n1", identify, operator));
    await h.register("n2");
    h.app.hearing.socket(false);
    await h.wait(h.app.commands.send("n2", identify, operator));
    await h.settle();
    expect(h.nodes.requests).toEqual([]);
    expect(h.nodes.observations.filter(({ target }) => target.node === "n1")).toEqual([]);
    // When it is heard again, by whatever it sends, it is told at once.
    h.app.hearing.socket(true);
    h.app.registry.heard("n2");
    await h.settle();
    expect(h.nodes.requests.map(({ node }) => node)).toEqual(["n2"]);
  });

  it("reaches a child through its gateway", async () => {
    const h = await new AppHarness().start();
    await h.register("gw", {}, { path: { address: "127.0.0.1", port: 7000, family: 4 } });
    await h.register("gw.0a", { parent: "gw" as never }, { gateway: "gw" });
    h.nodes.answer = () => changed;
    await h.wait(h.app.commands.send("gw.0a", identify, operator));
    await h.settle();
    expect(h.nodes.requests).toMatchObject([{ path: ["nodes", "gw.0a", "update"], to: { port: 7000 } }]);
  });

  it("cancelling an update tells the node at once", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.nodes.answer = () => changed;
    const body = { id: "u", version: "2", size: 2000, digest: digestB, targets: ["n1"] } as never;
    await h.wait(h.app.updates.create(body, operator));
    await h.wait(h.app.modes.set("n1", { mode: "maintenance", update: "u" }, operator));
    await h.settle();
    expect(h.app.modes.get("n1")).toEqual({ mode: "maintenance", update: "u" });
    await h.wait(h.app.modes.set("n1", { mode: "operational" }, operator));
    await h.settle();
    const kinds = h.nodes.requests
      .map(({ payload }) => decode("action", payload!, 60))
      .map((each) => each.ok && each.value.kind);
    expect(kinds).toEqual(["update", "none"]);
    expect(h.app.attempts.find("u", "n1")?.attempt.state).toBe("cancelled");
    expect(h.app.modes.get("n1")).toEqual({ mode: "operational" });
    expect(beat(h, 0)).toMatchObject({ kind: "action", action: { rev: 1, kind: "none" } });
  });
});

describe("health observation", () => {
  const notify = (h: AppHarness, report: StatusReport, maxAge?: number) =>
    h.nodes
      .open()
      .at(-1)
      ?.listener.notification({
        code: 0x45,
        payload: encode("status-report", report, 60),
        contentFormat: 60,
        maxAge,
      });

  it("starts at registration, and a notification is a sighting with a report", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.settle();
    expect(h.nodes.open()).toMatchObject([{ target: { node: "n1", path: ["health"], accept: 60 } }]);
    await h.clock.advance(30_000);
    notify(h, { status: "degraded", freeHeap: 4000 }, 60);
    expect(h.app.health.latest("n1")).toMatchObject({ value: { status: "degraded" }, ageMs: 0, way: "observed" });
    expect(h.of("observing")).toEqual([{ kind: "observing", node: "n1", isObserving: true }]);
    expect(
      h.app.alerts
        .active()
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(["low-heap", "unhealthy"]);
    await h.clock.advance(45_000);
    expect(h.app.health.latest("n1")?.ageMs).toBe(45_000);
  });

  it("is registered once more after Max-Age and 5 to 15 s, then presence decides and the next uplink arms it", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.settle();
    notify(h, { status: "healthy" }, 20);
    await h.clock.advance(24_900);
    expect(h.nodes.observations).toHaveLength(1);
    await h.clock.advance(10_200);
    expect(h.nodes.observations).toHaveLength(2);
    expect(h.nodes.open()).toHaveLength(1);
    await h.clock.advance(200_000);
    expect(h.nodes.observations).toHaveLength(2);
    expect(h.nodes.open()).toHaveLength(0);
    expect(h.of("observing").at(-1)?.isObserving).toBe(false);
    h.app.heartbeats.beat("n1", 0, undefined, undefined);
    await h.settle();
    expect(h.nodes.open()).toHaveLength(1);
  });

  it("follows a node to its new port", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.settle();
    notify(h, { status: "healthy" }, 60);
    h.app.heartbeats.beat("n1", 0, undefined, { address: "127.0.0.1", port: 5555, family: 4 });
    await h.settle();
    expect(h.nodes.open()).toMatchObject([{ target: { to: { port: 5555 } } }]);
  });

  it("isn't tried again at each heartbeat of a node that refuses it", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.settle();
    for (let n = 0; n < 60; n++) {
      h.nodes.open().at(-1)?.listener.ended("4.04");
      h.app.heartbeats.beat("n1", 0, undefined, undefined);
      await h.clock.advance(10_000);
    }
    expect(h.nodes.observations.length).toBeLessThan(10);
    await h.register("n1");
    await h.settle();
    expect(h.nodes.open()).toHaveLength(1);
  });

  it("isn't done for nodes beyond the limit, nor for those that only registered at /rd", async () => {
    const h = await new AppHarness({ limits: { observedNodes: 1 } }).start();
    await h.register("n0", {}, { face: "rd" });
    await h.register("n1");
    await h.register("n2");
    await h.settle();
    expect(h.nodes.observations.map(({ target }) => target.node)).toEqual(["n1"]);
  });

  it("is armed again by the first uplink after a crash", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const after = await h.crash();
    await after.settle();
    expect(after.nodes.observations).toEqual([]);
    beat(after, 0);
    await after.settle();
    expect(after.nodes.open()).toHaveLength(1);
  });
});

describe("maintenance without an update", () => {
  const modes = (h: AppHarness) =>
    h.nodes.requests
      .filter(({ path }) => path.join("/") === "mode")
      .map(({ payload }) => decode("mode", payload!, 60))
      .map((each) => each.ok && each.value);

  it("is told to the node, and told again while it says that it is operational", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.nodes.answer = () => ({ code: 0xa3, payload: new Uint8Array() });
    await h.wait(h.app.modes.set("n1", { mode: "maintenance", reason: "new lamp" }, operator));
    await h.settle();
    expect(modes(h)).toEqual([{ mode: "maintenance", reason: "new lamp" }]);
    for (let n = 0; n < 6; n++) {
      beat(h, 0, { phase: "operational" });
      await h.clock.advance(10_000);
    }
    expect(modes(h)).toHaveLength(2);
    h.nodes.answer = () => changed;
    beat(h, 0, { phase: "operational" });
    await h.clock.advance(60_000);
    for (let n = 0; n < 6; n++) {
      beat(h, 0, { phase: "maintenance" });
      await h.clock.advance(10_000);
    }
    expect(modes(h)).toHaveLength(3);
    await h.wait(h.app.modes.set("n1", { mode: "operational" }, operator));
    await h.settle();
    expect(modes(h).at(-1)).toEqual({ mode: "operational" });
    beat(h, 0, { phase: "operational" });
    await h.clock.advance(60_000);
    expect(modes(h)).toHaveLength(4);
  });

  it("isn't touched by a node's own maintenance, and silences its alerts", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    beat(h, 0, { phase: "maintenance" });
    await h.settle();
    expect(modes(h)).toEqual([]);
    await h.wait(h.app.modes.set("n1", { mode: "maintenance", reason: "x" }, operator));
    beat(h, 0, { status: "unhealthy" });
    expect(h.app.alerts.active()).toMatchObject([{ kind: "unhealthy", severity: "info" }]);
    expect((await h.crash()).app.modes.get("n1")).toEqual({ mode: "maintenance", reason: "x" });
    expect(await h.wait(h.app.modes.set("nobody", { mode: "operational" }, operator))).toEqual({
      kind: "unknown-node",
    });
  });

  it("with an update that can't start is refused, and nothing changes", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    const set = (update: string) => h.wait(h.app.modes.set("n1", { mode: "maintenance", update }, operator));
    expect(await set("none")).toEqual({ kind: "unknown-update" });
    const body = { id: "u", version: "2", size: 2000, digest: digestB, model: "linux" } as never;
    await h.wait(h.app.updates.create(body, operator));
    expect(await set("u")).toEqual({ kind: "refused", reason: "wrong-model" });
    expect(h.app.modes.get("n1")).toEqual({ mode: "operational" });
  });
});

describe("an update that a nudge brought", () => {
  it("is observed on the node until it ends, and the reports count once whatever their way", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    h.nodes.answer = () => changed;
    const body = { id: "u", version: "2", size: 2000, digest: digestB, targets: ["n1"] } as never;
    await h.wait(h.app.updates.create(body, operator));
    await h.wait(h.app.updates.start("u", ["n1"], operator));
    await h.settle();
    const attempt = h.app.attempts.find("u", "n1")!.attempt.id;
    const observed = () => h.nodes.open().filter(({ target }) => target.path.join("/") === "update");
    const say = (report: object) =>
      observed()[0]?.listener.notification({
        code: 0x45,
        payload: encode("attempt-report", report as never, 60),
        contentFormat: 60,
      });
    say({ attempt: "a-older", state: "failed" });
    say({ state: "failed" });
    say({ attempt, state: "downloading", percent: 30 });
    await h.wait(h.app.attempts.report("n1", { attempt, state: "downloading", percent: 30 } as never, "coap"));
    await h.settle();
    expect(h.of("attempt").filter(({ state }) => state === "downloading")).toHaveLength(1);
    expect(observed()).toHaveLength(1);
    await h.wait(h.app.attempts.cancel("n1", operator));
    await h.settle();
    expect(observed()).toHaveLength(0);
  });
});

describe("status now", () => {
  it("collects who answers and says who doesn't, and why", async () => {
    const h = await new AppHarness().start();
    for (const node of ["well", "dumb", "gone", "odd"]) await h.register(node);
    await h.register("asleep", { sleepy: true });
    h.nodes.answer = ({ node }) => {
      if (node === "gone") throw new Error("Nobody there.");
      const payload = node === "odd" ? new Uint8Array([1]) : encode("status-report", { status: "healthy" }, 60);
      return { code: 0x45, payload, contentFormat: 60 };
    };
    const answer = h.nodes.answer;
    h.nodes.request = ((request) =>
      request.node === "dumb"
        ? new Promise((_, reject) => request.signal?.addEventListener("abort", () => reject(request.signal?.reason)))
        : new Promise((resolve, reject) =>
            h.clock.after(5, () => {
              try {
                resolve(answer(request));
              } catch (error) {
                reject(error);
              }
            }),
          )) as typeof h.nodes.request;
    const nodes = ["well", "dumb", "gone", "odd", "asleep", "nobody", "well"];
    const result = await h.wait(h.app.statusNow.ask(nodes, { deadlineMs: 3000 }));
    expect(result.answered.map(({ node, report }) => [node, report.status])).toEqual([["well", "healthy"]]);
    expect(Object.fromEntries(result.silent.map(({ node, why }) => [node, why]))).toEqual({
      dumb: "deadline",
      gone: "unreachable",
      odd: "bad-answer",
      asleep: "sleepy",
      nobody: "unknown-node",
    });
  });

  it("asks a limited number at once, and tells the rest at the deadline", async () => {
    const h = await new AppHarness({ limits: { callsAtOnce: 2 } }).start();
    const nodes = Array.from({ length: 6 }, (_, n) => `n${n}`);
    for (const node of nodes) await h.register(node);
    const result = await h.wait(h.app.statusNow.ask(nodes, { deadlineMs: 1000 }));
    expect(h.nodes.requests).toHaveLength(2);
    expect(result.silent.map(({ why }) => why)).toEqual(nodes.map(() => "deadline"));
  });
});
