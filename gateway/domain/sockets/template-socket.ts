import { amountOf, memberOf, payloadText } from "./read-payload.ts";
import type { SocketDialect, SocketReading } from "./socket-dialect.ts";

/** Where a value stands: a topic, and the path of a member where its payload is JSON (`ENERGY.Power`). */
export interface ValuePlace {
  readonly topic: string;
  readonly member?: string;
}

/** How a socket that isn't Tasmota's speaks. */
export interface SocketTemplate {
  readonly command: { readonly topic: string; readonly on: string; readonly off: string };
  /** `on`, `off`: how they are written; absent: as in `command`. */
  readonly state: ValuePlace & { readonly on?: string; readonly off?: string };
  /** W. */
  readonly power?: ValuePlace;
  /** kWh today. */
  readonly energy?: ValuePlace;
  readonly online?: ValuePlace & { readonly on: string; readonly off: string };
  /** Makes it tell its state. */
  readonly ask?: { readonly topic: string; readonly payload: string };
}

export function templateSocket(template: SocketTemplate): SocketDialect {
  const { command, state, power, energy, online, ask } = template;
  const places = [state, power, energy, online].flatMap((place) => (place === undefined ? [] : [place.topic]));
  const words = { on: state.on ?? command.on, off: state.off ?? command.off };
  return {
    topics: [...new Set(places)],
    read(topic, payload) {
      const at = (place: ValuePlace | undefined): unknown =>
        place?.topic === topic ? valueAt(place, payload) : undefined;
      const isOnline = online && wordOf(at(online), online);
      const isOn = wordOf(at(state), words);
      const watts = amountOf(at(power));
      const kilowattHours = amountOf(at(energy));
      const reading: SocketReading = {
        ...(isOn !== undefined && { isOn }),
        ...(watts !== undefined && { power: watts }),
        ...(kilowattHours !== undefined && { energy: kilowattHours }),
      };
      const isHeard = Object.keys(reading).length > 0;
      if (!isHeard && isOnline === undefined) return undefined;
      return { ...reading, isOnline: isOnline ?? true };
    },
    command: (isOn) => ({ topic: command.topic, payload: isOn ? command.on : command.off }),
    ask: () => ask,
  };
}

function valueAt({ member }: ValuePlace, payload: Uint8Array): unknown {
  return member === undefined ? payloadText(payload) : memberOf(payload, member.split("."));
}

/** Payloads are written as text, members may be truth values or numbers. */
function wordOf(value: unknown, { on, off }: { readonly on: string; readonly off: string }): boolean | undefined {
  if (value === undefined || (typeof value === "object" && value !== null)) return undefined;
  const word = String(value);
  return word === on ? true : word === off ? false : undefined;
}
