import type { PackModeName, RelayName, SiteTelemetry } from "../../../schemas/generated/types.ts";
import type { SiteState, Stamped } from "./site-state.ts";

/** How a switch for several packs stands. */
export type Standing = "on" | "off" | "mixed" | "unknown";

export const modeNames: readonly PackModeName[] = ["self-consumption", "eco", "time-of-use", "backup", "grid-limit"];
export const relayNames: readonly RelayName[] = ["grid", "output", "pump", "heater"];

/** In telemetry the output relay has the inverter's name. */
const relayKeys = { grid: "grid", output: "inv", pump: "pump", heater: "heater" } as const;

/** Telemetry of one pack, or of all that ever spoke; packs that are online count where there are any. */
export function addressed(site: SiteState, node: string | undefined): Stamped<SiteTelemetry>[] {
  const packs = node === undefined ? Object.values(site.packs) : [site.packs[node]];
  const known = packs.map((pack) => pack?.telemetry).filter((each) => each !== undefined);
  const online = known.filter(({ value }) => value.online);
  return online.length > 0 ? online : known;
}

export function modeStanding(packs: readonly Stamped<SiteTelemetry>[], mode: PackModeName): Standing {
  return standing(packs.map(({ value }) => value.modes?.includes(mode)));
}

export function relayStanding(packs: readonly Stamped<SiteTelemetry>[], relay: RelayName): Standing {
  return standing(
    packs.map(({ value }) => (value.relays === undefined ? undefined : value.relays[relayKeys[relay]] === 1)),
  );
}

export interface ModeSettings {
  readonly ecoLimit: number | undefined;
  readonly touStart: number | undefined;
  readonly touEnd: number | undefined;
  readonly gridLimit: number | undefined;
}

/** Settings that all of the packs share; undefined where they differ or nobody said. */
export function modeSettings(packs: readonly Stamped<SiteTelemetry>[]): ModeSettings {
  return {
    ecoLimit: common(packs.map(({ value }) => value.settings?.ecoLimit)),
    touStart: common(packs.map(({ value }) => value.settings?.touStart)),
    touEnd: common(packs.map(({ value }) => value.settings?.touEnd)),
    gridLimit: common(packs.map(({ value }) => value.import?.limit)),
  };
}

/** `22:05` for 1325. */
export function minutesToClock(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, "0")}:${String(minutes % 60).padStart(2, "0")}`;
}

/** 1325 for `22:05`; undefined when it is no time of day. */
export function clockToMinutes(text: string): number | undefined {
  const match = /^([01]\d|2[0-3]):([0-5]\d)/.exec(text);
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2]);
}

/** Day of the month on which the energy day began: it begins at 05:00 local. */
export function dayOfEnergy(now: Date): number {
  const began = new Date(now);
  if (began.getHours() < 5) began.setDate(began.getDate() - 1);
  return began.getDate();
}

function standing(values: readonly (boolean | undefined)[]): Standing {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return "unknown";
  if (known.every((value) => value)) return "on";
  return known.some((value) => value) ? "mixed" : "off";
}

function common<T>(values: readonly (T | undefined)[]): T | undefined {
  const [first] = values;
  return values.every((value) => value === first) ? first : undefined;
}
