import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ActionEnd } from "../../agent/node-host.ts";
import { volatileMemories } from "../../agent/node-memory.ts";
import { AgentWorld, FakeHost, operator } from "./agent-world.ts";

let world: AgentWorld;
beforeEach(async () => {
  world = new AgentWorld();
  await world.start();
});
afterEach(async () => await world.end());

describe("an agent", () => {
  test("registers, is online by its heartbeats, and has its environment", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    await world.until(() => host.environments.length > 0);
    expect(host.environments[0]).toMatchObject({ poll: 5, mqtt: { user: "gw" } });
    await world.clock.advance(300_000);
    expect(await world.view("gw")).toMatchObject({ presence: { state: "online" }, manifest: { model: "fake" } });
    expect(host.registrations).toBe(1);
  });

  test("is observed, and what it says of its health arrives without waiting for its heartbeat", async () => {
    const { agent, host, endpoint } = await world.agent("gw", "127.0.1.1");
    await world.until(() => endpoint.observers(["health"]) === 1);
    host.status = "degraded";
    agent.changed("gw");
    await world.until(() => world.app.health.latest("gw")?.value.status === "degraded", 1_000);
  });

  test("comes before its manager, and after it has gone away and come back", async () => {
    await world.during(world.manager.stop());
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.clock.advance(120_000);
    expect(agent.isRegistered).toBe(false);
    await world.start();
    await world.until(() => agent.isRegistered);
    await world.until(async () => (await world.view("gw"))?.presence.state === "online");

    world.manager.kill();
    await world.until(() => host.losses === 1, 900_000);
    await world.start();
    await world.until(async () => (await world.view("gw"))?.presence.state === "online", 900_000);
  });

  test("that was removed registers again", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    await world.during(world.app.registry.remove("gw", { kind: "manager", id: "test" }));
    await world.until(() => host.registrations === 2);
    await world.until(async () => (await world.view("gw"))?.presence.state === "online");
  });

  test("does each command once, through loss and repetition", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    world.network.loss = 0.3;
    world.network.duplication = 0.2;
    for (let i = 0; i < 10; i++) {
      await world.during(world.app.commands.send("gw", { command: "identify", id: `c-${i}` }, operator));
      await world.clock.advance(3_000);
    }
    await world.until(() => host.commands.length === 10, 1_800_000);
    await world.clock.advance(600_000);
    expect(host.commands).toHaveLength(10);
  });

  test("says with its reason what it refuses", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    host.configured = { outcome: "refused", reason: "nack-mode-forbids" };
    await world.during(world.app.environments.configure("gw", { values: { "relay.pump": "on" } }, operator));
    await world.until(() =>
      world.events.some((each) => each.kind === "action" && each.state === "refused" && each.node === "gw"),
    );
    expect(host.configurations).toEqual([{ values: { "relay.pump": "on" } }]);
    expect(world.events.find((each) => each.kind === "action" && each.state === "refused")).toMatchObject({
      reason: "nack-mode-forbids",
    });
  });

  test("that loses its power between doing and saying doesn't do it again", async () => {
    const memories = volatileMemories();
    const first = await world.agent("gw", "127.0.1.1", { memories });
    await world.until(() => first.agent.isRegistered);
    await world.clock.advance(3_000);
    // From here nothing that it says arrives.
    world.network.rules.push(({ from }) => (from.address === "127.0.1.1" ? "drop" : undefined));
    await world.during(world.app.commands.send("gw", { command: "identify", id: "c-1" }, operator));
    await world.until(() => first.host.commands.length === 1);
    await first.kill();
    world.network.rules.length = 0;
    const again = new FakeHost("gw");
    const second = await world.agent("gw", "127.0.1.1", { memories, host: again });
    await world.until(() => second.agent.isRegistered);
    await world.clock.advance(120_000);
    expect(again.commands).toEqual([]);
    const page = await world.during(world.app.commands.list("gw"));
    expect(page[0]).toMatchObject({ id: "c-1", state: "done" });
  });

  test("does nothing that it couldn't remember having done", async () => {
    const memories = volatileMemories();
    const { agent, host } = await world.agent("gw", "127.0.1.1", {
      memories: { load: memories.load, store: () => Promise.reject(new Error("disk full")) },
    });
    await world.until(() => agent.isRegistered);
    await world.during(world.app.commands.send("gw", { command: "restart", id: "c-1" }, operator));
    await world.until(() => world.events.some((each) => each.kind === "action" && each.state === "failed"));
    expect(host.commands).toEqual([]);
  });

  test("does a command that comes by MQTT once by its id, whichever way it comes again, and none that is too old", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    const done = { outcome: "done" };
    expect(await agent.command("gw", { command: "identify", id: "m-1" })).toEqual(done);
    expect(await agent.command("gw", { command: "identify", id: "m-1" })).toEqual(done);
    const past = { command: "identify", id: "m-2", expires: "2020-01-01T00:00:00Z" } as const;
    expect(await agent.command("gw", past)).toEqual({ outcome: "refused", reason: "expired" });
    expect(await agent.command("gw", { command: "identify" })).toEqual({ outcome: "refused", reason: "no-id" });
    expect(await agent.command("gx", { command: "identify", id: "m-3" })).toMatchObject({ outcome: "refused" });
    await world.during(world.app.commands.send("gw", { command: "identify", id: "m-1" }, operator));
    await world.until(async () => (await world.during(world.app.commands.list("gw")))[0]?.state === "done");
    expect(host.commands).toEqual(["identify"]);
  });

  test("is told the mode that an operator wants", async () => {
    const { agent, host } = await world.agent("gw", "127.0.1.1");
    await world.until(() => agent.isRegistered);
    await world.clock.advance(3_000);
    await world.during(world.app.modes.set("gw", { mode: "maintenance", reason: "cables" }, operator));
    await world.until(() => host.modes.length > 0);
    expect(host.modes[0]).toMatchObject({ mode: "maintenance", reason: "cables" });
  });
});

test("an action whose end never comes blocks neither heartbeats nor the observation of health", async () => {
  const host = new FakeHost("gw");
  host.install = () => new Promise<ActionEnd>(() => undefined);
  const { agent, endpoint } = await world.agent("gw", "127.0.1.1", { host });
  await world.until(() => agent.isRegistered);
  await world.until(() => endpoint.observers(["health"]) === 1);
  await world.clock.advance(300_000);
  expect((await world.view("gw"))?.presence.state).toBe("online");
});
