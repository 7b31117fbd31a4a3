import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, describe, expect, test } from "vitest";
import { parseManagerAddress } from "../../agent/manager-address.ts";
import { type NodeCredentials, parseNodeCredentials } from "../../agent/node-credentials.ts";
import { ManagerPart } from "../../gateway/manager-part.ts";
import type { PackCommands } from "../../gateway/ports/pack-commands.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import type { Messages } from "../../schemas/generated/types.ts";
import type { Sendable } from "../../schemas/wire/codec.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import { type HardwareNumber, SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import { keys } from "../vectors/update-manifest-world.ts";
import { operator } from "./agent-world.ts";
import { FakeCarrier, FakePacks, sha256 } from "./gateway-fakes.ts";
import { issueKeys, soon, type TestManager, testManager } from "./manager-harness.ts";
import { envelopeOf, trustKey } from "./signed-envelope.ts";

const [a, b] = ["a0b1c2d3e401", "a0b1c2d3e402"] as [HardwareNumber, HardwareNumber];
const image = new Uint8Array(20_000).map((_, i) => (i * 7) & 255);
const digest = sha256(image);
const old = sha256(Uint8Array.of(1));

const tls = { "tls.mode": "on", "https.port": "0", "mqtts.port": "0" };
const observerPassword = "who may read all of it";
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function startManager(more: Readonly<Record<string, string>> = {}): Promise<TestManager> {
  const flags = {
    ...more,
    insecure: false,
    vendor: "vendor.example",
    poll: "10",
    report: "1",
    "mqtt.observerPassword": observerPassword,
  };
  return await testManager({ flags });
}

async function credentialsFor(manager: TestManager, id: string, ca?: string): Promise<NodeCredentials> {
  const file = {
    id,
    ...(ca !== undefined && { ca }),
    oscore: await issueKeys(manager, id),
    anchors: toHex(writeKeySet([keys.vendor.signer.anchor])),
  };
  return parseNodeCredentials(JSON.stringify(file));
}

class Gateway {
  readonly packs = new FakePacks();
  readonly carrier = new FakeCarrier(this.packs, systemClock);
  readonly sent: [string, string, object][] = [];
  answer: Awaited<ReturnType<PackCommands["send"]>> = { outcome: "done" };
  readonly ends: string[] = [];
  readonly documents: Sendable<Messages["site-update-status"]>[] = [];
  readonly folder = mkdtempSync(join(tmpdir(), "coxswain-gateway-"));
  readonly #id: string;
  #part: ManagerPart | undefined;

