import { describe, expect, it } from "vitest";
import type { CanMessage, PackPower, PackState } from "../../schemas/generated/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { PackRegistry, packsMax } from "./pack-registry.ts";

const at = (seconds: number) => ({ monotonicMs: seconds * 1000, wallMs: 1_800_000_000_000 + seconds * 1000 });
const mac = (last: number) => Uint8Array.of(0x24, 0x0a, 0xc4, 0, 1, last);
const hardware = (last: number) => `240ac40001${last.toString(16).padStart(2, "0")}` as HardwareNumber;

const stateOf = (node: number, over: Partial<PackState> = {}): PackState => ({
  ...{ frame: "PackState", node, deviceType: "energy-pack", firmwareMajor: 2, firmwareMinor: 5 },
  ...{ isMaster: false, isBmsOk: true, isTimeOk: true, isLockedOut: false, isOverLoadsLimit: false },
  ...{ selfConsumption: false, eco: false, timeOfUse: false, backup: false, gridLimit: false },
  ...{ gridClosed: true, outputClosed: true, pumpClosed: false, heaterClosed: false, rank: 0 },
  ...over,
});
const power = (node: number, home = 500): PackPower => ({
  frame: "PackPower",
  node,
  grid: 0,
  home,
  battery: -500,
  solar: 0,
});

function registryOf(...messages: readonly CanMessage[]): PackRegistry {
  const registry = new PackRegistry();
  for (const message of messages) registry.take(message, at(0));
  return registry;
}
const packMac = (node: number, last: number): CanMessage => ({ frame: "PackMac", node, mac: mac(last) });

describe("packs that aren't what they seem", () => {
  it("a node that never says its hardware number is no pack, however much it says", () => {
    const registry = registryOf(stateOf(3), power(3));
    expect(registry.list()).toEqual([]);
    expect(registry.online()).toEqual([]);
  });

  it("what was said before the hardware number counts when it comes", () => {
    const registry = registryOf(stateOf(3), power(3, 700));
    expect(registry.take(packMac(3, 1), at(1))).toEqual([{ pack: hardware(1), what: "presence" }]);
    expect(registry.find(hardware(1))).toMatchObject({ canNode: 3, isSilent: false, power: { home: 700 } });
  });

  it("another pack under the same node id takes over nothing of the first", () => {
    const registry = registryOf(packMac(3, 1), power(3, 700));
    registry.take(packMac(3, 2), at(1));
    expect(registry.find(hardware(2))?.power).toBeUndefined();
    registry.take(power(3, 100), at(2));
    expect(registry.find(hardware(1))?.power?.home).toBe(700);
    expect(registry.find(hardware(2))?.power?.home).toBe(100);
  });

  it("a pack that moved to another node id stays one pack, and its old id is nobody's", () => {
    const registry = registryOf(packMac(3, 1), power(3, 700));
    registry.take(packMac(4, 1), at(1));
    registry.take(power(3, 999), at(2));
    expect(registry.list()).toEqual([hardware(1)]);
    expect(registry.find(hardware(1))).toMatchObject({ canNode: 4, power: { home: 700 } });
  });

  it("one that is silent for 120 s is dropped, told once, and back with its next frame", () => {
    const registry = registryOf(packMac(3, 1), stateOf(3, { isMaster: true }), power(3));
    expect(registry.look(at(119))).toEqual([]);
    expect(registry.online()).toHaveLength(1);
    expect(registry.look(at(120))).toEqual([{ pack: hardware(1), what: "presence" }]);
    expect(registry.look(at(130))).toEqual([]);
    expect(registry.online()).toEqual([]);
    expect(registry.master()).toBeUndefined();
    expect(registry.find(hardware(1))).toMatchObject({ isSilent: true, power: { home: 500 } });
    expect(
      registry.take(
        {
          frame: "Announce",
          node: 3,
          nodeId: 3,
          deviceType: "energy-pack",
          firmwareMajor: 2,
          firmwareMinor: 5,
          macTail: mac(1).slice(2),
        },
        at(131),
      ),
    ).toEqual([{ pack: hardware(1), what: "presence" }]);
    expect(registry.online()).toHaveLength(1);
    // It lives, but its values are as old as they were.
    expect(registry.telemetryAt(hardware(1))).toEqual(at(0));
  });

  it("remembers 64, and forgets who has been silent longest for one more, but nobody who is there", () => {
    const registry = registryOf(packMac(0, 1), stateOf(0));
    for (let i = 0; i < 200; i++) {
      const other = Uint8Array.of(0x30, 0, 0, 0, Math.floor(i / 256), i % 256);
      registry.take({ frame: "PackMac", node: 1 + (i % 3), mac: other }, at(i));
    }
    expect(registry.list()).toHaveLength(packsMax);
    expect(registry.find(hardware(1))).toBeDefined();
    expect(registry.list().at(-1)).toBe("3000000000c7");
    expect(registry.list()).not.toContain("300000000000");
  });

  it("of two that say they are the master the election's rule tells", () => {
    const registry = registryOf(
      packMac(3, 1),
      packMac(4, 9),
      stateOf(3, { isMaster: true }),
      stateOf(4, { isMaster: true }),
    );
    expect(registry.masters()).toBe(2);
    expect(registry.master()).toBe(hardware(9));
    registry.take(stateOf(3, { isMaster: true, deviceType: "energy-gateway" }), at(1));
    expect(registry.master()).toBe(hardware(1));
  });

  it("one that led and comes back from its silence leads when it says so again, and not before", () => {
    const registry = registryOf(packMac(1, 9), packMac(2, 5), stateOf(1, { isMaster: true }), stateOf(2));
    registry.take(stateOf(2), at(100));
    registry.look(at(121));
    registry.take(stateOf(2, { isMaster: true }), at(122));
    expect(registry.master()).toBe(hardware(5));
    registry.take(power(1), at(130));
    expect(registry.find(hardware(9))?.isSilent).toBe(false);
    expect(registry.master()).toBe(hardware(5));
    registry.take(stateOf(1, { isMaster: true }), at(132));
    expect(registry.master()).toBe(hardware(9));
  });

  it("sums of a pack that isn't the master are nobody's", () => {
    const totals: CanMessage = { frame: "TotalsBattery", node: 3, packsOnline: 2, stateOfCharge: 50, battery: 100 };
    const registry = registryOf(packMac(3, 1), packMac(4, 9), stateOf(3), stateOf(4, { isMaster: true }), totals);
    expect(registry.masterTotals()).toBeUndefined();
    registry.take({ ...totals, node: 4, packsOnline: 3 }, at(1));
    registry.take({ frame: "TotalsGrid", node: 4, grid: 5, imported: 6 }, at(2));
    expect(registry.masterTotals()).toMatchObject({ battery: { packsOnline: 3 }, grid: { grid: 5 }, at: at(2) });
  });
});

