import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BusMember } from "../../gateway/adapters/can/bus-member.ts";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import type { CanMessage } from "../../schemas/generated/can.ts";
import { decodeCan, encodeCan } from "../../schemas/wire/can.ts";
import { BmsOnPty } from "../../tools/demo/bms-on-pty.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { requireBuild } from "../integration/supervisor/supervised-node.ts";

// Their last bytes choose the ids that they ask for: two want number 3. The greatest of the last four bytes leads.
const hardware = ["24a160000003", "24a160000023", "24a160000104"] as const;
const everyone = 127;

const folder = mkdtempSync(join(tmpdir(), "packs-"));
const bms: BmsOnPty[] = [];
const packs: PackProgram[] = [];
const heard: CanMessage[] = [];
let hub: CanHub;
let gateway: BusMember;
let sequence = 0;
let isNoisy = false;

const until = (isSo: () => boolean, seconds = 30) =>
  expect.poll(isSo, { timeout: seconds * 1000, interval: 20 }).toBe(true);

function said<Name extends CanMessage["frame"]>(name: Name): Extract<CanMessage, { frame: Name }>[] {
  return heard.filter((each): each is Extract<CanMessage, { frame: Name }> => each.frame === name);
}

const masters = () => packs.filter((pack) => pack.isRunning && pack.now("role") === "master");
/** Each write makes another file, at another moment. */
const settingsFile = (pack: PackProgram) => statSync(join(pack.stateFolder, "settings"), { bigint: true }).mtimeNs;
const nodeOf = (pack: PackProgram | undefined) => Number(pack?.now("node"));

function joinBus(): void {
  gateway = hub.bus.join({
    bitRate: 500_000,
    received: (frame) => {
      const decoded = decodeCan(frame);
      if (decoded.ok) heard.push(decoded.value);
    },
  });
}

/** Sends one command frame, and what was answered by those from whom an answer is wanted. */
async function command(
  message: (head: { target: number; sequence: number }) => CanMessage,
  target: number,
  from: readonly number[],
) {
  const own = ++sequence;
  const before = heard.length;
  gateway.send(encodeCan(message({ target, sequence: own })));
  const answers = () =>
    heard.slice(before).flatMap((each) => (each.frame === "CommandAck" && each.sequence === own ? [each] : []));
  await until(() => from.every((node) => answers().some((answer) => answer.node === node)));
  return answers();
}

beforeAll(async () => {
  requireBuild();
  hub = new CanHub({
    ...{ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } },
    noise: { destroys: () => isNoisy },
  });
  await hub.start();
  joinBus();
  for (const [at, number] of hardware.entries()) {
    const simulated = await BmsOnPty.start({ name: `bms-${at}` });
    simulated.set({ voltage: 52.8 + at, current: 1.5 });
    bms.push(simulated);
    const can = hub.address();
    packs.push(new PackProgram({ name: `pack-${at}`, hardware: number, can, bms: simulated.device, folder }));
  }
});

