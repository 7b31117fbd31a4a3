import type { Measure, Metrics, NodeManifest, StatusReport } from "../../schemas/generated/types.ts";
import type { PackFacts } from "./pack-facts.ts";

/** As the schema has it: what a pack says letter by letter may be anything. */
const versionRule = /^[!-~]{1,32}$/;

function versionOf({ state, firmware }: PackFacts): string | undefined {
  const { version } = firmware.texts;
  if (version !== undefined && versionRule.test(version)) return version;
  return state && `${state.firmwareMajor}.${state.firmwareMinor}`;
}

/** A pack's registration at the manager. What it runs is what it says itself. */
export function packManifest(facts: PackFacts, model: string): Omit<NodeManifest, "id" | "parent" | "lastRev"> {
  const { hardware, firmware } = facts;
  const { state: carried, limits, boots, digests } = firmware;
  const version = versionOf(facts);
  const rolledBack = carried?.wasRolledBack === true ? digests["rolled-back"] : undefined;
  return {
    model,
    hw: hardware,
    caps: ["can", "pack"],
    ...(version !== undefined && { version }),
    ...(digests.running !== undefined && { digest: digests.running }),
    ...(carried !== undefined && { confirmed: !carried.isTrial, seq: carried.manifestSequence }),
    ...(limits !== undefined && limits.slotSize > 0 && { slotSize: limits.slotSize }),
    ...(boots !== undefined && { bootReason: boots.resetReason }),
    ...(carried !== undefined &&
      rolledBack !== undefined && { rolledBack: { digest: rolledBack, reason: carried.rollbackReason } }),
    sensors: [
      ...["grid", "home", "battery", "solar", "pool", "heater"].map((name) => ({ name, unit: "W" })),
      { name: "soc", unit: "%" },
      { name: "voltage", unit: "V" },
      { name: "current", unit: "A" },
    ],
    actuators: ["grid", "output", "pump", "heater"].map((name) => ({ name: `relay-${name}` })),
  };
}

/** healthy; degraded: it works with less than it should have; unhealthy: it runs its last resort. */
export function packHealth({ state, battery, alarms, firmware }: PackFacts): StatusReport["status"] {
  if (firmware.state?.isSafe === true) return "unhealthy";
  const isBmsOk = state?.isBmsOk !== false && (battery === undefined || battery.bmsState === "ok");
  const hasAlarm = alarms !== undefined && (alarms.alarms !== 0 || alarms.warnings !== 0);
  return isBmsOk && !hasAlarm ? "healthy" : "degraded";
}

/** What is said of a pack with each heartbeat. Values that are old are left out: a silent BMS is no empty battery. */
export function packStatus(facts: PackFacts): Omit<StatusReport, "id" | "lastRev" | "result"> {
  const { battery, firmware } = facts;
  const { state: carried, boots, digests } = firmware;
  const status = packHealth(facts);
  const version = versionOf(facts);
  const charge = battery?.bmsState === "ok" ? battery.stateOfCharge : null;
  return {
    ...(status !== undefined && { status }),
    phase: phaseOf(facts),
    ...(version !== undefined && { version }),
    ...(digests.running !== undefined && { digest: digests.running }),
    ...(carried !== undefined && { confirmed: !carried.isTrial }),
    ...(boots !== undefined && {
      resetReason: boots.resetReason,
      bootCount: boots.boots,
      sensorErrors: boots.errors,
    }),
    ...(charge !== null && charge !== undefined && { battery: charge }),
  };
}

function phaseOf({ firmware }: PackFacts): NonNullable<StatusReport["phase"]> {
  const { state } = firmware;
  if (state === undefined) return "operational";
  if (state.isSafe) return "safe";
  const isBusy = state.phase !== "idle" && state.phase !== "applied" && state.phase !== "failed";
  return isBusy ? "maintenance" : "operational";
}

export function packMetrics(facts: PackFacts): Metrics {
  const charge = facts.battery?.bmsState === "ok" ? facts.battery.stateOfCharge : null;
  const values = packMeasures(facts);
  return {
    ...(charge !== null && charge !== undefined && { battery: charge }),
    ...(facts.firmware.boots !== undefined && { sensorErrors: facts.firmware.boots.errors }),
    ...(values.length > 0 && { values: [...values] }),
  };
}

/** W, V, A, %, kWh. The BMS's own are there only while it answers. */
export function packMeasures({ power, loads, battery }: PackFacts): readonly Measure[] {
  const measures: Measure[] = [];
  const add = (name: string, unit: string, value: number | null | undefined): void => {
    if (value !== null && value !== undefined) measures.push({ name, unit, value });
  };
  add("grid", "W", power?.grid);
  add("home", "W", power?.home);
  add("solar", "W", power?.solar);
  add("pool", "W", loads?.pool);
  add("heater", "W", loads?.heater);
  if (loads !== undefined) add("import", "kWh", loads.imported / 100);
  if (battery?.bmsState !== "ok") return measures;
  add("battery", "W", power?.battery);
  add("soc", "%", battery.stateOfCharge);
  add("voltage", "V", battery.voltage === null ? null : battery.voltage / 10);
  add("current", "A", battery.current === null ? null : battery.current / 100);
  return measures;
}
