import type { NodePlan } from "./programs.ts";

/** How a node hears of its update: called by CoAP, by MQTT, or at its own next heartbeat because it was away when it was called. */
export type Told = "call" | "mqtt" | "heartbeat";

/** One node of the demo and what shall happen to it. */
export interface Member extends NodePlan {
  readonly told: Told;
  /** Its power fails in the middle of its download. */
  readonly isCut?: true;
  /** Its new firmware is broken. */
  readonly isBroken?: true;
}

export const fleet: readonly Member[] = [
  { id: "sensor-1", profile: "sensor", model: "sensor-board", prefer: "http", told: "call" },
  { id: "sensor-2", profile: "sensor", model: "sensor-board", prefer: "coap", told: "mqtt" },
  { id: "sensor-3", profile: "sensor", model: "sensor-board", prefer: "http", told: "call", isCut: true },
  { id: "linux-1", profile: "linux", model: "linux-board", prefer: "coap", told: "heartbeat" },
  { id: "sensor-x", profile: "sensor", model: "prototype", prefer: "http", told: "call", isBroken: true },
];
