import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { FleetTable, nodeFlags } from "./fleet-table.ts";
import { LastSeenSnapshot, readSnapshot } from "./last-seen-snapshot.ts";

async function written(ages: Readonly<Record<string, number>>): Promise<{ bytes: Uint8Array; wallMs: number }> {
  const clock = new VirtualClock();
  await clock.advance(1_000_000);
  const fleet = new FleetTable({ capacity: 16, hashSeed: 0 });
  for (const [node, ageMs] of Object.entries(ages)) {
    const row = fleet.rows.insert(node);
    fleet.rows.columns.heardAtMs[row] = clock.monotonicMs() - ageMs;
    fleet.set(row, nodeFlags.heard, true);
  }
  fleet.rows.insert("never-heard");
  let bytes = new Uint8Array();
  const file = {
    read: async () => undefined,
    write: async (given: Uint8Array) => {
      bytes = new Uint8Array(given);
    },
  };
  await new LastSeenSnapshot({ fleet, file, clock, log: silentLog }).write();
  return { bytes, wallMs: clock.wallMs() };
}

describe("the last-seen snapshot", () => {
  it("is nothing when it is cut, longer, of another version, or garbage", async () => {
    const { bytes } = await written({ a: 5_000, "node-2": 70_000 });
    for (let length = 0; length < bytes.length; length++) expect(readSnapshot(bytes.slice(0, length))).toBeUndefined();
    expect(readSnapshot(new Uint8Array([...bytes, 0]))).toBeUndefined();
    const other = bytes.slice();
    other[4] = 2;
    expect(readSnapshot(other)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
        readSnapshot(garbage);
      }),
    );
  });

  it("tells ages in seconds of those that were ever heard", async () => {
    const { bytes, wallMs } = await written({ a: 5_400, "node-2": 70_000 });
    const snapshot = readSnapshot(bytes);
    expect(snapshot?.writtenMs).toBe(wallMs);
    expect(Object.fromEntries(snapshot?.seconds ?? [])).toEqual({ a: 5, "node-2": 70 });
  });

  it("adds the time that the manager was away, and knows nobody who isn't registered any more", async () => {
    const { bytes, wallMs } = await written({ a: 5_000, gone: 1_000 });
    const clock = new VirtualClock({ startWallMs: wallMs + 60_000 });
    const fleet = new FleetTable({ capacity: 16, hashSeed: 0 });
    const row = fleet.rows.insert("a");
    await new LastSeenSnapshot({
      fleet,
      file: { read: async () => bytes, write: async () => {} },
      clock,
      log: silentLog,
    }).load();
    expect(fleet.has(row, nodeFlags.heardBefore)).toBe(true);
    expect(fleet.has(row, nodeFlags.heard)).toBe(false);
    expect(fleet.rows.columns.heardAtMs[row]).toBe(-65_000);
    expect(fleet.find("gone")).toBe(-1);
  });
});
