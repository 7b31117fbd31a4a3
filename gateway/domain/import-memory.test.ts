import { describe, expect, it } from "vitest";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { ImportMemory, restoreAgainMs } from "./import-memory.ts";

const pack = "240ac40001ff" as HardwareNumber;
const day = (imported: number, isLockedOut = false, date = "2026-11-21") => ({
  ...{ date, dayOfMonth: Number(date.slice(8)), imported, isLockedOut },
});

describe("what a pack imported today", () => {
  it("is given back when the counter falls within the day, with what was counted since, and again until it is taken", () => {
    const memory = new ImportMemory();
    expect(memory.heard(pack, day(321, true), 0)).toBeUndefined();
    expect(memory.heard(pack, day(0), 2000)).toEqual(day(321, true));
    expect(memory.heard(pack, day(1), 4000)).toBeUndefined();
    expect(memory.heard(pack, day(7), 2000 + restoreAgainMs)).toEqual(day(328, true));
    expect(memory.heard(pack, day(328, true), 20_000)).toBeUndefined();
    expect(memory.heard(pack, day(330, true), 22_000)).toBeUndefined();
  });

  it("is known after the gateway's own restart too", () => {
    const memory = new ImportMemory();
    memory.recall(pack, day(321));
    expect(memory.heard(pack, day(0), 0)).toEqual(day(321));
  });

  it("isn't given back on another day, nor when the gateway's clock is behind", () => {
    const memory = new ImportMemory();
    memory.heard(pack, day(321), 0);
    expect(memory.heard(pack, day(0, false, "2026-11-22"), 2000)).toBeUndefined();
    expect(memory.heard(pack, day(0, false, "2026-11-21"), 4000)).toBeUndefined();
    expect(memory.heard(pack, day(3, false, "2026-11-22"), 6000)).toBeUndefined();
  });

  it("isn't given back after a reset on purpose, nor for what rounding takes", () => {
    const memory = new ImportMemory();
    memory.heard(pack, day(321), 0);
    expect(memory.heard(pack, day(318), 1000)).toBeUndefined();
    memory.forget(pack);
    expect(memory.heard(pack, day(0), 2000)).toBeUndefined();
    expect(memory.heard(pack, day(1), 4000)).toBeUndefined();
  });

  it("a lock-out that ended because its limit was switched off is over", () => {
    const memory = new ImportMemory();
    memory.heard(pack, day(321, true), 0);
    expect(memory.heard(pack, day(321, false), 2000)).toBeUndefined();
    expect(memory.heard(pack, day(322, false), 4000)).toBeUndefined();
  });
});
