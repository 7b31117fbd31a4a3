import type { NodePath } from "../ports/node-caller.ts";
import type { Storage } from "../ports/storage.ts";
import { type FleetTable, nodeFlags } from "./fleet-table.ts";
import { type NodeRecord, nodeTable } from "./node-record.ts";

/** How to call a node: where, and under which path. */
export interface Reach {
  readonly to: NodePath;
  /** Stands before the resource's own path: `nodes/<child>` on a gateway. */
  readonly prefix: readonly string[];
  readonly contentFormat: 50 | 60;
  /** Whose credential secures the call; undefined: nobody's, as under `--insecure`. */
  readonly credential: string | undefined;
  /** Whether nobody on the way can read what is sent: the call is secured, or stays on this machine. */
  readonly isPrivate: boolean;
}

export type Unreachable = "unknown-node" | "sleepy" | "unreachable";

/** Finds the way to a node: its own path, or its gateway's for a child. A sleepy node is never called. */
export class NodeReach {
  readonly #fleet: FleetTable;
  readonly #storage: Storage;

  constructor({ fleet, storage }: { fleet: FleetTable; storage: Storage }) {
    this.#fleet = fleet;
    this.#storage = storage;
  }

  async to(node: string): Promise<Reach | Unreachable> {
    const row = this.#fleet.find(node);
    if (row === -1) return "unknown-node";
    if (this.#fleet.has(row, nodeFlags.sleepy)) return "sleepy";
    const stored = await this.#storage.get(nodeTable, node);
    if (stored === undefined) return "unknown-node";
    const record = stored.value as NodeRecord;
    const gateway = record.gateway;
    const speaker = gateway === undefined ? this.#fleet.find(node) : this.#fleet.find(gateway);
    if (speaker === -1) return gateway === undefined ? "unknown-node" : "unreachable";
    const to = this.#fleet.path(speaker);
    if (to.port === 0 || to.address === "") return "unreachable";
    const credential = this.#fleet.has(speaker, nodeFlags.isSecured) ? (gateway ?? node) : undefined;
    return {
      to,
      prefix: gateway === undefined ? [] : ["nodes", node],
      contentFormat: record.contentFormat,
      credential,
      isPrivate: credential !== undefined || isHere(to.address),
    };
  }
}

function isHere(address: string): boolean {
  return /^(::ffff:)?127\.|^::1$/i.test(address);
}
