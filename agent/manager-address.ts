import { agentFaults } from "./agent-faults.ts";

/** Where the manager is. */
export interface ManagerAddress {
  readonly isDtls: boolean;
  /** Name or address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

const pattern = /^(coaps?):\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?\/?$/;
const ports = { coap: 5683, coaps: 5684 } as const;

/** `coap://HOST[:PORT]` or `coaps://HOST[:PORT]`. Throws `agent.bad-manager`. */
export function parseManagerAddress(text: string): ManagerAddress {
  const match = pattern.exec(text);
  const [, scheme = "", address, name = "", portText] = match ?? [];
  const isDtls = scheme === "coaps";
  const port = portText === undefined ? ports[isDtls ? "coaps" : "coap"] : Number(portText);
  if (match === null || port < 1 || port > 65_535) throw agentFaults("agent.bad-manager", { text });
  return { isDtls, host: address ?? name, port };
}
