import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { SqliteStorage } from "../../manager/adapters/storage/sqlite-storage.ts";
import { SqliteTelemetry } from "../../manager/adapters/storage/sqlite-telemetry.ts";
import { TwinContent, TwinStorage } from "../../manager/adapters/storage/twin-storage.ts";
import type { SnapshotFile } from "../../manager/ports/snapshot-file.ts";
import type { Storage } from "../../manager/ports/storage.ts";
import type { TelemetryPoint, TelemetryStore } from "../../manager/ports/telemetry-store.ts";

/** What one life of the manager has opened. */
export interface OpenDisk {
  readonly storage: Storage;
  readonly telemetryStore: TelemetryStore;
  readonly lastSeen: SnapshotFile;
}

/** What the manager keeps over its deaths. */
export interface SimDisk {
  open(clock: Clock): OpenDisk;
  /** The process is gone: what was receipted is there, the rest may or may not be. */
  crash(): void;
  /** At the end of the world. */
  remove(): void;
}

/** The twin: it answers late and lets others in between, on virtual time. */
export function twinDisk(entropy: Entropy): SimDisk {
  const content = new TwinContent();
  const telemetryStore = new CountingTelemetry();
  const snapshot = keptSnapshot();
  return {
    open: (clock) => ({
      storage: new TwinStorage({ clock, entropy, maxDelayMs: 5, content }),
      telemetryStore,
      lastSeen: snapshot.open(),
    }),
    crash: () => snapshot.close(),
    remove: () => undefined,
  };
}

/** The real database. A crash leaves its files as they are at that moment, its journal not yet folded in. */
export function sqliteDisk(entropy: Entropy): SimDisk {
  const shared = "/dev/shm";
  const root = mkdtempSync(join(existsSync(shared) ? shared : tmpdir(), "coxswain-sim-"));
  const snapshot = keptSnapshot();
  let life = 0;
  let folder = join(root, "0");
  mkdirSync(folder);
  let opened: readonly { close(): Promise<void> }[] = [];
  return {
    open: (clock) => {
      const storage = new SqliteStorage({ file: join(folder, "registry.db"), clock });
      const telemetryStore = new SqliteTelemetry({ file: join(folder, "history.db") });
      opened = [storage, telemetryStore];
      return { storage, telemetryStore, lastSeen: snapshot.open() };
    },
    crash: () => {
      snapshot.close();
      // Either nothing of the group that was gathering is written, or all of it without anybody having been told.
      if (entropy.fraction() < 0.5) {
        const next = join(root, `${++life}`);
        cpSync(folder, next, { recursive: true });
        folder = next;
      }
      for (const each of opened) void each.close();
      opened = [];
    },
    remove: () => {
      for (const each of opened) void each.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** The file of last-seen times; a dead process writes to it no more. */
function keptSnapshot(): { open(): SnapshotFile; close(): void } {
  let bytes: Uint8Array | undefined;
  let life = 0;
  return {
    open: () => {
      const own = ++life;
      return {
        read: () => Promise.resolve(bytes),
        write: async (written) => {
          if (own === life) bytes = written.slice();
        },
      };
    },
    close: () => {
      life++;
    },
  };
}

/** Counts, since nothing in the simulation asks for series. */
class CountingTelemetry implements TelemetryStore {
  #stored = 0;

  async append(points: readonly TelemetryPoint[]): Promise<void> {
    this.#stored += points.length;
  }

  async query(): Promise<readonly TelemetryPoint[]> {
    return [];
  }

  async latest(): Promise<readonly TelemetryPoint[]> {
    return [];
  }

  async count(): Promise<number> {
    return this.#stored;
  }

  async prune(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}
}
