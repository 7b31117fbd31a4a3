import type { EventChange } from "../ports/storage.ts";
import type { Audit, Audited } from "./api/audit.ts";
import { auditValue } from "./audit-value.ts";
import type { StorageWriter } from "./storage-writer.ts";

/** The one way into the audit. */
export class AuditTrail implements Audit {
  readonly #writer: StorageWriter;

  constructor({ writer }: { readonly writer: StorageWriter }) {
    this.#writer = writer;
  }

  /** The change that records an entry, for the commit that does what it tells of: both are in storage, or neither. */
  change(entry: Audited, onlyWith?: number): EventChange {
    const value = auditValue(entry);
    return {
      kind: "event",
      stream: "audit",
      key: entry.subject,
      value,
      ...(onlyWith !== undefined && { onlyWith }),
    };
  }

  async record(entry: Audited): Promise<void> {
    await this.#writer.commit(entry.subject, [this.change(entry)]);
  }
}