  constructor(id: string) {
    this.#id = id;
    Object.assign(this.carrier.times, { blockMs: 10, bootMs: 50, trialMs: 50 });
    this.carrier.image = digest;
    this.carrier.wants = { digest, size: image.length };
    stops.push(async () => {
      await this.stop();
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  get part(): ManagerPart {
    if (this.#part === undefined) throw new Error("The gateway isn't up.");
    return this.#part;
  }

  start(url: string, credentials: NodeCredentials): void {
    const { packs, carrier, folder } = this;
    this.#part = new ManagerPart({
      ...{ packs, carrier, folder, credentials, id: nodeId(this.#id), manager: parseManagerAddress(url) },
      ...{ model: "coxswain-gateway", packModel: "energy-pack", maxArtifactBytes: 1_000_000 },
      facts: () => ({ version: "0.1.0", uptimeSeconds: 5, services: [{ name: "can", state: "running" }] }),
      end: (why) => this.ends.push(why),
      household: {
        ...{ site: siteId("home"), topics: new SiteTopics(), isTimeValid: () => true },
        publisher: { retain: (_topic, _kind, value) => this.documents.push(value as never) },
      },
      commands: {
        send: (pack, name, payload) => {
          this.sent.push([pack, name, payload]);
          return Promise.resolve(this.answer);
        },
      },
      ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
    });
    this.#part.start();
  }

  async stop(): Promise<void> {
    const part = this.#part;
    this.#part = undefined;
    await part?.stop();
  }
}

interface Ready {
  readonly manager: TestManager;
  readonly gateway: Gateway;
  readonly credentials: NodeCredentials;
}

async function ready(more: Readonly<Record<string, string>> = {}, hasCa = false): Promise<Ready> {
  const manager = await startManager(more);
  stops.push(() => manager.end());
  const ca = hasCa ? readFileSync(join(manager.folder, "ca.pem"), "utf8") : undefined;
  const credentials = await credentialsFor(manager, "gw", ca);
  const gateway = new Gateway("gw");
  gateway.packs.add(a, old);
  gateway.packs.add(b, old);
  gateway.start(manager.urls.coap, credentials);
  for (const pack of [a, b]) await presence(manager, `gw.${pack}`, "online");
  return { manager, gateway, credentials };
}

async function presence(manager: TestManager, node: string, state: string): Promise<void> {
  await soon(
    () => manager.app.registry.find(node),
    (view) => view?.presence.state === state,
  );
}

async function offer(manager: TestManager, nodes: readonly string[]): Promise<void> {
  await create(manager);
  await manager.app.updates.start("u-1", nodes, operator);
}

async function create(manager: TestManager): Promise<void> {
  await trustKey(manager.app);
  await manager.app.artifacts.store(bytesOf(image), { digest });
  const update = { id: "u-1", version: "2.6", size: image.length, digest, model: "energy-pack", sequence: 5 };
  const created = await manager.app.updates.create(update, operator, await envelopeOf(update));
  expect(created.kind).toBe("created");
}

const attempt = (manager: TestManager, node: string) => manager.app.attempts.find("u-1", node)?.attempt;

describe("a gateway and its packs", () => {
  test("are nodes of their manager, with what the packs say of themselves", async () => {
    const { manager, gateway } = await ready();
    const view = await manager.app.registry.find(`gw.${a}`);
    expect(view).toMatchObject({
      identity: "credential",
      manifest: { parent: "gw", model: "energy-pack", hw: a, digest: old, confirmed: true, slotSize: 1_000_000 },
    });
    expect((await manager.app.registry.find("gw"))?.manifest.caps).toContain("no-self-update");
    const other = sha256(Uint8Array.of(2));
    gateway.packs.firmware(a, { digests: { running: other } });
    await soon(
      () => manager.app.registry.find(`gw.${a}`),
      (found) => found?.manifest.digest === other,
    );
    const battery = { frame: "PackBattery", node: 0, stateOfCharge: 40, voltage: 528, current: 0 } as const;
    gateway.packs.change(a, { battery: { ...battery, batteryState: "idle", bmsState: "fault" } });
    await soon(
      () => manager.app.health.latest(`gw.${a}`)?.value.status,
      (status) => status === "degraded",
    );
    expect(manager.app.health.latest(`gw.${b}`)?.value.status).toBe("healthy");
  });

  test("what an operator sets becomes commands on the bus, and a NACK is the reason that he reads", async () => {
    const { manager, gateway } = await ready();
    const ended: unknown[] = [];
    manager.app.events.subscribe((event) => {
      if (event.kind === "action") ended.push([event.node, event.state, "reason" in event ? event.reason : undefined]);
    });
    await manager.app.environments.configure(
      `gw.${a}`,
      { values: { "mode.eco": "on", "eco-limit": "2000" } },
      operator,
    );
    await soon(
      () => gateway.sent.length,
      (count) => count === 2,
    );
    expect(gateway.sent).toEqual([
      [a, "set-eco-limit", { limit: 2000 }],
      [a, "set-mode", { mode: "eco", on: true }],
    ]);
    gateway.answer = { outcome: "refused", result: "forbidden-by-eco" };
    await manager.app.environments.configure(`gw.${b}`, { values: { "relay.pump": "on" } }, operator);
    await soon(
      () => ended,
      (all) => all.some((each) => JSON.stringify(each) === JSON.stringify([`gw.${b}`, "refused", "forbidden-by-eco"])),
    );
    gateway.answer = { outcome: "silent" };
    await manager.app.environments.configure(`gw.${b}`, { values: { "relay.pump": "off" } }, operator);
    await soon(
      () => ended,
      (all) => all.some((each) => JSON.stringify(each) === JSON.stringify([`gw.${b}`, "failed", "silent"])),
    );
  });

  test("a pack that fell silent is said to be gone, and is online at once when it is back", async () => {
    const { manager, gateway } = await ready();
    const online = await watchAvailability(manager);
    await soon(
      () => online.get(`gw.${a}`),
      (said) => said === "online",
    );
    gateway.packs.change(a, { isSilent: true });
    await soon(
      () => online.get(`gw.${a}`),
      (said) => said === "offline",
    );
    expect(online.get(`gw.${b}`)).toBe("online");
    gateway.packs.change(a, { isSilent: false });
    await soon(
      () => online.get(`gw.${a}`),
      (said) => said === "online",
    );
  });

  test("telemetry of packs reaches their history, in W, V, A and %", async () => {
    const { manager, gateway } = await ready();
    const say = (): void =>
      gateway.packs.change(a, {
        heardAtMs: Date.now(),
        power: { frame: "PackPower", node: 0, grid: -20, home: 1500, battery: -79, solar: 1441 },
      });
    await soon(
      async () => {
        say();
        return await manager.app.telemetry.latest(`gw.${a}`);
      },
      (series) => series.some(({ series: name, unit }) => name === "solar" && unit === "W"),
    );
  });

  test.each([
    ["by CoAP to a manager whose broker speaks TLS, where the gateway has no CA", false],
    ["by MQTT over TLS where it has one", true],
  ])("telemetry goes %s", async (_, hasCa) => {
    const { manager, gateway } = await ready(tls, hasCa);
    const say = (): void =>
      gateway.packs.change(a, {
        heardAtMs: Date.now(),
        power: { frame: "PackPower", node: 0, grid: -20, home: 1500, battery: -79, solar: 1441 },
      });
    await soon(
      async () => {
        say();
        return await manager.app.telemetry.latest(`gw.${a}`);
      },
      (series) => series.some(({ series: name, value }) => name === "solar" && value === 1441),
    );
    expect(gateway.part.plane.isConnected).toBe(hasCa);
  });

  test("the gateway ends when it is told to, and nothing ends a pack", async () => {
    const { manager, gateway } = await ready();
    await manager.app.commands.send("gw", { command: "restart" }, operator);
    await soon(
      () => gateway.ends,
      (ends) => ends.includes("restart"),
    );
    await manager.app.commands.send(`gw.${a}`, { command: "restart", id: "c-1" }, operator);
    await soon(
      async () => (await manager.app.commands.list(`gw.${a}`))[0],
      (command) => command?.state === "refused" && command.reason === "unsupported",
    );
  });
});

describe("an update of packs", () => {
  test("goes to one after the other, with progress, and has succeeded when each runs it", async () => {
    const { manager, gateway } = await ready();
    gateway.packs.masterPack = a;
    const seen = new Set<string>();
    manager.app.events.subscribe((event) => {
      if (event.kind === "attempt") seen.add(`${event.node} ${event.state}`);
    });
    gateway.carrier.cutsBefore.push(7);
    await offer(manager, [`gw.${b}`]);
    await soon(
      () => attempt(manager, `gw.${b}`),
      (found) => found?.state === "succeeded",
    );
    expect(attempt(manager, `gw.${b}`)).toMatchObject({ way: "can" });
    for (const state of ["downloading", "trial", "succeeded"]) expect(seen).toContain(`gw.${b} ${state}`);
    expect(gateway.packs.find(b)?.firmware.digests.running).toBe(digest);
    expect(gateway.carrier.began).toEqual([b, b]);
    // The master's turn comes after a while.
    await manager.app.updates.start("u-1", [`gw.${a}`], operator);
    await soon(
      () => attempt(manager, `gw.${a}`),
      (found) => found?.state === "deferred",
    );
  });

  test("is fetched by HTTPS where the gateway has the manager's CA, and nothing in the open", async () => {
    const { manager, gateway } = await ready(tls, true);
    gateway.carrier.times.blockMs = 30;
    await offer(manager, [`gw.${b}`]);
    const [queued] = manager.app.desiredState.waiting(`gw.${b}`);
    const uris = queued?.action.kind === "update" ? queued.action.uris : [];
    expect(uris.map((uri) => uri.split(":")[0])).toEqual(["https", "coap"]);
    await soon(
      () => attempt(manager, `gw.${b}`),
      (found) => found?.state === "succeeded",
    );
  });

  test("that somebody else signed is refused before a byte goes on the bus, for all to read", async () => {
    const { manager, gateway } = await ready();
    await trustKey(manager.app, "second");
    await manager.app.artifacts.store(bytesOf(image), { digest });
    const update = { id: "u-1", version: "2.6", size: image.length, digest, model: "energy-pack", sequence: 5 };
    await manager.app.updates.create(update, operator, await envelopeOf(update, {}, ["second"]));
    await manager.app.updates.start("u-1", [`gw.${a}`], operator);
    await soon(
      () => attempt(manager, `gw.${a}`),
      (found) => found?.state === "failed" && found.reason === "unknown-signer",
    );
    expect(gateway.carrier.began).toEqual([]);
  });

  test("goes on after the gateway was stopped in its midst, and only the rest travels", async () => {
    const { manager, gateway, credentials } = await ready();
    gateway.carrier.times.blockMs = 60;
    await offer(manager, [`gw.${a}`]);
    await soon(
      () => gateway.carrier.blocks,
      (blocks) => blocks >= 3,
    );
    await gateway.stop();
    const before = gateway.carrier.blocks;
    expect(before).toBeLessThan(20);
    gateway.carrier.times.blockMs = 5;
    gateway.start(manager.urls.coap, credentials);
    await soon(
      () => attempt(manager, `gw.${a}`),
      (found) => found?.state === "succeeded",
    );
    expect(gateway.carrier.blocks).toBe(20);
  });
});

describe("an update that the household asks for", () => {
  test("is what the manager allows, by its words", async () => {
    const { gateway } = await ready();
    expect(await gateway.part.trigger({})).toMatchObject({ outcome: "invalid" });
    expect(await gateway.part.trigger({ update: "u-9" })).toEqual({ outcome: "refused", reason: "no such update" });
    const unknown = await gateway.part.trigger({ update: "u-9", nodes: ["a0b1c2d3e4ff"] });
    expect(unknown).toEqual({ outcome: "invalid", reason: "There is no pack a0b1c2d3e4ff." });
    expect(gateway.carrier.began).toEqual([]);
  });

  test("goes to all packs, is shown as it goes, and can be stopped", async () => {
    const { manager, gateway } = await ready();
    await create(manager);
    expect(await gateway.part.trigger({ update: "u-1" })).toEqual({ outcome: "done" });
    for (const pack of [a, b]) {
      await soon(
        () => attempt(manager, `gw.${pack}`),
        (found) => found?.state === "succeeded",
      );
    }
    await soon(
      () => gateway.documents.at(-1),
      (said) => said?.state === "done" && said.nodes.length === 2 && said.percent === 100,
    );
    expect(gateway.documents.at(-1)).toMatchObject({ available: "u-1", availableVersion: "2.6" });
    // Whoever runs it already needs nothing.
    expect(await gateway.part.trigger({})).toEqual({ outcome: "done" });
    gateway.packs.firmware(a, { digests: { running: old } });
    await soon(
      () => manager.app.registry.find(`gw.${a}`),
      (view) => view?.manifest.digest === old,
    );
    gateway.carrier.times.blockMs = 100;
    gateway.carrier.forget();
    expect(await gateway.part.trigger({ nodes: [a] })).toEqual({ outcome: "done" });
    await soon(
      () => gateway.carrier.began.length,
      (count) => count === 3,
    );
    expect(await gateway.part.trigger({ stop: true })).toEqual({ outcome: "done" });
    await soon(
      () => attempt(manager, `gw.${a}`),
      (found) => found?.state === "cancelled",
    );
  });
});

/** What is said of nodes' availability at the manager's broker, by who may read all. */
async function watchAvailability(manager: TestManager): Promise<ReadonlyMap<string, string>> {
  const url = new URL(manager.urls.mqtt);
  const client: MqttClient = await connectAsync({
    ...{ host: url.hostname, port: Number(url.port), username: "_observer", clientId: "_observer" },
    password: observerPassword,
  });
  stops.push(() => client.endAsync(true));
  const said = new Map<string, string>();
  client.on("message", (topic, payload) => said.set(topic.split("/")[2] ?? "", payload.toString()));
  await client.subscribeAsync("cx/nodes/+/availability");
  return said;
}

async function* bytesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
