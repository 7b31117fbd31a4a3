import { describe, expect, it } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { LastValues } from "./last-values.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

function world(record?: unknown) {
  const clock = new VirtualClock();
  const writes: { readonly values: Record<string, string> }[] = [];
  const disk = { isFailing: false, isUnreadable: false };
  const values = new LastValues({
    ...{ clock, log: silentLog },
    records: {
      load: async () => {
        if (disk.isUnreadable) throw new Error("EIO");
        return record;
      },
      store: async (_name, value) => {
        if (disk.isFailing) throw new Error("ENOSPC");
        writes.push(value as never);
      },
    },
  });
  return { clock, writes, disk, values };
}

describe("last values on a disk that isn't what it should be", () => {
  it.each([undefined, null, 1, "x", {}, { values: null }, { values: { a: 1 } }])("%j is no value", async (record) => {
    expect((await world(record).values.load()).size).toBe(0);
  });

  it("one that can't be read is begun anew", async () => {
    const { values, disk, clock, writes } = world();
    disk.isUnreadable = true;
    expect((await values.load()).size).toBe(0);
    values.keep("a", bytes("1"));
    await clock.advance(2000);
    expect(writes.at(-1)?.values).toEqual({ a: "1" });
  });

  it("a write that fails is tried again, with what is newest by then", async () => {
    const { values, disk, clock, writes } = world();
    disk.isFailing = true;
    values.keep("a", bytes("1"));
    await clock.advance(10_000);
    values.keep("a", bytes("2"));
    disk.isFailing = false;
    await clock.advance(60_000);
    expect(writes.map(({ values: { a } }) => a)).toEqual(["2"]);
  });

  it("takes no more topics than it may", async () => {
    const { values, clock, writes } = world();
    for (let i = 0; i < 1100; i++) values.keep(`t${i}`, bytes("1"));
    await clock.advance(2000);
    expect(Object.keys(writes[0]!.values)).toHaveLength(1024);
  });
});

describe("last values", () => {
  it("are written soon after the start, then once a minute however often they change, and at the end", async () => {
    const { values, clock, writes } = world();
    for (let second = 0; second < 180; second++) {
      values.keep("a", bytes(String(second)));
      await clock.advance(1000);
    }
    expect(writes.length).toBeGreaterThanOrEqual(3);
    expect(writes.length).toBeLessThanOrEqual(4);
    values.keep("a", bytes("last"));
    await values.stop();
    expect(writes.at(-1)?.values).toEqual({ a: "last" });
    await clock.advance(120_000);
    values.keep("a", bytes("after"));
    await clock.advance(120_000);
    expect(writes.at(-1)?.values).toEqual({ a: "last" });
  });

  it("that may not be lost are written at once", async () => {
    const { values, clock, writes } = world();
    values.keep("a", bytes("1"));
    await clock.advance(2000);
    values.keep("a", bytes("2"), true);
    await clock.advance(2000);
    expect(writes).toHaveLength(2);
  });

  it("come back as they were; what was forgotten doesn't", async () => {
    const { values, clock, writes } = world({ version: 1, values: { a: "1", b: "2" } });
    expect([...(await values.load()).keys()]).toEqual(["a", "b"]);
    values.keep("b", bytes(""));
    values.keep("c", bytes(""));
    await clock.advance(2000);
    expect(writes.at(-1)?.values).toEqual({ a: "1" });
  });
});
