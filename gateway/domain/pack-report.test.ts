import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encode } from "../../schemas/wire/codec.ts";
import { readSenml, senmlJsonFormat } from "../../schemas/wire/senml.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { packCommandsOf, packConfiguration } from "./pack-configuration.ts";
import type { PackFacts } from "./pack-facts.ts";
import { unknownFirmware } from "./pack-firmware.ts";
import { packHealth, packManifest, packMetrics, packStatus } from "./pack-report.ts";
import { packSenml } from "./pack-senml.ts";
import { masterGraceMs, nextTurn } from "./update-turns.ts";

const now = 1_790_000_000_000;
const running = `sha256:${"ab".repeat(32)}` as NonNullable<PackFacts["firmware"]["digests"]["running"]>;
const facts: PackFacts = {
  hardware: "a0b1c2d3e401" as HardwareNumber,
  canNode: 1,
  isSilent: false,
  heardAtMs: now - 1_000,
  state: {
    ...{ frame: "PackState", node: 1, deviceType: "energy-pack", firmwareMajor: 2, firmwareMinor: 5 },
    ...{ isMaster: true, isBmsOk: true, isTimeOk: true, isLockedOut: false, isOverLoadsLimit: false },
    ...{ selfConsumption: true, eco: false, timeOfUse: false, backup: false, gridLimit: false },
    ...{ gridClosed: true, outputClosed: true, pumpClosed: false, heaterClosed: false, rank: 0 },
  },
  battery: {
    ...{ frame: "PackBattery", node: 1, stateOfCharge: 40, voltage: 528, current: -150 },
    ...{ batteryState: "discharging", bmsState: "ok" },
  },
  power: { frame: "PackPower", node: 1, grid: -20, home: 1500, battery: -79, solar: 1441 },
  loads: {
    ...{ frame: "PackLoads", node: 1, pool: 0, heater: 800, imported: 123, importLimit: 10 },
    importLimitState: "counting",
  },
  settings: { frame: "PackSettings", node: 1, ecoLimit: 2000, touStart: 1320, touEnd: 360 },
  firmware: {
    ...unknownFirmware,
    state: {
      ...{ phase: "idle", isTrial: false, isSafe: false, wasRolledBack: false, rollbackReason: "none" },
      manifestSequence: 7,
    },
    boots: { resetReason: "power-on", boots: 3, errors: 0 },
    limits: { slotSize: 1_572_864, window: 4096 },
    texts: { version: "2.5.1" },
    digests: { running },
  },
};

describe("health", () => {
  test.each([
    ["a BMS that is old", { battery: { ...facts.battery!, bmsState: "stale" } }, "degraded"],
    ["a BMS that was never heard", { battery: { ...facts.battery!, bmsState: "fault" } }, "degraded"],
    ["an alarm of the BMS", { alarms: { frame: "PackAlarms", node: 1, alarms: 4, warnings: 0 } }, "degraded"],
    [
      "firmware that runs its last resort",
      { firmware: { ...facts.firmware, state: { ...facts.firmware.state!, isSafe: true } } },
      "unhealthy",
    ],
    ["nothing of that", {}, "healthy"],
  ] as const)("with %s", (_, over, health) => {
    expect(packHealth({ ...facts, ...over } as PackFacts)).toBe(health);
  });
});

test("what the BMS doesn't say now is nowhere: no charge of 0, no voltage of 0", () => {
  const stale: PackFacts = { ...facts, battery: { ...facts.battery!, bmsState: "stale" } };
  expect(packStatus(stale)).not.toHaveProperty("battery");
  expect(packMetrics(stale).values?.map(({ name }) => name)).toEqual([
    "grid",
    "home",
    "solar",
    "pool",
    "heater",
    "import",
  ]);
});

test("a pack of which only its name is known registers, and claims nothing", () => {
  const bare: PackFacts = { ...facts, state: undefined, battery: undefined, firmware: unknownFirmware };
  const manifest = packManifest(bare, "energy-pack");
  for (const name of ["digest", "confirmed", "version", "slotSize"]) expect(manifest).not.toHaveProperty(name);
});

test("whatever a pack says letter by letter, and however much it measures, it can be told", () => {
  const word = fc.uint8Array({ maxLength: 64 }).map((bytes) => new TextDecoder().decode(bytes));
  const watts = fc.integer({ min: -32_768, max: 32_767 });
  fc.assert(
    fc.property(word, word, watts, fc.nat(65_535), (version, reason, power, count) => {
      const said: PackFacts = {
        ...facts,
        power: { frame: "PackPower", node: 1, grid: power, home: power, battery: power, solar: power },
        loads: { ...facts.loads!, pool: count, imported: count },
        firmware: { ...facts.firmware, texts: { version, reason }, boots: { ...facts.firmware.boots!, errors: count } },
      };
      encode("node-manifest", { ...packManifest(said, "energy-pack"), id: "gw.0a", parent: "gw", lastRev: 0 }, 60);
      encode("status-report", packStatus(said), 60);
      encode("metrics", packMetrics(said), 60);
      encode("configuration", packConfiguration(said), 60);
    }),
  );
});

