import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseManagerAddress } from "../../agent/manager-address.ts";
import { parseNodeCredentials } from "../../agent/node-credentials.ts";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { openCan } from "../../gateway/adapters/can/open-can.ts";
import { BusCommands } from "../../gateway/app/bus-commands.ts";
import { CanCarrier } from "../../gateway/app/can-carrier.ts";
import { FirmwareAsker } from "../../gateway/app/firmware-asker.ts";
import { PacksOnBus } from "../../gateway/app/packs-on-bus.ts";
import { ManagerPart } from "../../gateway/manager-part.ts";
import type { CanBus } from "../../gateway/ports/can-bus.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { makeVariants } from "../../manager/variants/make-variants.ts";
import { encodeCan } from "../../schemas/wire/can.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import { BmsOnPty } from "../../tools/demo/bms-on-pty.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { stampImage } from "../../tools/demo/programs.ts";
import { issueKeys, type TestManager, testManager } from "../integration/manager-harness.ts";
import { envelopeOf, trustKey } from "../integration/signed-envelope.ts";
import { buildFolder, requireBuild } from "../integration/supervisor/supervised-node.ts";
import { keys } from "../vectors/update-manifest-world.ts";

const operator = { kind: "operator", id: "test" } as const;
// The greatest of the last four bytes leads.
const hardware = ["24a160000003", "24a160000104"] as [HardwareNumber, HardwareNumber];
const [follower, master] = hardware;
const vendor = "coxswain.example";
const folder = mkdtempSync(join(tmpdir(), "pack-update-"));
const anchors = join(folder, "anchors.cbor");
const image = join(buildFolder, "cxpack-node");
const sha256 = (bytes: Uint8Array) => digestFromBytes(createHash("sha256").update(bytes).digest());

/** The gateway's own parts, in this process, on the hub's socket as any adapter. */
class Gateway {
  readonly bus: CanBus;
  readonly packs: PacksOnBus;
  readonly part: ManagerPart;
  readonly #commands: BusCommands;
  readonly #asker: FirmwareAsker;

  constructor(can: string, manager: TestManager, oscore: object) {
    const parts = { clock: systemClock, entropy: systemEntropy, log: silentLog };
    this.bus = openCan({ address: can, ...parts });
    this.packs = new PacksOnBus({ bus: this.bus, ...parts });
    this.#commands = new BusCommands({ bus: this.bus, packs: this.packs, ...parts });
    this.#asker = new FirmwareAsker({
      packs: this.packs,
      clock: systemClock,
      send: (ask) => void this.bus.send(encodeCan(ask)),
    });
    const set = toHex(writeKeySet([keys.vendor.signer.anchor, keys.second.signer.anchor]));
    this.part = new ManagerPart({
      ...{ id: nodeId("gw"), manager: parseManagerAddress(manager.urls.coap), folder: join(folder, "gateway") },
      credentials: parseNodeCredentials(JSON.stringify({ id: "gw", oscore, anchors: set })),
      ...{ model: "coxswain-gateway", packModel: "energy-pack", maxArtifactBytes: 10_000_000 },
      facts: () => ({ version: "0.1.0", uptimeSeconds: 1, services: [] }),
      end: () => undefined,
      ...{ packs: this.packs, commands: this.#commands, ...parts },
      carrier: new CanCarrier({ bus: this.bus, packs: this.packs, ...parts }),
    });
  }

  start(): void {
    this.packs.start();
    this.#commands.start();
    this.#asker.start();
    this.bus.open();
    this.part.start();
  }

  async stop(): Promise<void> {
    await this.part.stop();
    this.#asker.stop();
    this.#commands.stop();
    this.packs.stop();
    await this.bus.close();
  }
}

let hub: CanHub;
let manager: TestManager;
let gateway: Gateway;
let bms: BmsOnPty;
const packs: PackProgram[] = [];

