import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { openSqliteFile, sqliteFault } from "../../manager/adapters/storage/sqlite-file.ts";
import { SqliteStorage } from "../../manager/adapters/storage/sqlite-storage.ts";
import type { Change } from "../../manager/ports/storage.ts";
import { until } from "./storage-subjects.ts";

const lease = { partition: 0, epoch: 1 };
const put = (key: string, value: unknown): Change => ({
  kind: "put",
  table: "node",
  key,
  expectedRevision: "any",
  value,
});

let folder: string;
let file: string;
let clock: VirtualClock;
const opened: SqliteStorage[] = [];
const open = (): SqliteStorage => {
  const storage = new SqliteStorage({ file, clock });
  opened.push(storage);
  return storage;
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cx-sqlite-"));
  file = join(folder, "registry.db");
  clock = new VirtualClock();
});
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
  rmSync(folder, { recursive: true });
});

async function fill(rows: number): Promise<void> {
  const storage = open();
  for (let row = 0; row < rows; row++) void storage.commit([put(`n${row}`, "v".repeat(200))], lease);
  await storage.close();
}

describe("opening a database that can't be used", () => {
  it.each([
    ["holds garbage", () => writeFileSync(file, "garbage".repeat(1000))],
    ["is empty, which we never leave behind", () => truncateSync(file, 0)],
    ["was cut in the middle", () => truncateSync(file, Math.floor(statSync(file).size / 8192) * 4096)],
    [
      "has a page overwritten",
      () => {
        const bytes = readFileSync(file);
        bytes.fill(0xa5, 8192, 3 * 8192);
        writeFileSync(file, bytes);
      },
    ],
  ])("names the file and leaves it as it is when it %s", async (_, damage) => {
    await fill(400);
    damage();
    const before = readFileSync(file);
    expect(open).toThrowError(
      expect.objectContaining({ code: "storage.corrupt", message: expect.stringContaining(file) }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("says that the database went missing when only its journal is there", async () => {
    await fill(1);
    rmSync(file);
    writeFileSync(`${file}-wal`, "x");
    expect(open).toThrowError(expect.objectContaining({ code: "storage.lost-database" }));
    expect(existsSync(file)).toBe(false);
  });

  it("refuses another program's database", () => {
    const foreign = new DatabaseSync(file);
    foreign.exec("CREATE TABLE theirs (x)");
    foreign.close();
    expect(open).toThrowError(expect.objectContaining({ code: "storage.foreign-file" }));
  });

  it("refuses a database of a newer version", async () => {
    await fill(1);
    const newer = new DatabaseSync(file);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    expect(open).toThrowError(expect.objectContaining({ code: "storage.newer-version" }));
  });

  it("refuses a second manager on the same file, and the first goes on", async () => {
    const first = open();
    expect(open).toThrowError(expect.objectContaining({ code: "storage.in-use" }));
    await until(clock, first.commit([put("a", 1)], lease));
    expect((await first.get("node", "a"))?.value).toBe(1);
  });

  it("says so when the folder isn't there", () => {
    file = join(folder, "missing", "registry.db");
    expect(open).toThrowError(expect.objectContaining({ code: "storage.cannot-open" }));
  });
});

it("migrates step by step, and a failing step leaves the version before it", () => {
  const applicationId = 77;
  const first = "CREATE TABLE a (x INTEGER) STRICT";
  openSqliteFile({ file, applicationId, migrations: [first] }).close();
  const broken = [first, "CREATE TABLE b (x INTEGER) STRICT", "CREATE TABLE a (x INTEGER) STRICT"];
  expect(() => openSqliteFile({ file, applicationId, migrations: broken })).toThrowError();
  const database = openSqliteFile({ file, applicationId, migrations: broken.slice(0, 2) });
  expect(database.prepare("PRAGMA user_version").get()?.["user_version"]).toBe(2);
  database.close();
});

it("keeps the file readable by its owner alone, since it holds passwords", async () => {
  await fill(1);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

describe("a full disk", () => {
  it("rejects the commit, applies nothing of it, and goes on when there is room again", async () => {
    const storage = open();
    await until(clock, storage.commit([put("before", 1)], lease));
    const limit = limitPages(storage, 12);
    const big = Array.from({ length: 50 }, (_, n) => put(`big${n}`, "x".repeat(4000)));
    const event: Change = { kind: "event", stream: "timeline", key: "big", value: 1 };
    await expect(until(clock, storage.commit([...big, event], lease))).rejects.toMatchObject({
      code: "storage.disk-full",
      fault: "environment",
    });
    expect((await storage.list("node")).map(({ key }) => key)).toEqual(["before"]);
    limit.lift();
    const { results } = await until(clock, storage.commit([put("after", 1), event], lease));
    expect(results[1]).toEqual({ kind: "recorded", position: { partition: 0, sequence: 1 } });
    expect(await storage.events("timeline", {})).toHaveLength(1);
  });

  it("rejects each commit of the group, and the next group is its own", async () => {
    const storage = open();
    const limit = limitPages(storage, 10);
    const small = storage.commit([put("small", 1)], lease);
    const big = storage.commit([put("big", "x".repeat(100_000))], lease);
    small.catch(() => undefined);
    await expect(until(clock, big)).rejects.toMatchObject({ code: "storage.disk-full" });
    await expect(until(clock, small)).rejects.toMatchObject({ code: "storage.disk-full" });
    await until(clock, storage.commit([put("small", 2)], lease));
    expect((await storage.get("node", "small"))?.value).toBe(2);
    limit.lift();
  });

  /** SQLite reports its page limit as it reports a full disk: SQLITE_FULL in the middle of the transaction. */
  function limitPages(storage: SqliteStorage, pages: number): { lift(): void } {
    storage.limitPages(pages);
    return { lift: () => storage.limitPages(1_000_000) };
  }
});

describe("group commit", () => {
  it("waits 5 ms for others, then writes them all together", async () => {
    const storage = open();
    let written = 0;
    for (let n = 0; n < 100; n++) void storage.commit([put(`n${n}`, n)], lease).then(() => written++);
    await clock.advance(4.9);
    expect(written).toBe(0);
    expect(await storage.get("node", "n0")).toBeUndefined();
    await clock.advance(0.2);
    expect(written).toBe(100);
  });

  it("doesn't wait once 256 changes are there", async () => {
    const storage = open();
    let written = 0;
    for (let n = 0; n < 300; n++) void storage.commit([put(`n${n}`, n)], lease).then(() => written++);
    await clock.advance(0);
    expect(written).toBe(256);
    await clock.advance(5);
    expect(written).toBe(300);
  });

  it("writes what waits when it is closed", async () => {
    const storage = open();
    const receipt = storage.commit([put("a", 1)], lease);
    await storage.close();
    await expect(receipt).resolves.toMatchObject({ results: [{ kind: "written" }] });
    expect((await open().get("node", "a"))?.value).toBe(1);
  });
});

it("recovers from the journal when it was copied away in the middle of its life", async () => {
  const storage = open();
  await until(clock, storage.commit([put("a", 1)], lease));
  const copy = join(folder, "copy.db");
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  const copied = new SqliteStorage({ file: copy, clock });
  expect((await copied.get("node", "a"))?.value).toBe(1);
  await copied.close();
});

it("turns errors it doesn't know into themselves", () => {
  const error = new TypeError("a defect");
  expect(sqliteFault(error, file, "use")).toBe(error);
});

describe("one key's rows and events among many", () => {
  const count = 20_480;
  const name = (at: number) => `node-${String(at).padStart(6, "0")}`;

  /** The quickest of some: what the machine does besides only adds. */
  async function quickest(read: () => Promise<unknown>): Promise<number> {
    let best = Number.POSITIVE_INFINITY;
    for (let run = 0; run < 15; run++) {
      const before = performance.now();
      await read();
      best = Math.min(best, performance.now() - before);
    }
    return best;
  }

  it("are read without reading the others", async () => {
    const storage = open();
    for (let at = 0; at < count; at += 512) {
      const changes = Array.from({ length: 512 }, (_, k): readonly Change[] => [
        put(`${name(at + k)}/key`, at + k),
        { kind: "event", stream: k % 2 === 0 ? "timeline" : "audit", key: name(at + k), value: { what: "issued" } },
      ]);
      await storage.commit(changes.flat(), lease);
    }
    const [timeline, audit] = [name(count - 2), name(count - 1)];
    const everything = await quickest(async () => {
      for (let after = ""; ; ) {
        const page = await storage.list("node", { after });
        after = page.at(-1)?.key ?? "";
        if (after === "") return;
      }
    });
    const reads: Readonly<Record<string, () => Promise<readonly unknown[]>>> = {
      rows: () => storage.list("node", { prefix: `${audit}/` }),
      timeline: () => storage.events("timeline", { key: timeline, newestFirst: true }),
      audit: () => storage.events("audit", { key: audit, byTime: {} }),
    };
    for (const [what, read] of Object.entries(reads)) {
      expect(await read(), what).toHaveLength(1);
      expect(await quickest(read), what).toBeLessThan(everything / 25);
    }
  });
});
