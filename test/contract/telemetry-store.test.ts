import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteTelemetry } from "../../manager/adapters/storage/sqlite-telemetry.ts";
import type { TelemetryPoint } from "../../manager/ports/telemetry-store.ts";

let folder: string;
let store: SqliteTelemetry;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cx-telemetry-"));
  store = new SqliteTelemetry({ file: join(folder, "history.db") });
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const point = (more: Partial<TelemetryPoint> = {}): TelemetryPoint => ({
  node: "n1",
  series: "temp",
  unit: "Cel",
  timeMs: 1000,
  receivedMs: 2000,
  value: 21.5,
  ...more,
});

describe("the telemetry store", () => {
  it("refuses a damaged file, by name", async () => {
    await store.close();
    const file = join(folder, "history.db");
    writeFileSync(file, "x".repeat(9000));
    expect(() => new SqliteTelemetry({ file })).toThrowError(expect.objectContaining({ code: "storage.corrupt" }));
  });

  it("refuses everything once it is closed", async () => {
    await store.close();
    await expect(store.append([point()])).rejects.toMatchObject({ code: "storage.closed" });
  });

  it("takes a batch whole or not at all", async () => {
    const bad = point({ value: { not: "a value" } as unknown as number });
    await expect(store.append([point({ series: "new" }), bad])).rejects.toThrow();
    expect(await store.count()).toBe(0);
    await store.append([point({ series: "new" })]);
    expect(await store.latest("n1")).toHaveLength(1);
  });

  it("gives back numbers, texts and booleans as they came", async () => {
    const values = [0, -0.125, 1e300, "", "true", "'", "ünïcode", true, false];
    await store.append(values.map((value, at) => point({ value, receivedMs: at })));
    expect((await store.query({ node: "n1" })).map(({ value }) => value)).toEqual(values.toReversed());
  });

  it("finds points by node, series and time of reception, newest first, bounded", async () => {
    await store.append([
      ...[1, 2, 3, 4].map((n) => point({ receivedMs: n, value: n })),
      point({ series: "hum", unit: "%RH", receivedMs: 9, value: 50 }),
      point({ node: "n2", receivedMs: 9 }),
    ]);
    const values = async (query: object) => (await store.query({ node: "n1", ...query })).map(({ value }) => value);
    expect(await values({ series: "temp" })).toEqual([4, 3, 2, 1]);
    expect(await values({ fromMs: 2, toMs: 3 })).toEqual([3, 2]);
    expect(await values({ limit: 2 })).toEqual([50, 4]);
    expect(await values({ series: "none" })).toEqual([]);
    expect(await store.latest("n1")).toEqual([
      point({ series: "hum", unit: "%RH", receivedMs: 9, value: 50 }),
      point({ receivedMs: 4, value: 4 }),
    ]);
  });

  it("takes over a unit that comes later, and keeps it when it isn't said again", async () => {
    const { unit: _, ...bare } = point();
    await store.append([bare]);
    await store.append([point()]);
    await store.append([bare]);
    expect((await store.latest("n1"))[0]?.unit).toBe("Cel");
  });

  it("forgets by age, then by count", async () => {
    await store.append([1, 2, 3, 4, 5].map((n) => point({ receivedMs: n, value: n })));
    expect(await store.prune(3, 2)).toBe(3);
    expect((await store.query({ node: "n1" })).map(({ value }) => value)).toEqual([5, 4]);
    expect(await store.prune(0, 10)).toBe(0);
  });
});
