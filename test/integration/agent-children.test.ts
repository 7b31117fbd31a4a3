import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ActionEnd, UpdateJob } from "../../agent/node-host.ts";
import { volatileMemories } from "../../agent/node-memory.ts";
import { codeText } from "../../coap/message.ts";
import { Fault } from "../../kernel/fault.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { managerAddress, managerPorts } from "../sim/sim-manager.ts";
import { AgentWorld, FakeHost, type LiveAgent, operator } from "./agent-world.ts";

const oldImage = new TextEncoder().encode("old image");
const newImage = new TextEncoder().encode("new image");
const digestOf = (bytes: Uint8Array) => digestFromBytes(createHash("sha256").update(bytes).digest());
const [oldDigest, newDigest] = [digestOf(oldImage), digestOf(newImage)];
const first = "gw.a0b1c2d3e401";
const second = "gw.a0b1c2d3e402";

let world: AgentWorld;
let gateway: LiveAgent;
beforeEach(async () => {
  world = new AgentWorld({ images: [oldImage, newImage] });
  await world.start();
  gateway = await world.agent("gw", "127.0.1.1");
});
afterEach(async () => await world.end());

async function child(id: string, host = new FakeHost(id, oldDigest)): Promise<FakeHost> {
  await world.during(gateway.agent.addChild(host));
  await world.until(() => host.registrations > 0);
  return host;
}

async function presenceOf(node: string): Promise<string | undefined> {
  return (await world.view(node))?.presence.state;
}

async function createUpdate(): Promise<void> {
  const update = { id: "u-1", version: "2.0.0", size: newImage.length, digest: newDigest, model: "fake" };
  await world.during(world.app.updates.create(update, operator));
}

/** Waits to be told how it ends. */
class HeldInstall {
  readonly jobs: UpdateJob[] = [];
  readonly #ends: ((end: ActionEnd) => void)[] = [];

  readonly install = (job: UpdateJob): Promise<ActionEnd> => {
    this.jobs.push(job);
    return new Promise((resolve) => {
      this.#ends.push(resolve);
      job.signal.addEventListener("abort", () => resolve({ outcome: "cancelled" }), { once: true });
    });
  };

