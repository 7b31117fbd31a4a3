import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { TelemetryPoint, TelemetryQuery, TelemetryStore } from "../../ports/telemetry-store.ts";
import { openSqliteFile, sqliteFault } from "./sqlite-file.ts";
import { storageFaults } from "./storage-faults.ts";

const applicationId = 0x43585748;

/** Released migrations are never edited; add one at the end. */
const migrations = [
  `CREATE TABLE series (
     id INTEGER PRIMARY KEY, node TEXT NOT NULL, name TEXT NOT NULL, unit TEXT, UNIQUE (node, name)) STRICT;
   CREATE TABLE point (
     id INTEGER PRIMARY KEY, series INTEGER NOT NULL, time_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL,
     value ANY NOT NULL) STRICT;
   CREATE INDEX point_of_series ON point (series, received_ms);
   CREATE INDEX point_by_age ON point (received_ms)`,
];

const maxRows = 1000;
const maxKnownSeries = 50_000;

/**
 * Telemetry in its own SQLite file, raw points only. It writes on the caller's thread; the history worker with roll-ups comes
 * later behind the same port.
 */
export class SqliteTelemetry implements TelemetryStore {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #putSeries: StatementSync;
  readonly #seriesIds = new Map<string, { id: number; unit: string | undefined }>();
  #isClosed: boolean = false;

  constructor({ file }: { file: string }) {
    this.#file = file;
    this.#database = openSqliteFile({ file, applicationId, migrations });
    this.#insert = this.#database.prepare(
      "INSERT INTO point (series, time_ms, received_ms, value) VALUES (?, ?, ?, ?)",
    );
    this.#putSeries = this.#database.prepare(
      `INSERT INTO series (node, name, unit) VALUES (?, ?, ?)
       ON CONFLICT (node, name) DO UPDATE SET unit = coalesce(excluded.unit, unit) RETURNING id`,
    );
  }

  async append(points: readonly TelemetryPoint[]): Promise<void> {
    this.#use(() => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        for (const point of points) {
          const { value } = point;
          const stored = typeof value === "boolean" ? `${value}` : typeof value === "string" ? `'${value}` : value;
          this.#insert.run(this.#seriesOf(point), Math.round(point.timeMs), Math.round(point.receivedMs), stored);
        }
        this.#database.exec("COMMIT");
      } catch (error) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        // Series made in this transaction are gone with it.
        this.#seriesIds.clear();
        throw error;
      }
    });
  }

  async query({
    node,
    series,
    fromMs = 0,
    toMs = Number.MAX_SAFE_INTEGER,
    limit = maxRows,
  }: TelemetryQuery): Promise<readonly TelemetryPoint[]> {
    return this.#use(() =>
      this.#database
        .prepare(
          `SELECT name, unit, time_ms, received_ms, value FROM point JOIN series ON series.id = point.series
           WHERE node = ? AND (? IS NULL OR name = ?) AND received_ms >= ? AND received_ms <= ?
           ORDER BY received_ms DESC, point.id DESC LIMIT ?`,
        )
        .all(node, series ?? null, series ?? null, fromMs, toMs, Math.min(limit, maxRows))
        .map((row) => asPoint(node, row)),
    );
  }

  async latest(node: string): Promise<readonly TelemetryPoint[]> {
    return this.#use(() =>
      this.#database
        .prepare(
          `SELECT name, unit, time_ms, received_ms, value FROM series JOIN point ON point.id =
             (SELECT id FROM point WHERE series = series.id ORDER BY received_ms DESC, id DESC LIMIT 1)
           WHERE node = ? ORDER BY name LIMIT ?`,
        )
        .all(node, maxRows)
        .map((row) => asPoint(node, row)),
    );
  }

  async count(): Promise<number> {
    return this.#use(() => Number(this.#database.prepare("SELECT count(*) AS n FROM point").get()?.["n"]));
  }

  async prune(beforeWallMs: number, keep: number): Promise<number> {
    return this.#use(() => {
      const old = this.#database.prepare("DELETE FROM point WHERE received_ms < ?").run(Math.floor(beforeWallMs));
      const excess = this.#database
        .prepare("DELETE FROM point WHERE id <= (SELECT id FROM point ORDER BY id DESC LIMIT 1 OFFSET ?)")
        .run(keep);
      return Number(old.changes) + Number(excess.changes);
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.close();
  }

  #seriesOf({ node, series, unit }: TelemetryPoint): number {
    const key = `${node}/${series}`;
    const known = this.#seriesIds.get(key);
    if (known !== undefined && known.unit === unit) return known.id;
    const id = Number(this.#putSeries.get(node, series, unit ?? null)?.["id"]);
    if (this.#seriesIds.size >= maxKnownSeries) this.#seriesIds.clear();
    this.#seriesIds.set(key, { id, unit });
    return id;
  }

  #use<Result>(work: () => Result): Result {
    if (this.#isClosed) throw storageFaults("storage.closed", {});
    try {
      return work();
    } catch (error) {
      throw sqliteFault(error, this.#file, "use");
    }
  }
}

/** Numbers are stored as such; text behind an apostrophe, so that the texts "true" and "false" are the two booleans. */
function asPoint(node: string, row: Readonly<Record<string, unknown>>): TelemetryPoint {
  const { name, unit, time_ms: timeMs, received_ms: receivedMs, value } = row;
  return {
    node,
    series: String(name),
    ...(typeof unit === "string" && { unit }),
    timeMs: Number(timeMs),
    receivedMs: Number(receivedMs),
    value: typeof value === "string" ? (value.startsWith("'") ? value.slice(1) : value === "true") : Number(value),
  };
}
