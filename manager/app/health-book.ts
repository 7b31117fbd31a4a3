import type { Clock } from "../../kernel/clock.ts";
import type { StatusReport } from "../../schemas/generated/types.ts";
import { cborFormat, decode } from "../../schemas/wire/codec.ts";
import { SteadyReport } from "../../schemas/wire/steady-report.ts";
import type { Aged } from "./api/node-data.ts";
import { RecentMap } from "./recent-map.ts";

/** Longest report that is kept as bytes: what nodes send is a tenth of it. */
const maxKeptBytes = 512;

interface Entry {
  /** Undefined when only the bytes are newest. */
  value: StatusReport | undefined;
  atMs: number;
  way: string;
  readonly status: StatusReport["status"];
  /** Its CBOR, when it came in that; replaced in place by steady ones. */
  bytes: Uint8Array | undefined;
  length: number;
}

/**
 * The last status report of each node, in memory. A steady report, one that says the same as the last but for figures, is kept as its
 * bytes and becomes an object when somebody asks: nearly all heartbeats are steady, and nearly nobody asks.
 */
export class HealthBook {
  /** Of the report that was last found steady; -1 when it doesn't say. */
  freeHeap = -1;
  status: StatusReport["status"] = undefined;
  readonly #clock: Clock;
  readonly #reports: RecentMap<Entry>;
  readonly #steady = new SteadyReport();
  #found: Entry | undefined;
  #start = 0;
  #end = 0;
  #bytes: Uint8Array | undefined;

  constructor({ clock, capacity }: { clock: Clock; capacity: number }) {
    this.#clock = clock;
    this.#reports = new RecentMap({ capacity });
  }

  put(node: string, value: StatusReport, way: string): void {
    const atMs = this.#clock.monotonicMs();
    this.#reports.set(node, { value, atMs, way, status: value.status, bytes: undefined, length: 0 });
  }

  /** These are the bytes of the report that was just put. */
  remember(node: string, bytes: Uint8Array): void {
    const entry = this.#reports.get(node);
    if (entry === undefined || bytes.length === 0 || bytes.length > maxKeptBytes) return;
    // Figures grow by a few bytes: uptime from one to four, a float from two to eight.
    entry.bytes = new Uint8Array(bytes.length + 16);
    entry.bytes.set(bytes);
    entry.length = bytes.length;
  }

  /** Whether the report in `bytes[start, end)` is steady after the node's last one. Keeps nothing: `takeSteady` does, in the same turn. */
  findSteady(node: string, bytes: Uint8Array, start: number, end: number): boolean {
    const entry = this.#reports.get(node);
    this.#found = undefined;
    if (entry?.bytes === undefined || end - start > entry.bytes.length) return false;
    if (!this.#steady.isSteady(entry.bytes, entry.length, bytes, start, end)) return false;
    this.freeHeap = this.#steady.freeHeap;
    this.status = entry.status;
    this.#found = entry;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    return true;
  }

  takeSteady(nowMs: number): void {
    const entry = this.#found;
    const bytes = this.#bytes;
    if (entry?.bytes === undefined || bytes === undefined) return;
    const length = this.#end - this.#start;
    for (let i = 0; i < length; i++) entry.bytes[i] = bytes[this.#start + i]!;
    entry.length = length;
    entry.value = undefined;
    entry.atMs = nowMs;
    entry.way = "beat";
    this.#found = undefined;
    this.#bytes = undefined;
  }

  latest(node: string): Aged<StatusReport> | undefined {
    const entry = this.#reports.get(node);
    if (entry === undefined) return undefined;
    entry.value ??= reportOf(entry);
    return { value: entry.value, ageMs: this.#clock.monotonicMs() - entry.atMs, way: entry.way };
  }

  forget(node: string): void {
    this.#reports.delete(node);
  }
}

function reportOf({ bytes, length }: Entry): StatusReport {
  const decoded = decode("status-report", (bytes ?? new Uint8Array(0)).subarray(0, length), cborFormat);
  // Steady bytes are such that it takes them: `steady-report.test.ts`.
  if (!decoded.ok) throw new TypeError(`a steady report is ${decoded.fault.code} at ${decoded.fault.path}`);
  return decoded.value;
}
