import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Clock, Timer } from "../../../kernel/clock.ts";
import { type ChainedEntry, chainHash, chainStart } from "../../audit/audit-chain.ts";
import type {
  AuditHead,
  Change,
  ChangeResult,
  EventRange,
  EventStream,
  KeyRange,
  Lease,
  Receipt,
  Storage,
  StoredEvent,
  StoredRow,
} from "../../ports/storage.ts";
import { type PreparedChange, prepareChanges } from "./prepared-change.ts";
import { openSqliteFile, sqliteFault } from "./sqlite-file.ts";
import { storageFaults } from "./storage-faults.ts";

export interface SqliteStorageOptions {
  readonly file: string;
  readonly clock: Clock;
  /** A group is written this long after its first commit... */
  readonly groupDelayMs?: number;
  /** ...or as soon as it holds this many changes. */
  readonly groupChanges?: number;
}

const applicationId = 0x43585731;

/** Released migrations are never edited; add one at the end. */
const migrations = [
  `CREATE TABLE entry (
     "table" TEXT NOT NULL, key TEXT NOT NULL, revision INTEGER NOT NULL, value TEXT NOT NULL,
     PRIMARY KEY ("table", key)) WITHOUT ROWID, STRICT;
   CREATE TABLE event (
     stream TEXT NOT NULL, partition INTEGER NOT NULL, sequence INTEGER NOT NULL,
     key TEXT NOT NULL, wall_ms INTEGER NOT NULL, value TEXT NOT NULL,
     PRIMARY KEY (stream, partition, sequence)) WITHOUT ROWID, STRICT;
   CREATE INDEX event_of_key ON event (stream, key, sequence);
   CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
   CREATE TABLE epoch (partition INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT`,
  `ALTER TABLE event ADD COLUMN hash TEXT;
   CREATE TABLE audit_head (partition INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, hash TEXT NOT NULL) STRICT;
   CREATE INDEX audit_by_time ON event (wall_ms, partition, sequence) WHERE stream = 'audit'`,
];

interface Waiting {
  readonly changes: readonly PreparedChange[];
  readonly lease: Lease;
  resolve(receipt: Receipt): void;
  reject(reason: unknown): void;
}

const maxRows = 1000;

/**
 * The embedded storage: one SQLite file in WAL with `synchronous=FULL`, so what is receipted survives a power cut.
 * Commits are gathered into groups, since a sync to the disk costs the same for one change and for 256.
 */
export class SqliteStorage implements Storage {
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #clock: Clock;
  readonly #groupDelayMs: number;
  readonly #groupChanges: number;
  readonly #statements: Statements;
  readonly #epochs: Map<number, number>;
  /** Revisions come from one counter, so that a key's revision grows across deletes too. */
  #revision: number;
  /** Event sequences, by stream and partition. */
  readonly #sequences: Map<string, number>;
  /** The newest audit event of each partition. */
  #auditHeads: Map<number, AuditHead>;
  #waiting: Waiting[] = [];
  #waitingChanges = 0;
  #timer: Timer | undefined;
  #isClosed: boolean = false;

