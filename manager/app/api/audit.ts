import type { AuditProblem, ChainHead } from "../../audit/audit-verifier.ts";
import type { AuditValue } from "../audit-value.ts";
import type { Actor } from "./registry.ts";

/** Something that was done, for the record. */
export interface Audited {
  /** What was done, in kebab-case: `node-removed`, `signed-in`. */
  readonly what: string;
  /** Who did it. `actor.from` says from where, unless `from` does. */
  readonly actor: Actor;
  readonly from?: string | undefined;
  /** What it was done to: `node/ID`, `update/ID`, `operator/NAME`, `settings`, `manager`. Printable ASCII. */
  readonly subject: string;
  /** Plain data; a property whose name says that it is a secret is recorded as `(secret)`. */
  readonly before?: unknown;
  readonly after?: unknown;
}

/** Who did what: appended, chained by hashes, never cut. */
export interface Audit {
  /** An entry of its own. Durable when it resolves; rejects when storage failed. What changes storage takes `AuditTrail.change` into its commit instead. */
  record(entry: Audited): Promise<void>;
  /** Newest first. `before` is the `next` of an earlier page; undefined when it is none. */
  list(query?: AuditQuery): Promise<AuditPage | undefined>;
  /** Reads every entry and checks the chains against what was written down of them. */
  verify(): Promise<AuditVerdict>;
  /** Every entry with its hash, by partition and sequence. */
  export(): AsyncGenerator<AuditEntry>;
  /** Heads of the chains as the database has them. */
  heads(): Promise<readonly ChainHead[]>;
}

export interface AuditQuery {
  readonly subject?: string | undefined;
  readonly before?: string | undefined;
  /** Default 100, at most 1000. */
  readonly limit?: number | undefined;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Undefined: there are no older ones. */
  readonly next?: string;
}

export interface AuditEntry {
  readonly partition: number;
  readonly sequence: number;
  readonly wallMs: number;
  readonly subject: string;
  readonly entry: AuditValue;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly isWhole: boolean;
  readonly entries: number;
  readonly problems: readonly AuditProblem[];
  /**
   * The copy of the heads beside the database, sealed with the key file: `kept`, `missing` (there is none, so a tail that was cut together with the database's
   * heads can't be found), or `unreadable` (damaged, or sealed with another key).
   */
  readonly copy: "kept" | "missing" | "unreadable";
}
