import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { faults } from "../faults.ts";
import type { SequenceLeases } from "../security/oscore/sequence-leases.ts";

/** A write takes milliseconds: one that stands so long will not be finished. */
const abandonedMs = 10_000;

/**
 * OSCORE's sender sequence numbers in one small file, which outlives the process: written beside, forced to the disk and renamed before
 * a number is used, about once in a thousand messages. Processes that share the file get numbers of their own. An older copy of it must
 * never take its place: its numbers would come twice. Throws `coap.leases-unreadable` for a file that is none of its own: to begin anew would
 * give numbers twice as well.
 */
export function fileLeases(path: string): SequenceLeases {
  read(path);
  const ours = new Map<string, number>();
  return {
    lease(name, count) {
      const file = begin(path);
      let isOver = false;
      try {
        const next = read(path);
        const first = Math.max(next.get(name) ?? 0, ours.get(name) ?? 0);
        next.set(name, first + count);
        writeSync(file, JSON.stringify(Object.fromEntries(next)));
        fsyncSync(file);
        if (statSync(freshOf(path)).ino !== fstatSync(file).ino) throw faults("coap.leases-busy", { path });
        renameSync(freshOf(path), path);
        isOver = true;
        ours.set(name, first + count);
        syncFolder(path);
        return first;
      } catch (error) {
        if (!isOver) rmSync(freshOf(path), { force: true });
        throw error;
      } finally {
        closeSync(file);
      }
    },
  };
}

/** The file beside it, which one process at a time may have: what was read stays true until it is renamed. */
function begin(path: string): number {
  const fresh = freshOf(path);
  try {
    return openSync(fresh, "wx", 0o600);
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
    const ageMs = systemClock.wallMs() - (statSync(fresh, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (ageMs < abandonedMs) throw faults("coap.leases-busy", { path: fresh });
  }
  // Whoever began it was killed.
  rmSync(fresh, { force: true });
  return openSync(fresh, "wx", 0o600);
}

function freshOf(path: string): string {
  return `${path}.new`;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

function read(path: string): Map<string, number> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return new Map();
    throw faults("coap.leases-unreadable", { path, reason: error instanceof Error ? error.message : String(error) });
  }
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return new Map(entries.map(([name, value]) => [name, checked(value)]));
  } catch (error) {
    throw faults("coap.leases-unreadable", { path, reason: error instanceof Error ? error.message : String(error) });
  }
}

function checked(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${JSON.stringify(value)} is no sequence number`);
}

function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
