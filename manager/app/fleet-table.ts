import { TextRowTable } from "../../kernel/text-row-table.ts";
import type { Presence, Sighting } from "../domain/presence.ts";
import type { NodePath } from "../ports/node-caller.ts";
import { PathIndex } from "./path-index.ts";

/** Index of a node's hot state; private to this process, never stored, logged or sent. */
export type NodeRow = number;

const columns = {
  /** Monotonic, meaningful once `flags.heard` is set. */
  heardAtMs: "f64",
  pollSeconds: "u32",
  lifetimeSeconds: "u32",
  /** Row + 1 of the gateway that speaks for this child; 0: none. */
  gateway: "u32",
  port: "u16",
  flags: "u16",
  /** Index into `presences`. */
  presence: "u8",
} as const;

/** Bits of the `flags` column. */
export const nodeFlags = {
  heard: 1,
  /** Its broker connection broke after it was last heard. */
  suspect: 2,
  /** Never called. */
  sleepy: 4,
  onBroker: 8,
  /** The next uplink arms the health observation. */
  awaitsObservation: 16,
  isObserved: 32,
  /** It shows that it lives by an observation, else by heartbeats alone. */
  livesByObservation: 64,
  /** It had a broker connection since this process started. */
  usesBroker: 128,
  /** `heardAtMs` comes from the snapshot of an earlier process. */
  heardBefore: 256,
  /** It registered in CBOR. */
  speaksCbor: 512,
  /** It registered over a secure association, so calls to it are secured too. */
  isSecured: 1024,
  /** Its entry in the directory came by a simple registration. */
  registeredSimply: 2048,
  /** It speaks TLS, and has a CA that it checks servers against: the capability `tls`. */
  speaksTls: 4096,
} as const;

const presences = ["unknown", "online", "late", "offline"] as const satisfies readonly Presence[];

/** Hot state of all registered nodes in flat arrays, so that a million of them fit. */
export class FleetTable {
  readonly rows: TextRowTable<typeof columns>;
  /** Registered addresses by row; the text is shared with the registration's record. */
  readonly #addresses: string[] = [];
  readonly #byPath: PathIndex;

  constructor({ capacity, hashSeed }: { capacity: number; hashSeed: number }) {
    this.rows = new TextRowTable({ capacity, columns, hashSeed });
    this.#byPath = new PathIndex({
      ...{ capacity, hashSeed },
      isAt: (row, address, port) => this.rows.columns.port[row] === port && this.#addresses[row] === address,
    });
  }

  find(node: string): NodeRow {
    return this.rows.find(node);
  }

  usesBroker(node: string): boolean {
    const row = this.find(node);
    return row !== -1 && this.has(row, nodeFlags.usesBroker);
  }

  /** Whether it proved who it is when it registered. */
  isSecured(node: string): boolean {
    const row = this.find(node);
    return row !== -1 && this.has(row, nodeFlags.isSecured);
  }

  has(row: NodeRow, flag: number): boolean {
    return (this.rows.columns.flags[row]! & flag) !== 0;
  }

  set(row: NodeRow, flag: number, isSet: boolean): void {
    const { flags } = this.rows.columns;
    flags[row] = isSet ? flags[row]! | flag : flags[row]! & ~flag;
  }

  presence(row: NodeRow): Presence {
    return presences[this.rows.columns.presence[row]!]!;
  }

  setPresence(row: NodeRow, presence: Presence): void {
    this.rows.columns.presence[row] = presences.indexOf(presence);
  }

  sighting(row: NodeRow): Sighting {
    const { heardAtMs, pollSeconds, lifetimeSeconds } = this.rows.columns;
    return {
      heardAtMs: this.has(row, nodeFlags.heard) ? heardAtMs[row]! : undefined,
      pollSeconds: pollSeconds[row]!,
      lifetimeSeconds: lifetimeSeconds[row]!,
      isSuspect: this.has(row, nodeFlags.suspect),
    };
  }

  /** The row of the gateway that speaks for this node, or -1. */
  gateway(row: NodeRow): NodeRow {
    return this.rows.columns.gateway[row]! - 1;
  }

  /** A row is about to be free: nobody's gateway any more. */
  dropGateway(row: NodeRow): void {
    const { gateway } = this.rows.columns;
    for (let child = this.rows.nextRow(0); child !== -1; child = this.rows.nextRow(child + 1)) {
      if (gateway[child] === row + 1) gateway[child] = 0;
    }
  }

  path(row: NodeRow): NodePath {
    const address = this.#addresses[row] ?? "";
    return { address, port: this.rows.columns.port[row]!, family: address.includes(":") ? 6 : 4 };
  }

  isAt(row: NodeRow, { address, port }: NodePath): boolean {
    return this.rows.columns.port[row] === port && this.#addresses[row] === address;
  }

  /** Who is called there, or -1. Children aren't: their gateway is. */
  holder({ address, port }: NodePath): NodeRow {
    return this.#byPath.find(address, port);
  }

  /** A path belongs to one node: nobody may hold it. A child's is its gateway's, so a child only remembers it. */
  movePath(row: NodeRow, { address, port }: NodePath, isChild: boolean): void {
    this.leavePath(row);
    this.rows.columns.port[row] = port;
    this.#addresses[row] = address;
    if (!isChild && port !== 0) this.#byPath.insert(row, address, port);
  }

  /** From now on nobody can call the node, until it is heard. */
  leavePath(row: NodeRow): void {
    const { port } = this.rows.columns;
    if (port[row] !== 0) this.#byPath.remove(row, this.#addresses[row] ?? "", port[row]!);
    port[row] = 0;
  }
}
