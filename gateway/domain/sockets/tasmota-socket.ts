import { amountOf, memberOf, payloadText } from "./read-payload.ts";
import type { SocketDialect, SocketReading } from "./socket-dialect.ts";

/**
 * A socket with Tasmota, by its full topics `cmnd/<topic>/`, `stat/<topic>/`, `tele/<topic>/` (tasmota.github.io/docs/MQTT).
 * `relay`: which of several, from 1; absent where it has one, whose messages carry no number.
 */
export function tasmotaSocket(topic: string, relay?: number): SocketDialect {
  const power = relay === undefined ? "POWER" : `POWER${relay}`;
  const lwt = `tele/${topic}/LWT`;
  const sensor = `tele/${topic}/SENSOR`;
  const plain = `stat/${topic}/${power}`;
  const states = [`stat/${topic}/RESULT`, `tele/${topic}/STATE`];
  const energyAnswer = `stat/${topic}/STATUS10`;
  return {
    topics: [lwt, sensor, plain, ...states, energyAnswer],
    read(from, payload) {
      if (from === lwt) return availability(payloadText(payload));
      if (from === plain) return switched(payloadText(payload));
      if (states.includes(from)) return switched(memberOf(payload, [power]));
      if (from === sensor) return measured(payload, ["ENERGY"]);
      if (from === energyAnswer) return measured(payload, ["StatusSNS", "ENERGY"]);
      return undefined;
    },
    command: (isOn) => ({ topic: `cmnd/${topic}/${power}`, payload: isOn ? "ON" : "OFF" }),
    // Without a payload a command asks; the answer is on stat.
    ask: () => ({ topic: `cmnd/${topic}/${power}`, payload: "" }),
  };
}

function availability(word: string | undefined): SocketReading | undefined {
  return word === "Online" ? { isOnline: true } : word === "Offline" ? { isOnline: false } : undefined;
}

function switched(word: unknown): SocketReading | undefined {
  return word === "ON" || word === "OFF" ? { isOnline: true, isOn: word === "ON" } : undefined;
}

/** Several channels come as lists; their sum is what the socket draws. */
function measured(payload: Uint8Array, at: readonly string[]): SocketReading | undefined {
  const power = sumOf(memberOf(payload, [...at, "Power"]));
  const energy = sumOf(memberOf(payload, [...at, "Today"]));
  if (power === undefined && energy === undefined) return undefined;
  return { isOnline: true, ...(power !== undefined && { power }), ...(energy !== undefined && { energy }) };
}

function sumOf(value: unknown): number | undefined {
  if (!Array.isArray(value)) return amountOf(value);
  const amounts = value.map(amountOf);
  return amounts.every((each) => each !== undefined) && amounts.length > 0
    ? amounts.reduce((sum, each) => sum + each, 0)
    : undefined;
}