async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  isSo: (value: T) => unknown,
  seconds = 60,
): Promise<T> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const value = await look();
    if (isSo(value)) return value;
    if (performance.now() > deadline)
      throw new Error(`${what}: never in ${seconds} s; the last was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const node = (pack: HardwareNumber): string => `gw.${pack}`;
const attempt = (update: string, pack: HardwareNumber) => manager.app.attempts.find(update, node(pack))?.attempt;
const ends = ["succeeded", "failed", "rolled-back", "cancelled", "expired"];
const ended = (update: string, pack: HardwareNumber, seconds = 120) =>
  until(
    `the end of ${update} at ${pack}`,
    () => attempt(update, pack),
    (found) => ends.includes(found?.state ?? ""),
    seconds,
  );

async function upload(bytes: Uint8Array): Promise<void> {
  const content = async function* (): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
  };
  await manager.app.artifacts.store(content(), { digest: sha256(bytes) });
}

interface Release {
  readonly id: string;
  readonly version: string;
  readonly sequence: number;
  /** Packs trust `vendor` alone; gateway and manager both. */
  readonly by?: "vendor" | "second";
  readonly windows?: readonly number[];
  readonly isDelta?: boolean;
}

async function release({ id, version, sequence, by = "vendor", windows = [], isDelta = false }: Release) {
  const file = await stampImage(image, version, join(folder, `${id}.bin`));
  const bytes = new Uint8Array(readFileSync(file));
  const options = { windows, bases: isDelta ? [new Uint8Array(readFileSync(image))] : [] };
  const made = makeVariants(bytes, options, () => new Uint8Array(0));
  for (const each of made.variants) await upload(each.bytes);
  const update = { id, version, sequence, size: bytes.length, digest: sha256(bytes), model: "energy-pack" };
  const variants = made.variants.map(({ variant }) => variant);
  const envelope = await envelopeOf(update, { variants }, [by], vendor);
  const outcome = await manager.app.updates.create(update, operator, envelope);
  expect(outcome.kind).toBe("created");
  return update;
}

beforeAll(async () => {
  requireBuild();
  writeFileSync(anchors, writeKeySet([keys.vendor.signer.anchor]));
  hub = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
  await hub.start();
  manager = await testManager({ flags: { insecure: false, vendor, poll: "10", report: "1" } });
  await trustKey(manager.app);
  await trustKey(manager.app, "second");
  bms = await BmsOnPty.start({ name: "bms" });
  bms.set({ voltage: 52.8, current: 1.5 });
  for (const [at, number] of hardware.entries()) {
    const can = hub.address();
    const flags = ["--anchors", anchors, "--vendor", vendor, "--image", image];
    const line = at === 0 ? { bms: bms.device } : {};
    packs.push(new PackProgram({ name: `pack-${at}`, hardware: number, can, folder, flags, ...line }));
  }
  gateway = new Gateway(hub.address(), manager, await issueKeys(manager, "gw"));
  gateway.start();
}, 60_000);

afterAll(async () => {
  await gateway?.stop();
  for (const pack of packs) await pack.stop();
  await bms?.stop();
  await manager?.end();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test("packs as programs are nodes of the manager, with what they run and how they are", async () => {
  for (const each of hardware) {
    const view = await until(
      `${each} registers with its digest`,
      () => manager.app.registry.find(node(each)),
      (found) => found?.presence.state === "online" && found.manifest.digest !== undefined && found.manifest.confirmed,
    );
    expect(view?.manifest).toMatchObject({
      ...{ parent: "gw", model: "energy-pack", hw: each, version: "2.5.0", confirmed: true },
      digest: sha256(new Uint8Array(readFileSync(image))),
    });
  }
  await until(
    "the master is known",
    () => gateway.packs.master(),
    (found) => found === master,
  );
  await until(
    "the BMS is heard",
    () => manager.app.health.latest(node(follower))?.value,
    (report) => report?.battery === 40,
  );
  expect(manager.app.health.latest(node(follower))?.value.status).toBe("healthy");
  await until(
    "a pack without a BMS",
    () => manager.app.health.latest(node(master))?.value.status,
    (is) => is === "degraded",
  );
  expect(manager.app.health.latest(node(master))?.value.battery).toBeUndefined();
  await until(
    "telemetry",
    () => manager.app.telemetry.latest(node(follower)),
    (points) => points.some(({ series, value }) => series === "voltage" && value === 52.8),
  );
});

test("what an operator sets reaches the pack, whose refusal he reads", async () => {
  const said: string[] = [];
  manager.app.events.subscribe((event) => {
    if (event.kind === "action" && "reason" in event) said.push(`${event.node} ${event.state} ${event.reason}`);
  });
  await manager.app.environments.configure(node(follower), { values: { "mode.backup": "on" } }, operator);
  await until(
    "the mode is on",
    () => packs[0]?.now("modes"),
    (modes) => modes === "backup",
  );
  await manager.app.environments.configure(node(follower), { values: { "relay.grid": "off" } }, operator);
  await until(
    "the refusal",
    () => said,
    (all) => all.includes(`${node(follower)} refused forbidden-by-backup`),
  );
  await manager.app.environments.configure(node(follower), { values: { "mode.backup": "off" } }, operator);
  await until(
    "the mode is off",
    () => packs[0]?.now("modes"),
    (modes) => modes === "none",
  );
});

test("a signed update reaches both over CAN, the master last, by the smallest payload, while their telemetry goes on", async () => {
  const { digest } = await release({ id: "u-6", version: "2.6.0", sequence: 6, windows: [4096], isDelta: true });
  const order: string[] = [];
  manager.app.events.subscribe((event) => {
    if (event.kind === "attempt" && event.state === "trial") order.push(event.node);
  });
  const heard = gateway.packs.counters.frames;
  await manager.app.updates.start("u-6", hardware.toReversed().map(node), operator);
  for (const each of [follower, master]) {
    expect(await ended("u-6", each)).toMatchObject({ state: "succeeded", way: "can" });
    const view = await until(
      "its registration",
      () => manager.app.registry.find(node(each)),
      (found) => found?.manifest.digest === digest && found.manifest.seq === 6,
      90,
    );
    expect(view?.manifest).toMatchObject({ version: "2.6.0", confirmed: true });
  }
  expect(order).toEqual([follower, master].map(node));
  for (const pack of packs)
    expect(pack.events.some((line) => /^boot Alfaspark 2\.6 .* after update$/.test(line))).toBe(true);
  expect(gateway.packs.counters.frames).toBeGreaterThan(heard + 100);
}, 180_000);

test("a pack that loses its power in the midst of a whole image gets the rest of it when it is back", async () => {
  const { digest } = await release({ id: "u-7", version: "2.7.0", sequence: 7 });
  await manager.app.updates.start("u-7", [node(follower)], operator);
  await until(
    "a third of it",
    () => attempt("u-7", follower)?.percent ?? 0,
    (percent) => percent >= 33,
  );
  await packs[0]?.cut();
  packs[0]?.startAgain();
  expect(await ended("u-7", follower, 240)).toMatchObject({ state: "succeeded" });
  await until(
    "its registration",
    () => manager.app.registry.find(node(follower)),
    (found) => found?.manifest.digest === digest && found.manifest.version === "2.7.0",
  );
}, 300_000);

test("what the gateway takes and the pack doesn't is refused in the pack's words, and it runs what it ran", async () => {
  const before = (await manager.app.registry.find(node(follower)))?.manifest.digest;
  await release({ id: "u-8", version: "2.8.0", sequence: 8, by: "second" });
  await manager.app.updates.start("u-8", [node(follower)], operator);
  expect(await ended("u-8", follower)).toMatchObject({ state: "failed", reason: "unknown-signer" });
  await until(
    "its report",
    () => manager.app.health.latest(node(follower))?.value,
    (report) => report?.digest === before && report?.phase === "operational",
  );
}, 120_000);
