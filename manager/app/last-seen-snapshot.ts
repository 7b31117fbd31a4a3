import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { SnapshotFile } from "../ports/snapshot-file.ts";
import { appTimes } from "./app-limits.ts";
import { type FleetTable, nodeFlags } from "./fleet-table.ts";

/*
 * The file, all numbers big-endian:
 *
 *     "CXLS" | version u8 = 1 | written, wall time in ms, f64 | count u32 | count x (length u8 | id, ASCII | age in seconds, u32)
 */
const magic = 0x43584c53;
const version = 1;
const headBytes = 17;

export interface LastSeenSnapshotOptions {
  readonly fleet: FleetTable;
  readonly file: SnapshotFile;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * When each node was last heard, written whole every five minutes and at a stop instead of a row per heartbeat. It only tells
 * ages: presence after a start is unknown, whatever stands here, so losing it costs nothing else.
 */
export class LastSeenSnapshot {
  readonly #options: LastSeenSnapshotOptions;
  #timer: Timer | undefined;
  #isWriting: boolean = false;

  constructor(options: LastSeenSnapshotOptions) {
    this.#options = options;
  }

  /** After the registrations are loaded. */
  async load(): Promise<void> {
    const { file, log, fleet, clock } = this.#options;
    const bytes = await file.read().catch((error: unknown) => {
      log.warn("last-seen-unreadable", { error });
      return undefined;
    });
    if (bytes === undefined) return;
    const ages = readSnapshot(bytes);
    if (ages === undefined) {
      log.warn("last-seen-damaged", { bytes: bytes.length });
      return;
    }
    const sinceMs = Math.max(0, clock.wallMs() - ages.writtenMs);
    for (const [node, ageSeconds] of ages.seconds) {
      const row = fleet.find(node);
      if (row === -1 || fleet.has(row, nodeFlags.heard)) continue;
      fleet.rows.columns.heardAtMs[row] = clock.monotonicMs() - sinceMs - ageSeconds * 1000;
      fleet.set(row, nodeFlags.heardBefore, true);
    }
  }

  start(): void {
    this.#timer = this.#options.clock.after(appTimes.lastSeenSnapshotMs, this.#tick);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.write();
  }

  async write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      await this.#options.file.write(this.#encode());
    } finally {
      this.#isWriting = false;
    }
  }

  readonly #tick = (): void => {
    this.#timer = this.#options.clock.after(appTimes.lastSeenSnapshotMs, this.#tick);
    this.write().catch((error: unknown) => this.#options.log.error("last-seen-not-written", { error }));
  };

  #encode(): Uint8Array {
    const { fleet, clock } = this.#options;
    const { rows } = fleet;
    const nowMs = clock.monotonicMs();
    let size = headBytes;
    let count = 0;
    const isKnown = (row: number): boolean => fleet.has(row, nodeFlags.heard) || fleet.has(row, nodeFlags.heardBefore);
    for (let row = rows.nextRow(0); row !== -1; row = rows.nextRow(row + 1)) {
      if (!isKnown(row)) continue;
      size += 5 + (rows.keyOf(row)?.length ?? 0);
      count++;
    }
    const bytes = new Uint8Array(size);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, magic);
    view.setUint8(4, version);
    view.setFloat64(5, clock.wallMs());
    view.setUint32(13, count);
    let at = headBytes;
    for (let row = rows.nextRow(0); row !== -1; row = rows.nextRow(row + 1)) {
      if (!isKnown(row)) continue;
      const node = rows.keyOf(row) ?? "";
      view.setUint8(at++, node.length);
      for (let i = 0; i < node.length; i++) view.setUint8(at++, node.charCodeAt(i));
      view.setUint32(at, Math.min(Math.floor((nowMs - rows.columns.heardAtMs[row]!) / 1000), 0xffff_ffff));
      at += 4;
    }
    return bytes;
  }
}

/** Undefined for anything but a whole snapshot of this version. */
export function readSnapshot(
  bytes: Uint8Array,
): { readonly writtenMs: number; readonly seconds: ReadonlyMap<string, number> } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < headBytes || view.getUint32(0) !== magic || view.getUint8(4) !== version) return undefined;
  const writtenMs = view.getFloat64(5);
  const count = view.getUint32(13);
  const seconds = new Map<string, number>();
  let at = headBytes;
  for (let entry = 0; entry < count; entry++) {
    const length = bytes[at];
    if (length === undefined || at + 1 + length + 4 > bytes.length) return undefined;
    let node = "";
    for (let i = at + 1; i <= at + length; i++) node += String.fromCharCode(bytes[i]!);
    seconds.set(node, view.getUint32(at + 1 + length));
    at += 5 + length;
  }
  return at === bytes.length && Number.isFinite(writtenMs) ? { writtenMs, seconds } : undefined;
}
