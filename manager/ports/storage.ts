/**
 * Durable state of the manager, written in one way: `commit(changes)`, where a change is data, never a callback. The same
 * contract suite (`test/contract/storage.test.ts`) runs on every implementation.
 *
 * - Receipts come in the order of the `commit` calls, and a receipt means that the changes survive a power cut.
 * - A failed expectation refuses that change alone (and those that name it in `onlyWith`); the rest of the commit is applied.
 * - A commit that rejects has applied nothing.
 * - Every commit carries a lease `{partition, epoch}`; an epoch older than the newest one seen for that partition rejects
 *   the whole commit with the Fault `storage.stale-epoch`: this process lost the partition and must stop writing.
 * - Reads see what was receipted, not what is in flight.
 * - Events of the stream `audit` are chained within their partition: each has the hash over itself and the one before
 *   (`manager/audit/audit-chain.ts`), made in the same transaction that gives it its sequence.
 */
export interface Storage {
  commit(changes: readonly Change[], lease: Lease): Promise<Receipt>;
  /**
   * Takes partitions over: each gets an epoch above every earlier one, durable when this resolves. What an earlier owner
   * still sends is refused from then on.
   */
  claim(partitions: readonly number[]): Promise<readonly Lease[]>;
  get(table: string, key: string): Promise<StoredRow | undefined>;
  /** Rows of one table in key order (by code unit). */
  list(table: string, range?: KeyRange): Promise<readonly StoredRow[]>;
  /** Events of one stream, oldest first unless `newestFirst`. */
  events(stream: EventStream, range: EventRange): Promise<readonly StoredEvent[]>;
  /** The newest audit event of each partition that has any, as it was written down when it was appended. */
  auditHeads(): Promise<readonly AuditHead[]>;
  /** Forgets events beyond the newest `keep` of one key; only for `timeline`, `audit` is never cut. */
  trimTimeline(key: string, keep: number): Promise<void>;
  close(): Promise<void>;
}

/** Plain data that survives JSON: no undefined inside arrays, no bytes, no Date. It is copied at the `commit` call. */
export type StoredValue = unknown;

export type Change = PutChange | DeleteChange | EventChange;

interface ChangeBase {
  /** Index of an earlier change of the same commit: this one is applied only if that one was. */
  readonly onlyWith?: number;
}

export interface PutChange extends ChangeBase {
  readonly kind: "put";
  readonly table: string;
  readonly key: string;
  /** The revision the row must have now; 0 = it must not exist; "any" = whatever it has. */
  readonly expectedRevision: number | "any";
  readonly value: StoredValue;
}

export interface DeleteChange extends ChangeBase {
  readonly kind: "delete";
  readonly table: string;
  readonly key: string;
  readonly expectedRevision: number | "any";
}

export interface EventChange extends ChangeBase {
  readonly kind: "event";
  readonly stream: EventStream;
  /** What the event is about: a node id, or "" for the manager itself. */
  readonly key: string;
  readonly value: StoredValue;
}

export type EventStream = "audit" | "timeline";

/** A share of all nodes, owned by one process at a time. */
export interface Lease {
  readonly partition: number;
  readonly epoch: number;
}

export interface Receipt {
  /** One result per change, in the order of the changes. */
  readonly results: readonly ChangeResult[];
}

export type ChangeResult =
  /** The row's revision after the change; revisions of a key only grow, across deletes too. */
  | { readonly kind: "written"; readonly revision: number }
  | { readonly kind: "deleted" }
  | { readonly kind: "recorded"; readonly position: EventPosition }
  /** The expectation failed; `revision` is what the row has now (0 = absent). */
  | { readonly kind: "conflict"; readonly revision: number }
  /** The change named in `onlyWith` was not applied. */
  | { readonly kind: "skipped" };

export interface EventPosition {
  readonly partition: number;
  readonly sequence: number;
}

export interface StoredRow {
  readonly key: string;
  readonly revision: number;
  readonly value: StoredValue;
}

export interface StoredEvent {
  readonly position: EventPosition;
  readonly key: string;
  readonly wallMs: number;
  readonly value: StoredValue;
  /** Of the stream `audit`: 64 hexadecimal digits. */
  readonly hash?: string;
}

export interface AuditHead extends EventPosition {
  readonly hash: string;
}

export interface KeyRange {
  readonly prefix?: string;
  /** Keys strictly after this one. */
  readonly after?: string;
  /** At most this many rows; default and maximum 1000. */
  readonly limit?: number;
}

export interface EventRange {
  readonly partition?: number;
  readonly key?: string;
  readonly afterSequence?: number;
  readonly newestFirst?: boolean;
  /** The newest of all partitions by their time, those before `before` (undefined: from the newest on). Not with `afterSequence`. */
  readonly byTime?: { readonly before?: EventTime | undefined };
  /** Default and maximum 1000. */
  readonly limit?: number;
}

/** A place in the order of time; the position decides between events of the same millisecond. */
export interface EventTime extends EventPosition {
  readonly wallMs: number;
}
