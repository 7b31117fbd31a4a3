import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { BmsOnPty } from "../../tools/demo/bms-on-pty.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { requireBuild } from "../integration/supervisor/supervised-node.ts";
import { RealGateway, realHub } from "./real-gateway.ts";

// The greatest of the last four bytes leads.
const hardware = ["24a160000003", "24a160000023", "24a160000104"] as const;
const [, , highest] = hardware;

const folder = mkdtempSync(join(tmpdir(), "gateway-packs-"));
const bms: BmsOnPty[] = [];
const packs: PackProgram[] = [];
const documents = new Map<string, Record<string, unknown>>();
const acks: Record<string, unknown>[] = [];
let hub: CanHub;
let gateway: RealGateway;
let phone: MqttClient;

const until = (isSo: () => boolean, seconds = 60) =>
  expect.poll(isSo, { timeout: seconds * 1000, interval: 20 }).toBe(true);
const of = (kind: string) => documents.get(`alfaspark/home-7/${kind}`);

beforeAll(async () => {
  requireBuild();
  hub = await realHub();
  gateway = await RealGateway.start(join(folder, "gateway"), hub.address());
  phone = await gateway.join(await gateway.phone("Anna"));
  phone.on("message", (topic, payload) => {
    const document = JSON.parse(String(payload)) as Record<string, unknown>;
    if (topic.includes("/ack/")) acks.push(document);
    else documents.set(topic, document);
  });
  await phone.subscribeAsync("alfaspark/home-7/#", { qos: 1 });
  for (const [at, number] of hardware.entries()) {
    const simulated = await BmsOnPty.start({ name: `bms-${at}` });
    simulated.set({ voltage: 52.8, current: 1.5 });
    bms.push(simulated);
    packs.push(
      new PackProgram({ name: `pack-${at}`, hardware: number, can: hub.address(), bms: simulated.device, folder }),
    );
  }
});

afterAll(async () => {
  await phone?.endAsync(true);
  await gateway?.kill("SIGTERM");
  for (const pack of packs) await pack.stop();
  for (const each of bms) await each.stop();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("real packs are a household: each is seen with its battery, one is the master, and the sums agree with its own", async () => {
  await until(() => hardware.every((each) => of(`${each}/telemetry`)?.["SOC"] === 40));
  await until(() => hardware.every((each) => of(`${each}/telemetry`)?.["timeOk"] === true));
  for (const each of hardware)
    expect(of(`${each}/telemetry`)).toMatchObject({ stale: false, online: true, V_batt: 52.8, bms: "ok" });
  await until(() => of("master")?.["node"] === highest);
  await until(() => of("aggregate")?.["masterSays"] !== undefined && of("aggregate")?.["packs"] === 3);
  expect(of("aggregate")).toMatchObject({ SOC: 40, disagrees: false, stale: false });
  await until(() => of(`${highest}/identity`)?.["version"] !== undefined);
  expect(of(`${highest}/identity`)).toMatchObject({ node: highest, deviceType: "energy-pack", firmware: "Alfaspark" });
});

it("a command to all is obeyed and acknowledged by each, and one that a mode forbids is refused in words", async () => {
  acks.length = 0;
  await phone.publishAsync("alfaspark/home-7/commands/set-mode", '{"mode":"backup","on":true,"id":"b"}', { qos: 1 });
  await until(() => acks.filter(({ id, outcome }) => id === "b" && outcome === "done").length === 3);
  await until(() => hardware.every((each) => JSON.stringify(of(`${each}/telemetry`)?.["modes"]).includes("backup")));
  await phone.publishAsync(`alfaspark/home-7/${highest}/cmd/set-relay`, '{"relay":"grid","on":false,"id":"g"}', {
    qos: 1,
  });
  await until(() => acks.some(({ id }) => id === "g"));
  expect(acks.find(({ id }) => id === "g")).toMatchObject({
    ...{ outcome: "refused", node: highest, result: "forbidden-by-backup" },
    reason: expect.stringContaining("Backup"),
  });
});

it("a BMS that falls silent leaves its last values, marked old, and an alarm", async () => {
  const [first] = hardware;
  bms[0]!.fail("silent");
  await until(() => of(`${first}/telemetry`)?.["bms"] === "stale");
  expect(of(`${first}/telemetry`)).toMatchObject({ SOC: 40, online: true });
  expect(of(`${first}/telemetry`)?.["P_batt"]).toBeUndefined();
  await until(() => JSON.stringify(of(`${first}/alarm`)).includes("bms-stale"));
});
