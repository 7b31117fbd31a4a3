import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { SqliteStorage } from "../../manager/adapters/storage/sqlite-storage.ts";
import { TwinStorage } from "../../manager/adapters/storage/twin-storage.ts";
import type { Storage } from "../../manager/ports/storage.ts";

/** One implementation under the contract suite. */
export interface StorageSubject {
  readonly storage: Storage;
  readonly clock: VirtualClock;
  /** Closes and opens again on the same content. */
  reopen(): Promise<StorageSubject>;
  dispose(): Promise<void>;
}

export const storageSubjects: readonly { readonly name: string; make(seed: number): StorageSubject }[] = [
  { name: "SQLite", make: () => sqliteSubject(mkdtempSync(join(tmpdir(), "cx-storage-"))) },
  { name: "the late twin", make: (seed) => twinSubject(seed) },
];

function sqliteSubject(folder: string): StorageSubject {
  const clock = new VirtualClock();
  const storage = new SqliteStorage({ file: join(folder, "registry.db"), clock });
  return {
    storage,
    clock,
    async reopen() {
      await storage.close();
      return sqliteSubject(folder);
    },
    async dispose() {
      await storage.close();
      rmSync(folder, { recursive: true });
    },
  };
}

function twinSubject(seed: number, before?: TwinStorage): StorageSubject {
  const clock = new VirtualClock();
  const content = before?.content;
  const storage = new TwinStorage({ clock, entropy: seededEntropy(seed), ...(content && { content }) });
  return {
    storage,
    clock,
    async reopen() {
      await until(clock, storage.close());
      return twinSubject(seed + 1, storage);
    },
    dispose: () => until(clock, storage.close()),
  };
}

/** Lets virtual time pass until the promise is settled. */
export async function until<Result>(clock: VirtualClock, promise: Promise<Result>): Promise<Result> {
  let isSettled = false;
  const settled = promise.finally(() => {
    isSettled = true;
  });
  settled.catch(() => undefined);
  for (let passed = 0; passed < 10_000; passed++) {
    await clock.advance(passed === 0 ? 0 : 5);
    if (isSettled) return settled;
  }
  throw new Error("The promise wasn't settled within 50 virtual seconds.");
}