describe("changes", () => {
  it("are told where people or the manager want to know, not with every measure", () => {
    const registry = registryOf(packMac(3, 1), stateOf(3), power(3));
    expect(registry.take(power(3, 900), at(1))).toEqual([]);
    expect(registry.take(stateOf(3), at(1))).toEqual([]);
    expect(registry.take(stateOf(3, { eco: true }), at(1))).toEqual([{ pack: hardware(1), what: "state" }]);
    const alarms: CanMessage = { frame: "PackAlarms", node: 3, alarms: 4, warnings: 0 };
    expect(registry.take(alarms, at(1))).toHaveLength(1);
    expect(registry.take(alarms, at(2))).toEqual([]);
  });

  it("an error is held for ten minutes after it was last told; those of the BMS end when it answers", () => {
    const registry = registryOf(packMac(3, 1));
    registry.take({ frame: "ErrorReport", node: 3, error: "bms-silent", detail: 0 }, at(1));
    registry.take({ frame: "ErrorReport", node: 3, error: "relay-stuck", detail: 2 }, at(2));
    expect(registry.errorsOf(hardware(1)).map(({ error }) => error)).toEqual(["bms-silent", "relay-stuck"]);
    const battery: CanMessage = {
      frame: "PackBattery",
      node: 3,
      stateOfCharge: 50,
      voltage: 528,
      current: 0,
      batteryState: "idle",
      bmsState: "ok",
    };
    registry.take(battery, at(3));
    expect(registry.errorsOf(hardware(1)).map(({ error }) => error)).toEqual(["relay-stuck"]);
    registry.take(battery, at(602));
    expect(registry.look(at(602))).toEqual([{ pack: hardware(1), what: "state" }]);
    expect(registry.errorsOf(hardware(1))).toEqual([]);
  });
});
