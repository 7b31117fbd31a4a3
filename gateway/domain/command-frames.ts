import type { CanMessage, CommandResult } from "../../schemas/generated/can.ts";
import type { Messages } from "../../schemas/generated/types.ts";
import type { SiteCommandName, siteCommands } from "../../schemas/wire/site-topics.ts";

/** Every pack. */
export const everyPack = 0x7f;

type Payload<K extends SiteCommandName> = Messages[(typeof siteCommands)[K]];
type To = { readonly target: number; readonly sequence: number };

/** A command by its name with the payload of its schema, as the one frame that it is. The payload was checked against its schema. */
const frameOf: { readonly [K in SiteCommandName]: (payload: Payload<K>, to: To) => CanMessage } = {
  "set-mode": ({ mode, on }, to) => ({ frame: "SetMode", ...to, mode, isOn: on }),
  "set-eco-limit": ({ limit }, to) => ({ frame: "SetEcoLimit", ...to, limit }),
  "request-status": (_payload, to) => ({ frame: "RequestStatus", ...to }),
  "set-tou": ({ start, end }, to) => ({ frame: "SetTou", ...to, start, end }),
  "set-grid-limit": ({ on, limit }, to) => ({ frame: "SetGridLimit", ...to, isOn: on, limit }),
  "reset-grid": (_payload, to) => ({ frame: "ResetGrid", ...to }),
  "set-relay": ({ relay, on }, to) => ({ frame: "SetRelay", ...to, relay, isOn: on }),
  "ota-enter": (_payload, to) => ({ frame: "OtaEnter", ...to }),
  "factory-reset": (_payload, to) => ({ frame: "FactoryReset", ...to }),
  "restore-last": (payload, to) => ({
    frame: "RestoreLast",
    ...to,
    imported: Math.round(payload.import * 100),
    isLockedOut: payload.lockedOut,
    day: payload.day,
  }),
};

/** The code that comes back in a command's answer: the low bits of its identifier (0x200 + code). */
export const commandCodes: { readonly [K in SiteCommandName]: number } = {
  "set-mode": 0x01,
  "set-eco-limit": 0x02,
  "request-status": 0x03,
  "set-tou": 0x04,
  "set-grid-limit": 0x05,
  "reset-grid": 0x06,
  "set-relay": 0x07,
  "ota-enter": 0x08,
  "factory-reset": 0x09,
  "restore-last": 0x0a,
};

export function commandFrame<K extends SiteCommandName>(name: K, payload: Payload<K>, to: To): CanMessage {
  return frameOf[name](payload, to);
}

/** Why a pack said no, for people. */
export const resultWords: { readonly [R in CommandResult]: string } = {
  ok: "Done.",
  "unknown-command": "The pack's firmware doesn't know this command: update it.",
  "wrong-length": "The pack could not read the command: update its firmware.",
  "out-of-range": "The value is outside what the pack takes.",
  "forbidden-by-lock-out": "The import limit is used up: the grid stays open until 05:00 or until it is switched off.",
  "forbidden-by-backup": "Backup keeps the grid connected: switch Backup off first.",
  "forbidden-by-self-consumption": "Self-Consumption decides about the grid: switch it off first.",
  "forbidden-by-eco": "Eco keeps this load off above its limit: raise the limit or switch Eco off.",
  "forbidden-by-time-of-use": "Time of Use decides about the output: switch it off first.",
  "other-energy-day": "It was of another energy day, so there is nothing to restore.",
  busy: "The pack is busy with an update: try again later.",
  "not-updating": "The pack isn't taking an update.",
  "wrong-block": "The pack expects another part of the update.",
  "bad-checksum": "A part of the update arrived damaged.",
  "storage-failed": "The pack could not store it.",
  refused: "The pack refused it.",
};
