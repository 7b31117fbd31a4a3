import type { PackError } from "../../schemas/generated/can.ts";
import type { Alarm, SiteAlarm, SiteIdentity, SiteTelemetry } from "../../schemas/generated/types.ts";
import { instantOf } from "./local-time.ts";
import type { PackFacts } from "./pack-facts.ts";
import type { KnownError, Moment } from "./pack-registry.ts";

/** Exactly what the app shows while Eco can't bring the load below its limit (energy-site, section 5). */
export const loadsLimitWarning = "loads limit⚠️";
/** Packs speak every 2 s; what is older than this is marked stale. */
export const staleMs = 10_000;
const oldestAge = 86_400;

const kilo = (watts: number | null | undefined): number | undefined =>
  watts === null || watts === undefined ? undefined : watts / 1000;
const scaled = (value: number | null | undefined, by: number): number | undefined =>
  value === null || value === undefined ? undefined : value / by;

/** Seconds since, as documents have it. */
export function ageOf(at: Moment, now: Moment): number {
  return Math.min(oldestAge, Math.max(0, Math.floor((now.monotonicMs - at.monotonicMs) / 1000)));
}

/** Keys whose value is undefined left out, as the schema wants it. */
export function present<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}

/** A pack's telemetry document. `heard` is when its values came; undefined: none have come since the gateway's start. */
export function telemetryDocument(
  facts: PackFacts,
  heard: Moment | undefined,
  now: Moment,
  isTimeValid: boolean,
): SiteTelemetry {
  const { state, battery, power, loads, settings, isSilent } = facts;
  const isStale = isSilent || heard === undefined || now.monotonicMs - heard.monotonicMs > staleMs;
  return {
    stale: isStale,
    online: !isSilent,
    ...present({
      time: heard !== undefined && isTimeValid ? instantOf(heard.wallMs) : undefined,
      age: heard && ageOf(heard, now),
      P_grid: kilo(power?.grid),
      P_home: kilo(power?.home),
      P_batt: kilo(power?.battery),
      P_solar: kilo(power?.solar),
      P_pool: kilo(loads?.pool),
      P_heater: kilo(loads?.heater),
      SOC: battery?.stateOfCharge ?? undefined,
      V_batt: scaled(battery?.voltage, 10),
      I_batt: scaled(battery?.current, 100),
      battery: battery?.batteryState,
      bms: battery?.bmsState,
      relays: state && {
        grid: Number(state.gridClosed),
        inv: Number(state.outputClosed),
        pump: Number(state.pumpClosed),
        heater: Number(state.heaterClosed),
      },
      modes: state && modesOf(state),
      import: loads && {
        used: loads.imported / 100,
        limit: loads.importLimit,
        state: loads.importLimitState,
      },
      settings: settings && { ecoLimit: settings.ecoLimit, touStart: settings.touStart, touEnd: settings.touEnd },
      lockedOut: state?.isLockedOut,
      warning: state?.isOverLoadsLimit === true ? loadsLimitWarning : undefined,
      timeOk: state?.isTimeOk,
      master: state?.isMaster,
      rank: state?.rank,
    }),
    canNode: facts.canNode,
  };
}

function modesOf(state: NonNullable<PackFacts["state"]>): NonNullable<SiteTelemetry["modes"]> {
  const modes: NonNullable<SiteTelemetry["modes"]> = [];
  if (state.selfConsumption) modes.push("self-consumption");
  if (state.eco) modes.push("eco");
  if (state.timeOfUse) modes.push("time-of-use");
  if (state.backup) modes.push("backup");
  if (state.gridLimit) modes.push("grid-limit");
  return modes;
}

/** What a pack is. `managed` is its node id at the manager. */
export function identityDocument(
  facts: PackFacts,
  managed: string | undefined,
): Omit<SiteIdentity, "managed"> & { managed?: string } {
  const { hardware, state, firmware, canNode } = facts;
  const version = firmware.texts.version ?? (state && `${state.firmwareMajor}.${state.firmwareMinor}`);
  return {
    node: hardware,
    deviceType: state?.deviceType ?? "energy-pack",
    firmware: "Alfaspark",
    ...(version !== undefined && version !== "" && { version }),
    canNode,
    ...(managed !== undefined && { managed }),
  };
}

const errorWords: { readonly [E in PackError]: string } = {
  "bms-silent": "The BMS doesn't answer: check the RS-485 line.",
  "bms-garbled": "The BMS's answers are garbled: check the RS-485 line.",
  "relay-stuck": "A relay is stuck: current flows though it is open.",
  "bus-off": "The pack was off the CAN bus.",
  "node-ids-taken": "All 32 node ids of the CAN bus are taken.",
  "firmware-refused": "The pack refused a firmware.",
  "rolled-back": "The pack went back to its firmware before.",
  "watchdog-reset": "The pack was reset by its watchdog.",
  "storage-failed": "The pack's storage failed.",
};

/** Since when each alarm of one pack has held. */
export class AlarmTimes {
  readonly #since = new Map<Alarm["code"], number>();

  /** Stamps alarms that are there, and forgets those that are over. */
  stamp(alarms: readonly Alarm[], wallMs: number): Alarm[] {
    for (const code of this.#since.keys()) if (!alarms.some((each) => each.code === code)) this.#since.delete(code);
    return alarms.map((alarm) => {
      const since = this.#since.get(alarm.code) ?? wallMs;
      this.#since.set(alarm.code, since);
      return { ...alarm, since: instantOf(since) };
    });
  }
}

/** What of a pack a person should know of; an empty list is all clear. Each kind once. */
export function alarmsOf(
  { state, battery, alarms, isSilent }: PackFacts,
  errors: readonly KnownError[],
): readonly Alarm[] {
  const list: Alarm[] = [];
  const add = (code: Alarm["code"], text: string, detail?: number): void => {
    list.push({ code, text, ...(detail !== undefined && { detail }) });
  };
  if (isSilent) add("silent", "The pack isn't heard: is it switched on and connected?");
  if (state?.isOverLoadsLimit === true) add("loads-limit", loadsLimitWarning);
  if (state?.isLockedOut === true)
    add("locked-out", "The day's import limit is used up: the grid is open until 05:00.");
  if (battery?.bmsState === "stale") add("bms-stale", "The battery's values are old: its BMS doesn't answer.");
  if (battery?.bmsState === "fault") add("bms-fault", "The battery's BMS was never heard.");
  if (alarms !== undefined && alarms.alarms !== 0)
    add("bms-alarm", "The battery's BMS raises an alarm.", alarms.alarms);
  if (alarms !== undefined && alarms.warnings !== 0) add("bms-warning", "The battery's BMS warns.", alarms.warnings);
  for (const { error, detail } of errors) add(error, errorWords[error], detail);
  return list;
}

export function alarmDocument(
  alarms: readonly Alarm[],
  facts: PackFacts,
  now: Moment,
  isTimeValid: boolean,
): SiteAlarm {
  return {
    ...(isTimeValid && { time: instantOf(now.wallMs) }),
    alarms: [...alarms],
    ...(facts.alarms !== undefined && { bmsAlarms: facts.alarms.alarms, bmsWarnings: facts.alarms.warnings }),
  };
}