test("its status report is as small as one on the air may be", () => {
  expect(encode("status-report", { ...packStatus(facts), lastRev: 4_000_000_000 }, 60).length).toBeLessThanOrEqual(160);
  expect(packStatus(facts)).toMatchObject({
    status: "healthy",
    digest: running,
    confirmed: true,
    battery: 40,
    bootCount: 3,
  });
});

test("an image that didn't stay is named in the registration", () => {
  const left = `sha256:${"cd".repeat(32)}` as typeof running;
  const firmware: PackFacts["firmware"] = {
    ...facts.firmware,
    state: { ...facts.firmware.state!, wasRolledBack: true, rollbackReason: "self-test" },
    digests: { running, "rolled-back": left },
  };
  expect(packManifest({ ...facts, firmware }, "energy-pack").rolledBack).toEqual({ digest: left, reason: "self-test" });
});

describe("telemetry", () => {
  test("is SenML that the manager reads, in W, V, A and %", () => {
    const read = readSenml(packSenml(facts, now) ?? new Uint8Array(0), senmlJsonFormat, now);
    if (!read.ok) throw new Error(read.fault.rule);
    const values = Object.fromEntries(
      read.measurements.map(({ name, unit, value }) => [name, `${value} ${unit ?? ""}`]),
    );
    expect(values).toMatchObject({
      ...{ grid: "-20 W", home: "1500 W", battery: "-79 W", soc: "40 %", voltage: "52.8 V", current: "-1.5 A" },
      ...{ import: "1.23 kWh", "relay-grid": "true " },
    });
    expect(read.measurements.every(({ timeMs }) => timeMs === now - 1_000)).toBe(true);
  });

  test("isn't sent of a pack that is silent, or of which nothing new came", () => {
    expect(packSenml({ ...facts, isSilent: true }, now)).toBeUndefined();
    expect(packSenml(facts, now + 60_000)).toBeUndefined();
    expect(packSenml({ ...facts, heardAtMs: undefined }, now)).toBeUndefined();
  });
});

describe("a configuration", () => {
  test.each([
    ["mode.eco", "maybe"],
    ["mode.turbo", "on"],
    ["relay.fan", "on"],
    ["eco-limit", "-1"],
    ["eco-limit", "70000"],
    ["grid-limit", "31"],
    ["grid-limit", "1"],
    ["tou", "24:00-06:00"],
    ["tou", "22:00"],
    ["colour", "red"],
    ["mode.eco.x", "on"],
  ])("with %s %s is refused as a whole, by name", (setting, value) => {
    expect(packCommandsOf({ values: { "relay.pump": "on", [setting]: value } })).toEqual({ ok: false, setting });
  });

  test("becomes commands, the modes last", () => {
    const values = {
      "mode.eco": "on",
      "eco-limit": "2000",
      tou: "22:00-06:00",
      "relay.pump": "off",
      "grid-limit": "off",
    };
    const commands = packCommandsOf({ values });
    expect(commands.ok && commands.commands.map(({ name }) => name)).toEqual([
      ...["set-eco-limit", "set-tou", "set-relay", "set-grid-limit", "set-mode"],
    ]);
  });

  test("is told in the words in which it is set", () => {
    const told = packConfiguration(facts);
    expect(told.values).toMatchObject({ "mode.self-consumption": "on", tou: "22:00-06:00", "grid-limit": "10" });
    expect(packCommandsOf(told).ok).toBe(true);
    encode("configuration", told, 60);
  });
});

describe("whose turn it is", () => {
  const [a, b, m] = ["a0b1c2d3e401", "a0b1c2d3e402", "a0b1c2d3e403"] as HardwareNumber[] as [
    HardwareNumber,
    HardwareNumber,
    HardwareNumber,
  ];

  test("the master's comes last, whenever it came", () => {
    const waiting = [
      { pack: m, sinceMs: 0 },
      { pack: b, sinceMs: 20 },
      { pack: a, sinceMs: 10 },
    ];
    expect(nextTurn(waiting, m, undefined, 1_000_000)).toEqual({ kind: "pack", pack: a });
    expect(nextTurn(waiting.slice(0, 2), m, undefined, 1_000_000)).toEqual({ kind: "pack", pack: b });
  });

  test("the master waits a while for others that may come, and after each that was before it", () => {
    const waiting = [{ pack: m, sinceMs: 0 }];
    expect(nextTurn(waiting, m, undefined, 0)).toEqual({ kind: "wait", againInMs: masterGraceMs });
    expect(nextTurn(waiting, m, 500_000, 500_000)).toEqual({ kind: "wait", againInMs: masterGraceMs });
    expect(nextTurn(waiting, m, undefined, masterGraceMs)).toEqual({ kind: "pack", pack: m });
  });

  test("without a master known it is who waits longest", () => {
    expect(
      nextTurn(
        [
          { pack: b, sinceMs: 2 },
          { pack: a, sinceMs: 1 },
        ],
        undefined,
        undefined,
        3,
      ),
    ).toEqual({ kind: "pack", pack: a });
    expect(nextTurn([], m, undefined, 3)).toEqual({ kind: "wait" });
  });
});
