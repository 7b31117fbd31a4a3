import type { Clock } from "../../kernel/clock.ts";
import type { Storage } from "../ports/storage.ts";
import type { Actor } from "./api/registry.ts";
import { type FleetTable, type NodeRow, nodeFlags } from "./fleet-table.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import { type NodeRecord, nodeTable } from "./node-record.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface LostNodesOptions {
  readonly fleet: FleetTable;
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly clock: Clock;
  remove(node: string, by: Actor): Promise<unknown>;
}

const maxForgottenAtOnce = 1000;
const dayMs = 86_400_000;

/** Ends registrations whose lifetime is over for good. */
export class LostNodes {
  readonly #options: LostNodesOptions;
  readonly #startedMs: number;

  constructor(options: LostNodesOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
  }

  /** Removes nodes that weren't heard for `days` after their lifetime ended, and simple registrations at its end; a limited number at a time. */
  async forget(days: number): Promise<void> {
    const { fleet } = this.#options;
    const lost: string[] = [];
    const simple: string[] = [];
    for (
      let row = fleet.rows.nextRow(0);
      row !== -1 && lost.length + simple.length < maxForgottenAtOnce;
      row = fleet.rows.nextRow(row + 1)
    ) {
      const node = fleet.rows.keyOf(row);
      const overMs = this.#overMs(row);
      if (node === undefined || overMs <= 0) continue;
      // While we can't hear, nobody is lost.
      if (overMs > days * dayMs && fleet.presence(row) === "offline") lost.push(node);
      else if (fleet.has(row, nodeFlags.registeredSimply)) simple.push(node);
    }
    for (const node of lost) await this.#options.remove(node, { kind: "manager", id: "not-heard" });
    for (const node of simple) await this.#endSimple(node);
  }

  /** For how long its lifetime is over; below 0: it isn't. */
  #overMs(row: NodeRow): number {
    const { fleet, clock } = this.#options;
    const { heardAtMs, lifetimeSeconds, flags } = fleet.rows.columns;
    // Who isn't known to have been heard ever counts from the start of this process.
    const isKnown = (flags[row]! & (nodeFlags.heard | nodeFlags.heardBefore)) !== 0;
    return clock.monotonicMs() - (isKnown ? heardAtMs[row]! : this.#startedMs) - lifetimeSeconds[row]! * 1000;
  }

  /** RFC 9176 section 5.1. Of a node that registered in no other way nothing is left. */
  async #endSimple(node: string): Promise<void> {
    const { fleet, storage, writer, serial, remove } = this.#options;
    const stored = await storage.get(nodeTable, node);
    const isOver = (): boolean => {
      const row = fleet.find(node);
      // It may have registered again meanwhile.
      return row !== -1 && fleet.has(row, nodeFlags.registeredSimply) && this.#overMs(row) > 0;
    };
    if (stored === undefined || !isOver()) return;
    const { manifest } = stored.value as NodeRecord;
    if (manifest.model === "unknown") {
      await remove(node, { kind: "manager", id: "lifetime-over" });
      return;
    }
    await serial.run(`node/${node}`, async () => {
      const now = await storage.get(nodeTable, node);
      if (now?.revision !== stored.revision || !isOver()) return;
      const { rd: _, ...rest } = now.value as NodeRecord;
      await writer.commit(node, [
        { kind: "put", table: nodeTable, key: node, expectedRevision: now.revision, value: rest },
      ]);
      fleet.set(fleet.find(node), nodeFlags.registeredSimply, false);
    });
  }
}
