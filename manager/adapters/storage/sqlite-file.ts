import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Fault } from "../../../kernel/fault.ts";
import { storageFaults } from "./storage-faults.ts";

export interface SqliteFileOptions {
  readonly file: string;
  /** Marks the file as ours and as this kind of database (`PRAGMA application_id`). */
  readonly applicationId: number;
  /** SQL that leads from version i to i + 1; a migration once released is never edited. */
  readonly migrations: readonly string[];
  /** At most this size is checked page by page at open; above it only the header and the schema are. Default 64 MiB. */
  readonly checkUpToBytes?: number;
}

/**
 * Opens a database for one process alone: WAL, every commit synced to the disk. A missing file is created; a damaged,
 * foreign, newer or locked one is a Fault and is left as it is, never created anew.
 */
export function openSqliteFile(options: SqliteFileOptions): DatabaseSync {
  const { file, applicationId, migrations, checkUpToBytes = 67_108_864 } = options;
  if (!existsSync(file)) {
    const journal = `${file}-wal`;
    if (existsSync(journal)) throw storageFaults("storage.lost-database", { file, journal });
    createFile(file, applicationId);
  } else if (statSync(file).size === 0) {
    // We never leave an empty file behind: a new one gets its name only when it holds a schema.
    throw storageFaults("storage.corrupt", { file, reason: "it is empty" });
  }
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    // Takes the lock now rather than at the first write.
    database.exec("BEGIN IMMEDIATE; COMMIT");
    if (numberOf(database, "application_id") !== applicationId) throw storageFaults("storage.foreign-file", { file });
    if (statSync(file).size <= checkUpToBytes) checkPages(database, file);
    migrate(database, file, migrations);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteFault(error, file, "open");
  }
}

/** What an error of node:sqlite means, as a Fault; Faults pass through. */
export function sqliteFault(error: unknown, file: string, during: "open" | "use"): Fault | Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
  const reason = error.message;
  switch (code) {
    case 5:
    case 6:
      return storageFaults("storage.in-use", { file }, error);
    case 11:
    case 26:
      return storageFaults("storage.corrupt", { file, reason }, error);
    case 13:
      return storageFaults("storage.disk-full", { file }, error);
    case 8:
    case 14:
      return storageFaults("storage.cannot-open", { file, reason }, error);
    case 10:
      return during === "open"
        ? storageFaults("storage.cannot-open", { file, reason }, error)
        : storageFaults("storage.io", { file, reason }, error);
    default:
      return error;
  }
}

/** Secrets are inside, so the file is the owner's alone; SQLite gives its journal the same mode. */
function createFile(file: string, applicationId: number): void {
  const fresh = `${file}.new`;
  try {
    rmSync(fresh, { force: true });
    closeSync(openSync(fresh, "wx", 0o600));
    const database = new DatabaseSync(fresh);
    try {
      database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA application_id = ${applicationId}`);
    } finally {
      database.close();
    }
    renameSync(fresh, file);
    const folder = openSync(dirname(file), "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  } catch (error) {
    if (error instanceof Error && "errcode" in error) throw sqliteFault(error, file, "open");
    const reason = error instanceof Error ? error.message : String(error);
    throw storageFaults("storage.cannot-open", { file, reason }, error);
  }
}

function checkPages(database: DatabaseSync, file: string): void {
  const row = database.prepare("PRAGMA quick_check(1)").get();
  const verdict = row === undefined ? "no answer" : String(Object.values(row)[0]);
  if (verdict !== "ok") throw storageFaults("storage.corrupt", { file, reason: verdict });
}

function migrate(database: DatabaseSync, file: string, migrations: readonly string[]): void {
  const version = numberOf(database, "user_version");
  if (version > migrations.length) {
    throw storageFaults("storage.newer-version", { file, version, known: migrations.length });
  }
  for (let at = version; at < migrations.length; at++) {
    database.exec(`BEGIN IMMEDIATE; ${migrations[at]}; PRAGMA user_version = ${at + 1}; COMMIT`);
  }
}

function numberOf(database: DatabaseSync, pragma: string): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()?.[pragma]);
}
