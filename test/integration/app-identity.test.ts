import { describe, expect, it } from "vitest";
import type { Update } from "../../schemas/generated/types.ts";
import { decode } from "../../schemas/wire/codec.ts";
import { AppHarness, digestA, digestB, operator } from "./app-harness.ts";

const update = { id: "fw-2", version: "2.0.0", size: 2000, digest: digestB, model: "sensor" } as Update;

describe("what proves nothing", () => {
  it("is an entry in the directory: an update doesn't succeed by the manifest of an earlier registration", async () => {
    const h = await new AppHarness().start();
    await h.register("n1", { digest: digestB as never, confirmed: true });
    // Since then it was flashed by hand, and says so.
    h.app.heartbeats.beat("n1", 0, { digest: digestA as never, confirmed: true }, undefined);
    await h.settle();
    await h.wait(h.app.updates.create(update, operator));
    await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
    await h.register("n1", { digest: digestB as never, confirmed: true }, { face: "rd" });
    await h.settle();
    expect(h.app.attempts.find("fw-2", "n1")?.attempt.state).toBe("offered");
  });

  it("is a payload that names another node than its topic", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.register("n2");
    const publish = (report: object) =>
      h.app.brokerEvents.published([
        {
          ...{ node: "n1", topic: "cx/nodes/n1/status", retain: false, receivedWallMs: 0 },
          payload: new TextEncoder().encode(JSON.stringify(report)),
        },
      ]);
    publish({ id: "n2", status: "unhealthy" });
    expect(h.app.health.latest("n1")).toBeUndefined();
    expect(h.app.health.latest("n2")).toBeUndefined();
    expect(h.app.status().counters).toMatchObject({ mqttOtherIdentity: 1, mqttUnreadable: 0 });
    publish({ id: "n1", status: "healthy" });
    expect(h.app.health.latest("n1")?.value.status).toBe("healthy");
  });

  it("is an answer to an observation that names another node: it isn't a sighting either", async () => {
    const h = await new AppHarness().start();
    await h.register("n1");
    await h.settle();
    const [observation] = h.nodes.open();
    const notify = (report: object) =>
      observation?.listener.notification({
        code: 0x45,
        payload: new TextEncoder().encode(JSON.stringify(report)),
        contentFormat: 50,
        maxAge: 60,
      });
    notify({ id: "n2", status: "healthy" });
    expect(h.app.health.latest("n1")).toBeUndefined();
    expect(h.of("observing")).toHaveLength(0);
  });
});

describe("an address that changed hands", () => {
  const path = { address: "192.0.2.7", port: 5683, family: 4 } as const;
  const restart = { command: "restart" as const, id: "x1" };

  it("carries nothing to the node that is there now: the command waits for the one it is for", async () => {
    const h = await new AppHarness().start();
    h.nodes.answer = () => ({ code: 0x44, payload: new Uint8Array(0), contentFormat: undefined, maxAge: undefined });
    await h.register("before", {}, { path });
    await h.register("now", {}, { path });
    await h.wait(h.app.commands.send("before", restart as never, operator));
    await h.settle();
    expect(h.nodes.requests.filter(({ node }) => node === "before")).toEqual([]);
    expect(h.nodes.open().map(({ target }) => target.node)).not.toContain("before");
    const beat = h.app.heartbeats.beat("before", 0, undefined, { ...path, port: 5684 });
    expect(beat).toMatchObject({ kind: "action", action: { kind: "command", id: "x1" } });
    expect((await h.wait(h.app.registry.find("now")))?.path).toEqual(path);
  });

  it("is the last one's who came, also for a manager that starts again, and a heartbeat takes it back", async () => {
    let h = await new AppHarness().start();
    await h.register("b-old", {}, { path });
    await h.settle();
    await h.register("a-new", {}, { path });
    await h.settle();
    await h.register("c-child", {}, { path: { ...path, port: 9 } });
    h = await h.crash();
    const ports = async () => [
      (await h.wait(h.app.registry.find("a-new")))?.path.port,
      (await h.wait(h.app.registry.find("b-old")))?.path.port,
    ];
    expect(await ports()).toEqual([5683, 0]);
    h.app.heartbeats.beat("b-old", 0, undefined, path);
    expect(await ports()).toEqual([0, 5683]);
    await h.wait(h.app.registry.remove("b-old", operator));
    h.app.heartbeats.beat("a-new", 0, undefined, path);
    expect((await h.wait(h.app.registry.find("a-new")))?.path.port).toBe(5683);
  });

  it("stays the gateway's when its child registers through it", async () => {
    const h = await new AppHarness().start();
    await h.register("gate", {}, { path });
    await h.register("gate.1f", { parent: "gate" as never }, { path, gateway: "gate" });
    expect((await h.wait(h.app.registry.find("gate")))?.path).toEqual(path);
  });
});

describe("an envelope that isn't one", () => {
  it("makes no update ready: it is offered to nobody", async () => {
    const h = await new AppHarness({ isInsecure: false }).start();
    await h.register("n1");
    await h.wait(h.app.updates.create(update, operator, "follows"));
    const rubbish = new TextEncoder().encode("not cose");
    expect(await h.wait(h.app.updates.setManifest("fw-2", rubbish, operator))).toMatchObject({ kind: "refused" });
    expect(h.app.updates.find("fw-2")?.state).toBe("unsigned");
    expect(await h.wait(h.app.updates.start("fw-2", ["n1"], operator))).toEqual({ kind: "unsigned" });
  });
});

describe("the environment", () => {
  it.each([
    ["127.0.0.1", 4, true],
    ["192.0.2.7", 4, false],
    ["::1", 6, true],
    ["fd00::7", 6, false],
  ] as const)("is nudged to %s with its secrets only when that is this machine", async (address, family, isTold) => {
    const h = await new AppHarness().start();
    await h.register("n1", {}, { path: { address, port: 40_001, family } });
    await h.wait(h.app.environments.build("n1"));
    await h.wait(h.app.environments.change({ wifi: [{ ssid: "home", password: "secret" }] }, operator));
    await h.settle();
    const nudge = h.nodes.requests.find(({ path }) => path.join("/") === "update");
    const action = decode("action", nudge?.payload ?? new Uint8Array(), nudge?.contentFormat ?? 60);
    expect(action).toMatchObject({ ok: true, value: { kind: "environment", rev: 1 } });
    const hasSecrets = action.ok && action.value.kind === "environment" && action.value.environment !== undefined;
    expect(hasSecrets).toBe(isTold);
  });
});
