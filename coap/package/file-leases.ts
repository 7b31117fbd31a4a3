import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { faults } from "../faults.ts";
import type { SequenceLeases } from "../security/oscore/sequence-leases.ts";

/**
 * OSCORE's sender sequence numbers in one small file, which outlives the process: written beside, forced to the disk and renamed before
 * a number is used, about once in a thousand messages. One process has a file. Throws `coap.leases-unreadable` for a file that is none of
 * its own: to begin anew would give numbers twice.
 */
export function fileLeases(path: string): SequenceLeases {
  const next = read(path);
  return {
    lease(name, count) {
      const first = next.get(name) ?? 0;
      next.set(name, first + count);
      write(path, next);
      return first;
    },
  };
}

function read(path: string): Map<string, number> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return new Map();
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

function write(path: string, next: ReadonlyMap<string, number>): void {
  const fresh = `${path}.new`;
  const file = openSync(fresh, "w", 0o600);
  try {
    writeSync(file, JSON.stringify(Object.fromEntries(next)));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(fresh, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