  constructor({ file, clock, groupDelayMs = 5, groupChanges = 256 }: SqliteStorageOptions) {
    this.#file = file;
    this.#clock = clock;
    this.#groupDelayMs = groupDelayMs;
    this.#groupChanges = groupChanges;
    this.#database = openSqliteFile({ file, applicationId, migrations });
    this.#statements = prepareStatements(this.#database);
    const counters = new Map(
      this.#database
        .prepare("SELECT name, value FROM counter")
        .all()
        .map((row) => [String(row["name"]), Number(row["value"])]),
    );
    this.#revision = counters.get("revision") ?? 0;
    counters.delete("revision");
    this.#sequences = counters;
    this.#epochs = new Map(
      this.#database
        .prepare("SELECT partition, epoch FROM epoch")
        .all()
        .map((row) => [Number(row["partition"]), Number(row["epoch"])]),
    );
    this.#auditHeads = new Map(
      this.#database
        .prepare("SELECT partition, sequence, hash FROM audit_head")
        .all()
        .map((row) => [
          Number(row["partition"]),
          { partition: Number(row["partition"]), sequence: Number(row["sequence"]), hash: String(row["hash"]) },
        ]),
    );
    if (this.#auditHeads.size === 0) this.#chainEarlierEvents();
  }

  commit(changes: readonly Change[], lease: Lease): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw storageFaults("storage.closed", {});
      this.#waiting.push({ changes: prepareChanges(changes), lease, resolve, reject });
      this.#waitingChanges += changes.length;
      if (this.#waitingChanges >= this.#groupChanges) this.#writeGroup();
      else this.#timer ??= this.#clock.after(this.#groupDelayMs, () => this.#writeGroup());
    });
  }

  async claim(partitions: readonly number[]): Promise<readonly Lease[]> {
    this.#writeGroup();
    const leases = partitions.map((partition) => ({ partition, epoch: (this.#epochs.get(partition) ?? 0) + 1 }));
    this.#inTransaction(() => {
      for (const { partition, epoch } of leases) this.#statements.putEpoch.run(partition, epoch);
    });
    for (const { partition, epoch } of leases) this.#epochs.set(partition, epoch);
    return leases;
  }

  async get(table: string, key: string): Promise<StoredRow | undefined> {
    const row = this.#reading(() => this.#statements.get.get(table, key));
    if (row === undefined) return undefined;
    return { key, revision: Number(row["revision"]), value: JSON.parse(String(row["value"])) };
  }

  async list(
    table: string,
    { prefix = "", after = "", limit = maxRows }: KeyRange = {},
  ): Promise<readonly StoredRow[]> {
    // One lower bound: of two the database takes the first, and reads the table from its start on. No character of a key comes before a space.
    const first = after === "" || after < prefix ? prefix : `${after} `;
    const rows = this.#reading(() =>
      this.#statements.list.all(table, first, `${prefix}\u{10ffff}`, Math.min(limit, maxRows)),
    );
    return rows.map((row) => ({
      key: String(row["key"]),
      revision: Number(row["revision"]),
      value: JSON.parse(String(row["value"])),
    }));
  }

  async events(stream: EventStream, range: EventRange): Promise<readonly StoredEvent[]> {
    const { partition, key, afterSequence = 0, newestFirst = false, byTime, limit = maxRows } = range;
    // The stream as a literal where its index by time is of use: it is a partial one.
    const where = [`stream = '${stream}'`, ...(byTime === undefined ? ["sequence > ?"] : [])];
    const values: (string | number)[] = byTime === undefined ? [afterSequence] : [];
    if (byTime?.before !== undefined) {
      where.push("(wall_ms, partition, sequence) < (?, ?, ?)");
      values.push(byTime.before.wallMs, byTime.before.partition, byTime.before.sequence);
    }
    if (partition !== undefined) {
      where.push("partition = ?");
      values.push(partition);
    }
    if (key !== undefined) {
      where.push("key = ?");
      values.push(key);
    }
    const direction = newestFirst ? "DESC" : "ASC";
    const order =
      byTime === undefined
        ? `partition ${direction}, sequence ${direction}`
        : "wall_ms DESC, partition DESC, sequence DESC";
    // Left to itself the database takes the index that has the order, and reads what happened to everybody.
    const from = key === undefined ? "event" : "event INDEXED BY event_of_key";
    const rows = this.#reading(() =>
      this.#database
        .prepare(
          `SELECT partition, sequence, key, wall_ms, value, hash FROM ${from} WHERE ${where.join(" AND ")}
           ORDER BY ${order} LIMIT ?`,
        )
        .all(...values, Math.min(limit, maxRows)),
    );
    return rows.map((row) => ({
      position: { partition: Number(row["partition"]), sequence: Number(row["sequence"]) },
      key: String(row["key"]),
      wallMs: Number(row["wall_ms"]),
      value: JSON.parse(String(row["value"])),
      ...(row["hash"] !== null && { hash: String(row["hash"]) }),
    }));
  }

  async auditHeads(): Promise<readonly AuditHead[]> {
    const rows = this.#reading(() => this.#database.prepare("SELECT partition, sequence, hash FROM audit_head").all());
    return rows.map((row) => ({
      partition: Number(row["partition"]),
      sequence: Number(row["sequence"]),
      hash: String(row["hash"]),
    }));
  }

  async trimTimeline(key: string, keep: number): Promise<void> {
    this.#reading(() => this.#statements.trim.run(key, key, keep));
  }

  /** The file may grow to this many pages of 4096 bytes; beyond, commits are refused with `storage.disk-full`. */
  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.floor(pages)}`);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#writeGroup();
    this.#isClosed = true;
    this.#database.close();
  }

  #writeGroup(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    this.#waitingChanges = 0;

    const revisionBefore = this.#revision;
    const sequencesBefore = new Map(this.#sequences);
    const headsBefore = new Map(this.#auditHeads);
    const outcomes: (Receipt | Error)[] = [];
    try {
      this.#inTransaction(() => {
        for (const { changes, lease } of group) outcomes.push(this.#apply(changes, lease));
        this.#statements.putCounter.run("revision", this.#revision);
        for (const [name, value] of this.#sequences) {
          if (sequencesBefore.get(name) !== value) this.#statements.putCounter.run(name, value);
        }
        for (const [partition, head] of this.#auditHeads) {
          if (headsBefore.get(partition) !== head) this.#putHead(head);
        }
      });
    } catch (error) {
      this.#revision = revisionBefore;
      this.#sequences.clear();
      for (const [name, value] of sequencesBefore) this.#sequences.set(name, value);
      this.#auditHeads = headsBefore;
      for (const { reject } of group) reject(error);
      return;
    }
    for (const [index, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[index];
      if (outcome instanceof Error || outcome === undefined) reject(outcome);
      else resolve(outcome);
    }
  }

  /** Inside the group's transaction. A stale epoch is this commit's own trouble, an error is the whole group's. */
  #apply(changes: readonly PreparedChange[], { partition, epoch }: Lease): Receipt | Error {
    const newest = this.#epochs.get(partition) ?? 0;
    if (epoch < newest) return storageFaults("storage.stale-epoch", { partition, epoch, newest });
    const results: ChangeResult[] = [];
    for (const change of changes) results.push(this.#applyChange(change, partition, results));
    return { results };
  }

  #applyChange(change: PreparedChange, partition: number, earlier: readonly ChangeResult[]): ChangeResult {
    if (change.onlyWith !== undefined) {
      const needed = earlier[change.onlyWith]?.kind;
      if (needed === "conflict" || needed === "skipped") return { kind: "skipped" };
    }
    if (change.kind === "event") {
      const name = `${change.stream}/${partition}`;
      const sequence = (this.#sequences.get(name) ?? 0) + 1;
      this.#sequences.set(name, sequence);
      const { stream, key, text } = change;
      const wallMs = this.#clock.wallMs();
      const hash = stream === "audit" ? this.#chain({ partition, sequence, wallMs, key, text }) : null;
      this.#statements.putEvent.run(stream, partition, sequence, key, wallMs, text, hash);
      return { kind: "recorded", position: { partition, sequence } };
    }
    const { table, key, expectedRevision } = change;
    if (expectedRevision !== "any") {
      const revision = Number(this.#statements.revision.get(table, key)?.["revision"] ?? 0);
      if (revision !== expectedRevision) return { kind: "conflict", revision };
    }
    if (change.kind === "delete") {
      this.#statements.delete.run(table, key);
      return { kind: "deleted" };
    }
    this.#revision++;
    this.#statements.put.run(table, key, this.#revision, change.text);
    return { kind: "written", revision: this.#revision };
  }

  /** The hash of the partition's next audit event, which becomes its head. */
  #chain(entry: ChainedEntry): string {
    const { partition, sequence } = entry;
    const hash = chainHash(this.#auditHeads.get(partition)?.hash ?? chainStart, entry);
    this.#auditHeads.set(partition, { partition, sequence, hash });
    return hash;
  }

  #putHead({ partition, sequence, hash }: AuditHead): void {
    this.#statements.putHead.run(partition, sequence, hash);
  }

  /** Audit events of a version that didn't chain them yet. */
  #chainEarlierEvents(): void {
    const rows = this.#database
      .prepare(
        "SELECT partition, sequence, key, wall_ms, value FROM event WHERE stream = 'audit' ORDER BY partition, sequence",
      )
      .all();
    if (rows.length === 0) return;
    const put = this.#database.prepare(
      "UPDATE event SET hash = ? WHERE stream = 'audit' AND partition = ? AND sequence = ?",
    );
    this.#inTransaction(() => {
      for (const row of rows) {
        const [partition, sequence, wallMs] = [row["partition"], row["sequence"], row["wall_ms"]].map(Number) as [
          number,
          number,
          number,
        ];
        const entry = { partition, sequence, wallMs, key: String(row["key"]), text: String(row["value"]) };
        put.run(this.#chain(entry), partition, sequence);
      }
      for (const head of this.#auditHeads.values()) this.#putHead(head);
    });
  }

  #inTransaction(work: () => void): void {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      work();
      this.#database.exec("COMMIT");
    } catch (error) {
      // A full disk rolls back by itself; anything else is left to us.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw sqliteFault(error, this.#file, "use");
    }
  }

  #reading<Result>(read: () => Result): Result {
    if (this.#isClosed) throw storageFaults("storage.closed", {});
    try {
      return read();
    } catch (error) {
      throw sqliteFault(error, this.#file, "use");
    }
  }
}

type Statements = ReturnType<typeof prepareStatements>;

function prepareStatements(
  database: DatabaseSync,
): Record<
  "get" | "revision" | "list" | "put" | "delete" | "putEvent" | "putHead" | "trim" | "putCounter" | "putEpoch",
  StatementSync
> {
  return {
    get: database.prepare(`SELECT revision, value FROM entry WHERE "table" = ? AND key = ?`),
    revision: database.prepare(`SELECT revision FROM entry WHERE "table" = ? AND key = ?`),
    list: database.prepare(
      `SELECT key, revision, value FROM entry WHERE "table" = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?`,
    ),
    put: database.prepare(
      `INSERT INTO entry ("table", key, revision, value) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET revision = excluded.revision, value = excluded.value`,
    ),
    delete: database.prepare(`DELETE FROM entry WHERE "table" = ? AND key = ?`),
    putEvent: database.prepare(
      "INSERT INTO event (stream, partition, sequence, key, wall_ms, value, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
    ),
    putHead: database.prepare(
      `INSERT INTO audit_head (partition, sequence, hash) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`,
    ),
    trim: database.prepare(
      `DELETE FROM event WHERE stream = 'timeline' AND key = ? AND sequence <= (
         SELECT sequence FROM event WHERE stream = 'timeline' AND key = ? ORDER BY sequence DESC LIMIT 1 OFFSET ?)`,
    ),
    putCounter: database.prepare(
      "INSERT INTO counter (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    ),
    putEpoch: database.prepare(
      "INSERT INTO epoch (partition, epoch) VALUES (?, ?) ON CONFLICT DO UPDATE SET epoch = excluded.epoch",
    ),
  };
}