afterAll(async () => {
  for (const pack of packs) await pack.stop();
  for (const each of bms) await each.stop();
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("three packs on one bus print who they are, agree on ids and on one master, and tell what their BMS says", async () => {
  await until(() => packs.every((pack) => pack.now("node")?.match(/^\d+$/)) && masters().length === 1);
  for (const pack of packs)
    expect(pack.events[0]).toBe(`boot Alfaspark 2.5 energy-pack ${pack.plan.hardware} after power-on`);
  expect(masters()[0]?.plan.hardware).toBe(hardware[2]);
  expect(new Set(packs.map(nodeOf)).size).toBe(3);
  expect(nodeOf(packs[1])).toBe(3); // the higher MAC keeps what both wanted
  expect(nodeOf(packs[0])).toBe(4 === nodeOf(packs[2]) ? 5 : 4);
  await until(() => packs.every((pack) => pack.now("bms")?.startsWith("ok")));
  await until(() => said("TotalsBattery").some((totals) => totals.packsOnline === 3 && totals.stateOfCharge !== null));
  const battery = said("PackBattery").findLast((each) => each.node === nodeOf(packs[1]));
  expect(battery).toMatchObject({ voltage: 538, current: 150, bmsState: "ok", batteryState: "charging" });
});

it("one command to all is one frame, acted on at once and acknowledged by each; what a mode forbids is refused by its reason", async () => {
  const nodes = packs.map(nodeOf);
  const backup = await command((head) => ({ ...head, frame: "SetMode", mode: "backup", isOn: true }), everyone, nodes);
  expect(backup.map(({ result }) => result)).toEqual(["ok", "ok", "ok"]);
  for (const pack of packs) await until(() => pack.now("modes") === "backup");
  const [refused] = await command((head) => ({ ...head, frame: "SetRelay", relay: "grid", isOn: false }), nodes[0]!, [
    nodes[0]!,
  ]);
  expect(refused?.result).toBe("forbidden-by-backup");
  const [closed] = await command((head) => ({ ...head, frame: "SetRelay", relay: "heater", isOn: true }), nodes[0]!, [
    nodes[0]!,
  ]);
  expect(closed?.result).toBe("ok");
  await until(() => packs[0]?.board.relays?.heater === true);
  expect(packs[1]?.board.relays?.heater).toBe(false);
});

it("currents that the board measures are on the bus as watts, and a BMS that falls silent leaves its last reading, marked stale", async () => {
  packs[0]?.carry({ grid: 4.55, home: 2, pool: 0, heater: 9 });
  const node = nodeOf(packs[0]);
  await until(() =>
    said("PackPower").some((power) => power.node === node && power.grid === 1001 && power.home === 440),
  );
  await until(() => said("PackLoads").some((loads) => loads.node === node && loads.heater === 1980));
  bms[0]?.fail("silent");
  await until(() => packs[0]?.now("bms") === "stale");
  await until(() => said("ErrorReport").some((report) => report.node === node && report.error === "bms-silent"));
  await until(() => packs[0]?.board.lights?.red === true);
  const stale = () => said("PackBattery").findLast((each) => each.node === node);
  await until(() => stale()?.bmsState === "stale");
  expect(stale()).toMatchObject({ voltage: 528, current: 150 });
  bms[0]?.fail("split");
  bms[0]?.set({ voltage: 48 });
  await until(() => packs[0]?.now("bms") === "ok 48.0 V 10 %");
  bms[0]?.fail(null);
});

it("a lock-out outlives a crash of the program and not the loss of power", async () => {
  const pack = packs[0]!;
  const node = nodeOf(pack);
  const before = settingsFile(pack);
  gateway.send(encodeCan({ frame: "Time", hour: 12, minute: 0, second: 0, weekday: 2, day: 3, month: 6, year: 2026 }));
  await command((head) => ({ ...head, frame: "SetGridLimit", isOn: true, limit: 2 }), node, [node]);
  const [restored] = await command(
    (head) => ({ ...head, frame: "RestoreLast", imported: 200, isLockedOut: true, day: 3 }),
    node,
    [node],
  );
  expect(restored?.result).toBe("ok");
  await until(() => pack.now("lock-out") === "on" && pack.board.relays?.grid === false);
  // The settings have to be on disk before it dies.
  await until(() => settingsFile(pack) !== before);
  const boots = () => pack.events.filter((line) => line.startsWith("boot "));
  process.kill(pack.imagePid!, "SIGKILL");
  await until(() => boots().length === 2);
  expect(boots()[1]).toContain("after crash");
  const sinceBoot = () => pack.events.slice(pack.events.lastIndexOf(boots().at(-1)!));
  await until(() => sinceBoot().some((line) => line.startsWith("relays ")));
  expect(sinceBoot().find((line) => line.startsWith("relays "))).toBe(
    "relays grid=open output=closed pump=open heater=open",
  );
  await until(() => nodeOf(pack) === node);
  await pack.cut();
  pack.startAgain();
  await until(() => nodeOf(pack) === node);
  expect(sinceBoot()[0]).toContain("after power-on");
  expect(sinceBoot().find((line) => line.startsWith("relays "))).toBe(
    "relays grid=closed output=closed pump=open heater=open",
  );
  expect(pack.now("modes")).toBe("backup,grid-limit");
});

it("a pack that hangs is reset by its watchdog, and tells of it", async () => {
  const simulated = await BmsOnPty.start({ name: "bms-3" });
  bms.push(simulated);
  const hangs = new PackProgram({
    ...{ name: "pack-3", hardware: "24a160000007", can: hub.address(), bms: simulated.device, folder },
    flags: ["--watchdog-time", "2"],
  });
  try {
    await until(() => nodeOf(hangs) === 7);
    process.kill(hangs.imagePid!, "SIGSTOP");
    await until(() => hangs.events.some((line) => line.endsWith("after watchdog")));
    await until(() => said("ErrorReport").some((report) => report.node === 7 && report.error === "watchdog-reset"));
  } finally {
    await hangs.stop();
  }
});

it("when the hub goes and comes back every pack is on the bus again, with the id that it had", async () => {
  const nodes = packs.map(nodeOf);
  hub.unplugAll();
  for (const pack of packs) await until(() => pack.events.some((line) => line.startsWith("can down: ")));
  await until(() => packs.every((pack) => pack.now("can") === "up"));
  const before = heard.length;
  await until(() =>
    nodes.every((node) => heard.slice(before).some((each) => each.frame === "PackState" && each.node === node)),
  );
  expect(packs.map(nodeOf)).toEqual(nodes);
  await until(() => masters().length === 1);
});

it("noise that destroys every frame drives the packs off the bus, and they come back by themselves and tell of it", async () => {
  const nodes = packs.map(nodeOf);
  const before = heard.length;
  isNoisy = true;
  for (const pack of packs) await until(() => pack.events.includes("can down: the controller is off the bus"));
  isNoisy = false;
  const told = () =>
    heard
      .slice(before)
      .flatMap((each) => (each.frame === "ErrorReport" && each.error === "bus-off" ? [each.node] : []));
  await until(() => nodes.every((node) => told().includes(node)));
  await until(() => packs.every((pack) => pack.now("can") === "up"));
  expect(packs.map(nodeOf)).toEqual(nodes);
});

it("the master is unplugged: within 125 s another leads, and until then nothing was written to anybody's flash", {
  timeout: 240_000,
}, async () => {
  const [lost] = masters();
  const others = packs.filter((pack) => pack !== lost);
  const written = () => others.map(settingsFile);
  const before = written();
  const cutAt = systemClock.monotonicMs();
  await lost?.cut();
  await until(() => others.some((pack) => pack.now("role") === "master"), 140);
  expect(systemClock.monotonicMs() - cutAt).toBeLessThan(126_000);
  expect(masters().map((pack) => pack.plan.hardware)).toEqual([hardware[1]]);
  expect(written()).toEqual(before);
  const acks = await command((head) => ({ ...head, frame: "RequestStatus" }), everyone, others.map(nodeOf));
  expect(acks.length).toBe(2);
  // It comes back with the id that it had, and leads again.
  lost?.startAgain();
  await until(() => masters().length === 1 && masters()[0] === lost);
});