  end(how: ActionEnd): void {
    for (const each of this.#ends.splice(0)) each(how);
  }
}

describe("children of a gateway", () => {
  test("that aren't named after it are refused by the agent, and by the manager for whoever asks", async () => {
    const fault = await gateway.agent.addChild(new FakeHost("other.a0")).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe("agent.not-a-child");
    const other = await world.agent("gx", "127.0.1.2");
    await world.until(() => other.agent.isRegistered);
    await child(first);
    const ask = async (method: "POST" | "PUT" | "GET", path: string, queries: string[], body = "{}") => {
      const response = await world.during(
        other.endpoint.request({
          to: { address: managerAddress, port: managerPorts.coap },
          ...{ method, path: path.split("/").slice(1), queries: [...queries, "ep=gx"] },
          ...(method === "GET" ? {} : { payload: new TextEncoder().encode(body), contentFormat: 50 }),
        }),
      );
      return codeText(response.code);
    };
    await createUpdate();
    expect(await ask("POST", "/status", [`child=${first}`])).toBe("4.03");
    expect(await ask("PUT", `/nodes/${first}/health`, [])).toBe("4.03");
    expect(await ask("PUT", "/updates/u-1/status", [`child=${first}`], '{"state":"failed"}')).toBe("4.03");
    expect(await ask("POST", "/updates/u-1/install", [`child=${first}`])).toBe("4.03");
    expect(await ask("GET", "/updates/u-1/manifest", [`child=${first}`])).toBe("4.03");
    expect(await ask("POST", "/register", [], `{"id":"${first}","parent":"gx"}`)).toBe("4.03");
    expect(await ask("POST", "/register", [], `{"id":"${first}","parent":"gw"}`)).toBe("4.03");
    expect(await ask("POST", "/register", [], '{"id":"gx.zz","parent":"gx"}')).toBe("4.03");
  });

  test("have registration, heartbeats, health and observation of their own", async () => {
    const host = await child(first);
    await child(second);
    await world.until(async () => (await presenceOf(first)) === "online");
    expect((await world.view(first))?.manifest).toMatchObject({ parent: "gw", model: "fake", digest: oldDigest });
    await world.until(() => gateway.endpoint.observers(["nodes", first, "health"]) === 1);
    host.status = "degraded";
    gateway.agent.changed(first);
    await world.until(() => world.app.health.latest(first)?.value.status === "degraded", 1_000);
    expect(world.app.health.latest(second)?.value.status).toBe("healthy");
  });

  test("do their own actions, and one child's doesn't hold up another's", async () => {
    const [one, two] = [await child(first), await child(second)];
    one.install = () => new Promise<ActionEnd>(() => undefined);
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => one.jobs.length === 1);
    two.configured = { outcome: "refused", reason: "nack-mode-forbids" };
    await world.during(world.app.environments.configure(second, { values: { "relay.pump": "on" } }, operator));
    await world.until(() => two.configurations.length === 1);
    await world.until(() =>
      world.events.some(
        (each) => each.kind === "action" && each.node === second && each.reason === "nack-mode-forbids",
      ),
    );
    await world.during(world.app.commands.send(second, { command: "identify" }, operator));
    await world.until(() => two.commands.length === 1);
    expect(one.configurations).toEqual([]);
  });

  test("that fall silent are said to be, then are offline; after they return they are online", async () => {
    const host = await child(first);
    await world.until(() => gateway.endpoint.observers(["nodes", first, "health"]) === 1);
    host.isSilent = true;
    gateway.agent.fellSilent(first);
    await world.until(() => gateway.endpoint.observers(["nodes", first, "health"]) === 0, 2_000);
    await world.until(async () => (await presenceOf(first)) === "offline", 200_000);
    expect(await presenceOf("gw")).toBe("online");
    host.isSilent = false;
    await world.during(gateway.agent.returned(first));
    await world.until(async () => (await presenceOf(first)) === "online", 10_000);
  });

  test("are unknown, not offline, while their gateway is away", async () => {
    await child(first);
    await world.until(async () => (await presenceOf(first)) === "online");
    await gateway.kill();
    await world.until(async () => (await presenceOf("gw")) === "offline", 900_000);
    expect(await presenceOf(first)).toBe("unknown");
  });

  test("belong to their gateway again after that was removed and came back", async () => {
    await child(first);
    await world.until(async () => (await presenceOf(first)) === "online");
    await world.during(world.app.registry.remove("gw", { kind: "manager", id: "test" }));
    await world.until(() => gateway.host.registrations === 2);
    await world.clock.advance(30_000);
    await gateway.kill();
    await world.until(async () => (await presenceOf("gw")) === "offline", 900_000);
    expect(await presenceOf(first)).toBe("unknown");
  });

  test("come back with their manager, and with their gateway at another address", async () => {
    await child(first);
    world.manager.kill();
    await world.clock.advance(30_000);
    await world.start();
    await world.until(async () => (await presenceOf(first)) === "online", 900_000);
    await gateway.kill();
    gateway = await world.agent("gw", "127.0.1.9");
    const again = await child(first);
    await world.until(async () => (await presenceOf(first)) === "online");
    await world.during(world.app.commands.send(first, { command: "identify" }, operator));
    await world.until(() => again.commands.length === 1, 2_000);
  });

  test("are reached through their gateway by the manager's proxy", async () => {
    await child(first);
    const response = await world.during(
      gateway.endpoint.request({
        to: { address: managerAddress, port: managerPorts.coap },
        method: "GET",
        path: ["nodes", first, "proxy", "health"],
      }),
    );
    expect(codeText(response.code)).toBe("2.05");
    expect(new TextDecoder().decode(response.payload)).toContain('"healthy"');
  });
});

