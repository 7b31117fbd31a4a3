import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { ArtifactFiles } from "../../manager/adapters/storage/artifact-files.ts";
import { AtomicFile } from "../../manager/adapters/storage/atomic-file.ts";
import { SqliteStorage } from "../../manager/adapters/storage/sqlite-storage.ts";
import type { Change } from "../../manager/ports/storage.ts";
import { until } from "../contract/storage-subjects.ts";

const lease = { partition: 0, epoch: 1 };
const put = (key: string, value: unknown): Change => ({
  kind: "put",
  table: "node",
  key,
  expectedRevision: "any",
  value,
});

/** A disk of its own needs a mount, which needs root on Linux. The page limit in the contract tests stands in elsewhere. */
const canMount = tryMount();

describe.skipIf(!canMount)("on a disk that is full (a tmpfs; needs root)", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "cx-full-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]);
  });
  afterEach(() => {
    execFileSync("umount", [folder]);
    rmSync(folder, { recursive: true });
  });

  it("a commit is refused whole, what was receipted stays, and it goes on when there is room", async () => {
    const clock = new VirtualClock();
    const file = join(folder, "registry.db");
    const storage = new SqliteStorage({ file, clock });
    await until(clock, storage.commit([put("before", 1)], lease));
    writeFileSync(join(folder, "ballast"), new Uint8Array(300_000));
    const big = Array.from({ length: 100 }, (_, n) => put(`big${n}`, "x".repeat(4000)));
    await expect(until(clock, storage.commit(big, lease))).rejects.toMatchObject({ code: "storage.disk-full" });
    expect((await storage.list("node")).map(({ key }) => key)).toEqual(["before"]);
    rmSync(join(folder, "ballast"));
    await until(clock, storage.commit([put("after", 2)], lease));
    await storage.close();
    const next = new SqliteStorage({ file, clock });
    expect((await next.list("node")).map(({ key }) => key)).toEqual(["after", "before"]);
    await next.close();
  });

  it("an upload is refused, and leaves its space free", async () => {
    const store = new ArtifactFiles({ folder, clock: new VirtualClock(), entropy: seededEntropy(1) });
    async function* upload(size: number): AsyncGenerator<Uint8Array> {
      for (let sent = 0; sent < size; sent += 65_536) yield new Uint8Array(65_536);
    }
    await expect(store.store(upload(2_000_000))).rejects.toMatchObject({ code: "artifacts.disk-full" });
    expect(readdirSync(folder)).toEqual([]);
    expect((await store.store(upload(200_000))).size).toBe(262_144);
  });

  it("a snapshot that doesn't fit leaves the old one", async () => {
    const file = new AtomicFile({ file: join(folder, "last-seen") });
    await file.write(new Uint8Array([1, 2, 3]));
    await expect(file.write(new Uint8Array(1_000_000))).rejects.toMatchObject({ code: "ENOSPC" });
    expect([...((await file.read()) ?? [])]).toEqual([1, 2, 3]);
    expect(readdirSync(folder)).toEqual(["last-seen"]);
  });
});

function tryMount(): boolean {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const probe = mkdtempSync(join(tmpdir(), "cx-mount-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(probe, { recursive: true });
  }
}
