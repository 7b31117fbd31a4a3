import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CanHub } from "../../gateway/adapters/can/can-hub.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import type { CanMessage } from "../../schemas/generated/can.ts";
import { decodeCan } from "../../schemas/wire/can.ts";
import { BmsOnPty } from "../../tools/demo/bms-on-pty.ts";
import { PackProgram } from "../../tools/demo/pack-program.ts";
import { requireBuild } from "../integration/supervisor/supervised-node.ts";

const python = join(import.meta.dirname, "../../.setup/peers/modbus/bin/python");
const isThere = existsSync(python);
if (!isThere) console.warn("pymodbus is not set up (npm test says why when it sets up): its tests are skipped.");

const until = (isSo: () => boolean) => expect.poll(isSo, { timeout: 30_000, interval: 20 }).toBe(true);

describe.runIf(isThere)("a pack and pymodbus as its BMS, on a serial line", () => {
  const folder = mkdtempSync(join(tmpdir(), "pack-bms-"));
  const heard: CanMessage[] = [];
  let hub: CanHub;
  let bms: BmsOnPty;
  let pack: PackProgram;

  beforeAll(async () => {
    requireBuild();
    hub = new CanHub({ clock: systemClock, log: silentLog, at: { host: "127.0.0.1", port: 0 } });
    await hub.start();
    hub.bus.join({
      bitRate: 500_000,
      received: (frame) => {
        const decoded = decodeCan(frame);
        if (decoded.ok) heard.push(decoded.value);
      },
    });
    const program = join(import.meta.dirname, "peers/pymodbus_bms.py");
    bms = await BmsOnPty.start({ name: "pymodbus", python, program });
    pack = new PackProgram({
      ...{ name: "pack", hardware: "24a160000009", can: hub.address(), bms: bms.device, folder },
      flags: ["--bms-map", "alarms"],
    });
  });
  afterAll(async () => {
    await pack?.stop();
    await bms?.stop();
    await hub?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const battery = () => heard.findLast((each) => each.frame === "PackBattery");
  /** A reading that can't be an old one. */
  async function reads(voltage: number): Promise<void> {
    bms.set({ voltage });
    await until(() => pack.now("bms")?.startsWith(`ok ${voltage.toFixed(1)} V`) === true);
  }

  it("asks as the specification says, byte by byte, and reads voltage, current and warnings", async () => {
    bms.set({ voltage: 52.8, current: -3.25, alarms: 0x80000001, warnings: 0x4002 });
    await until(() => heard.some((each) => each.frame === "PackAlarms" && each.alarms === 0x80000001));
    await until(() => battery()?.current === -325);
    expect(battery()).toMatchObject({ stateOfCharge: 40, voltage: 528, batteryState: "discharging", bmsState: "ok" });
    expect(heard.findLast((each) => each.frame === "PackAlarms")).toMatchObject({ warnings: 0x4002 });
    expect(bms.said).toContainEqual({ asked: "010300000002c40b" });
    expect(bms.said).toContainEqual({ asked: "010300100003040e" });
  });

  it.each(["silent", "wrong-crc", "wrong-slave", "late", "garbage"] as const)(
    "%s: the last reading stays, marked stale, the fault is told and red is lit; the next good answer ends it",
    async (fault) => {
      await reads(50);
      const before = heard.length;
      bms.fail(fault);
      bms.set({ voltage: 60 });
      await until(() => pack.now("bms") === "stale");
      const error = fault === "silent" || fault === "late" ? "bms-silent" : "bms-garbled";
      await until(() => heard.slice(before).some((each) => each.frame === "ErrorReport" && each.error === error));
      await until(() => battery()?.bmsState === "stale");
      expect(battery()).toMatchObject({ voltage: 500, stateOfCharge: 22 });
      await until(() => pack.board.lights?.red === true);
      bms.fail(null);
      await reads(51);
      await until(() => pack.board.lights?.red === false);
    },
  );

  it("split: an answer that comes byte by byte is read", async () => {
    bms.fail("split");
    await reads(54.4);
    await reads(49.6);
    bms.fail(null);
  });

  it("chatter: what somebody else says on the line costs a reading and no more", async () => {
    await reads(50);
    bms.fail("chatter");
    await until(() => pack.now("bms") === "stale");
    bms.fail(null);
    await reads(62.4);
  });
});