describe("an update of a child", () => {
  test("succeeds when the child says that it runs the image, not before", async () => {
    const host = await child(first);
    const held = new HeldInstall();
    host.install = held.install;
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => held.jobs.length === 1);
    const [job] = held.jobs;
    expect(job?.action).toMatchObject({ update: "u-1", digest: newDigest, size: newImage.length });
    job?.report({ state: "downloading", percent: 40, bytes: 4, total: 9 });
    await world.until(() => world.app.attempts.find("u-1", first)?.attempt.state === "downloading");
    expect(world.app.attempts.find("u-1", first)?.attempt).toMatchObject({ percent: 40 });
    job?.report({ state: "trial" });
    await world.until(() => world.app.attempts.find("u-1", first)?.attempt.state === "trial");
    await world.clock.advance(20_000);
    expect(world.app.attempts.find("u-1", first)?.attempt.state).toBe("trial");
    host.digest = newDigest;
    gateway.agent.registerAgain(first);
    await world.until(() => world.app.attempts.find("u-1", first)?.attempt.state === "succeeded");
    held.end({ outcome: "done" });
    await world.clock.advance(20_000);
    expect(world.app.desiredState.waiting(first)).toEqual([]);
  });

  test("fails with the reason that the gateway says", async () => {
    const host = await child(first);
    host.install = () => Promise.resolve({ outcome: "refused", reason: "unknown-signer" });
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => world.app.attempts.find("u-1", first)?.attempt.state === "failed");
    expect(world.app.attempts.find("u-1", first)?.attempt.reason).toBe("unknown-signer");
  });

  test("ends when it is withdrawn", async () => {
    const host = await child(first);
    const held = new HeldInstall();
    host.install = held.install;
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => held.jobs.length === 1);
    await world.during(world.app.updates.withdraw("u-1", operator));
    await world.until(() => held.jobs[0]?.signal.aborted);
    expect(held.jobs[0]?.signal.reason).toBe("cancelled");
  });

  test("goes on when the child is back before the gateway noticed that its job had ended", async () => {
    const host = await child(first);
    const jobs: UpdateJob[] = [];
    host.install = (job) => {
      jobs.push(job);
      // As a transfer does that waits for the pack's last word.
      return new Promise((resolve) => {
        job.signal.addEventListener("abort", () => {
          world.clock.after(5_000, () => resolve({ outcome: "cancelled" }));
        });
      });
    };
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => jobs.length === 1);
    gateway.agent.fellSilent(first);
    await world.clock.advance(1_000);
    await world.during(gateway.agent.returned(first));
    await world.until(() => jobs.length === 2);
    await world.clock.advance(60_000);
    expect(jobs[1]?.isResumed).toBe(true);
    expect(jobs[1]?.signal.aborted).toBe(false);
    expect(["cancelled", "failed"]).not.toContain(world.app.attempts.find("u-1", first)?.attempt.state);
  });

  test("goes on after the gateway was started anew, with links that are renewed", async () => {
    const memories = volatileMemories();
    await gateway.kill();
    gateway = await world.agent("gw", "127.0.1.1", { memories });
    const host = await child(first);
    const held = new HeldInstall();
    host.install = held.install;
    await createUpdate();
    await world.during(world.app.updates.start("u-1", [first], operator));
    await world.until(() => held.jobs.length === 1);
    const before = held.jobs[0]?.action.uris;
    await gateway.kill();
    await world.clock.advance(60_000);
    gateway = await world.agent("gw", "127.0.1.1", { memories });
    const again = new FakeHost(first, oldDigest);
    again.install = held.install;
    await child(first, again);
    await world.until(() => held.jobs.length === 2);
    const [, job] = held.jobs;
    expect(job?.isResumed).toBe(true);
    const renewed = await world.during(job?.renew() ?? Promise.reject(new Error("no job")));
    expect(renewed.uris).not.toEqual(before);
    expect(world.app.attempts.find("u-1", first)?.attempt.state).not.toBe("failed");
  });
});

test("two gateways have packs of their own, and one's silence is not the other's", async () => {
  const other = await world.agent("gx", "127.0.1.2");
  const host = new FakeHost("gx.a0b1c2d3e401");
  await world.during(other.agent.addChild(host));
  await child(first);
  await world.until(async () => (await presenceOf("gx.a0b1c2d3e401")) === "online");
  await other.kill();
  await world.until(async () => (await presenceOf("gx")) === "offline", 900_000);
  expect(await presenceOf(first)).toBe("online");
});

test("32 children register, beat and are observed through one association, with a tenth of the datagrams lost", async () => {
  world.network.loss = 0.1;
  const hosts = Array.from({ length: 32 }, (_, i) => new FakeHost(`gw.a0b1c2d3e4${(i + 16).toString(16)}`));
  for (const host of hosts) await gateway.agent.addChild(host);
  await world.until(() => hosts.every(({ registrations }) => registrations > 0), 600_000);
  const states = async (): Promise<(string | undefined)[]> => {
    const seen: (string | undefined)[] = [];
    for (const { id } of hosts) seen.push(await presenceOf(id));
    return seen;
  };
  await world.until(async () => (await states()).every((each) => each === "online"));
  await world.clock.advance(120_000);
  const later = await states();
  expect(later.filter((each) => each === "online").length).toBeGreaterThanOrEqual(30);
  expect(later).not.toContain("offline");
});
