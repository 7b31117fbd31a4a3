import type { NodePlan } from "./programs.ts";

/** How a node hears of its update: called by CoAP, by MQTT, or at its own next heartbeat because it was away when it was called. */
export type Told = "call" | "mqtt" | "heartbeat";

/** One node of the demo and what shall happen to it. */
export interface Member extends NodePlan {
  /** How it proves who it is. */
  readonly scheme: "oscore" | "psk" | "x509";
  readonly told: Told;
  /** Its power fails in the middle of its download. */
  readonly isCut?: true;
  /** Its new firmware is broken. */
  readonly isBroken?: true;
}

export const fleet: readonly Member[] = [
  { ...sensor("sensor-1"), scheme: "oscore", prefer: "http", told: "call" },
  { ...sensor("sensor-2"), scheme: "psk", prefer: "coap", told: "mqtt" },
  { ...sensor("sensor-3"), scheme: "oscore", prefer: "http", told: "call", isCut: true },
  { id: "linux-1", profile: "linux", model: "linux-board", scheme: "x509", prefer: "coap", told: "heartbeat" },
  { ...sensor("sensor-x", "prototype"), scheme: "oscore", prefer: "http", told: "call", isBroken: true },
];

/** In words that follow "over". */
export const schemeWords = {
  oscore: "OSCORE",
  psk: "DTLS with a pre-shared key",
  x509: "DTLS with a certificate",
} as const;

function sensor(id: string, model = "sensor-board"): Pick<Member, "id" | "profile" | "model"> {
  return { id, model, profile: "sensor" };
}
