import type { Configuration } from "../../schemas/generated/types.ts";
import type { SiteCommandName } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "./pack-facts.ts";

/** A command to a pack, its payload as its schema (`site-cmd-...`) has it. */
export interface PackCommand {
  readonly name: SiteCommandName;
  readonly payload: Readonly<Record<string, unknown>>;
}

export type PackCommandsOf =
  | { readonly ok: true; readonly commands: readonly PackCommand[] }
  /** `setting` isn't one, or can't be that. */
  | { readonly ok: false; readonly setting: string };

const modes = ["self-consumption", "eco", "time-of-use", "backup", "grid-limit"];
const relays = ["grid", "output", "pump", "heater"];
const timeOfDay = /^([01]\d|2[0-3]):([0-5]\d)$/;
const leastGridLimit = 2;

/**
 * A configuration from the manager as commands on the bus, modes last, so that a mode finds its limits set:
 * `mode.eco`: on, off; `relay.pump`: on, off; `eco-limit`: W; `tou`: `22:00-06:00`; `grid-limit`: kWh a day, or off.
 */
export function packCommandsOf({ values = {} }: Configuration): PackCommandsOf {
  const commands: PackCommand[] = [];
  for (const [setting, value] of Object.entries(values).sort(([a], [b]) => rank(a) - rank(b))) {
    const command = commandOf(setting, value);
    if (command === undefined) return { ok: false, setting };
    commands.push(command);
  }
  return { ok: true, commands };
}

function rank(setting: string): number {
  return setting.startsWith("mode.") ? 1 : 0;
}

function commandOf(setting: string, value: string): PackCommand | undefined {
  const [kind, name = "", ...more] = setting.split(".");
  if (more.length > 0) return undefined;
  switch (kind) {
    case "mode":
      return modes.includes(name) ? switched("set-mode", { mode: name }, value) : undefined;
    case "relay":
      return relays.includes(name) ? switched("set-relay", { relay: name }, value) : undefined;
    case "eco-limit": {
      const limit = whole(value, 0, 65_535);
      return limit === undefined || name !== "" ? undefined : { name: "set-eco-limit", payload: { limit } };
    }
    case "grid-limit": {
      if (name !== "") return undefined;
      // The frame has a limit in any case.
      if (value === "off") return { name: "set-grid-limit", payload: { on: false, limit: leastGridLimit } };
      const limit = whole(value, leastGridLimit, 30);
      return limit === undefined ? undefined : { name: "set-grid-limit", payload: { on: true, limit } };
    }
    case "tou": {
      const [start, end, ...rest] = value.split("-").map(minutes);
      if (start === undefined || end === undefined || rest.length > 0 || name !== "") return undefined;
      return { name: "set-tou", payload: { start, end } };
    }
    default:
      return undefined;
  }
}

function switched(name: SiteCommandName, payload: PackCommand["payload"], value: string): PackCommand | undefined {
  return value === "on" || value === "off" ? { name, payload: { ...payload, on: value === "on" } } : undefined;
}

function whole(value: string, min: number, max: number): number | undefined {
  if (!/^\d{1,5}$/.test(value)) return undefined;
  const number = Number(value);
  return number >= min && number <= max ? number : undefined;
}

function minutes(text: string): number | undefined {
  const match = timeOfDay.exec(text);
  return match === null ? undefined : Number(match[1]) * 60 + Number(match[2]);
}

/** What a pack is set to, in the same words. */
export function packConfiguration({ state, settings, loads }: PackFacts): Configuration {
  const onOff = (is: boolean): string => (is ? "on" : "off");
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const isLimited = loads !== undefined && loads.importLimitState !== "off";
  return {
    values: {
      ...(state !== undefined && {
        "mode.self-consumption": onOff(state.selfConsumption),
        "mode.eco": onOff(state.eco),
        "mode.time-of-use": onOff(state.timeOfUse),
        "mode.backup": onOff(state.backup),
        "mode.grid-limit": onOff(state.gridLimit),
        "relay.grid": onOff(state.gridClosed),
        "relay.output": onOff(state.outputClosed),
        "relay.pump": onOff(state.pumpClosed),
        "relay.heater": onOff(state.heaterClosed),
      }),
      ...(settings !== undefined && {
        "eco-limit": String(settings.ecoLimit),
        tou: `${clock(settings.touStart)}-${clock(settings.touEnd)}`,
      }),
      ...(loads !== undefined && { "grid-limit": isLimited ? String(loads.importLimit) : "off" }),
    },
  };
}
