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
}
