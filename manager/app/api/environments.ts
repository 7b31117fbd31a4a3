import type { Configuration, Environment } from "../../../schemas/generated/types.ts";
import type { Actor } from "./registry.ts";

/** What a node needs to work here. */
export interface Environments {
  /** Builds the node's environment, making its MQTT password the first time (durable before it is given out). */
  build(node: string): Promise<Environment | undefined>;
  /** Fleet-wide settings that environments are made of. */
  settings(): FleetSettings;
  /** Durable; every node learns by an `environment` action. Unknown keys and bad values are refused with the rule. */
  change(settings: Partial<FleetSettings>, by: Actor): Promise<FleetSettings>;
  /** `config` for one node (PUT /nodes/{id}/config of the HTTP API): an action of kind `config`. */
  configure(node: string, configuration: Configuration, by: Actor): Promise<"queued" | "unknown-node" | "full">;
}

export interface FleetSettings {
  readonly mqttHost: string;
  readonly mqttPort: number;
  /** Of MQTT over TLS; 0: there is none. */
  readonly mqttTlsPort: number;
  /** Nodes that speak no TLS are told the open port, although there is one with TLS. */
  readonly allowPlainMqtt: boolean;
  readonly rootTopic: string;
  readonly pollSeconds: number;
  readonly reportSeconds: number;
  readonly lifetimeSeconds: number;
  readonly minLifetimeSeconds: number;
  readonly maxLifetimeSeconds: number;
  readonly wifi: readonly { readonly ssid: string; readonly password: string }[];
  readonly timeZone: string;
  readonly nodeLogLevel: string;
  readonly keepMqttInMaintenance: boolean;
  readonly isLegacyTopics: boolean;
}
