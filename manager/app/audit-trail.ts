import { AuditVerifier, type ChainHead } from "../audit/audit-verifier.ts";
import { partitionCount } from "../domain/partition.ts";
import type { EventChange, EventTime, Storage, StoredEvent } from "../ports/storage.ts";
import type { Audit, AuditEntry, Audited, AuditPage, AuditQuery, AuditVerdict } from "./api/audit.ts";
import { type AuditValue, auditValue } from "./audit-value.ts";
import type { AuditWitness } from "./audit-witness.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface AuditTrailOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly witness: AuditWitness;
}

const maxPage = 1000;

/** The one way into the audit, and out of it. */
export class AuditTrail implements Audit {
  readonly #options: AuditTrailOptions;

  constructor(options: AuditTrailOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    if (!(await this.#options.witness.load())) return;
    // Whoever removed the copy can't remove this without removing entries.
    const actor = { kind: "manager", id: "start" } as const;
    await this.record({
      what: "audit-copy-missed",
      actor,
      subject: "audit",
      after: { copy: this.#options.witness.state },
    });
  }

  /** The change that records an entry, for the commit that does what it tells of: both are in storage, or neither. */
  change(entry: Audited, onlyWith?: number): EventChange {
    this.#options.witness.appended();
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
    await this.#options.writer.commit(entry.subject, [this.change(entry)]);
  }

  async list({ subject, before, limit = 100 }: AuditQuery = {}): Promise<AuditPage | undefined> {
    const place = before === undefined ? undefined : placeOf(before);
    if (before !== undefined && place === undefined) return undefined;
    const count = Math.min(limit, maxPage);
    const range = { byTime: { before: place }, limit: count, ...(subject !== undefined && { key: subject }) };
    const entries = (await this.#options.storage.events("audit", range)).map(entryOf);
    const last = entries.at(-1);
    if (entries.length < count || last === undefined) return { entries };
    return { entries, next: `${last.wallMs}.${last.partition}.${last.sequence}` };
  }

  async verify(): Promise<AuditVerdict> {
    const { storage, witness } = this.#options;
    // Heads first: what is appended meanwhile goes beyond them, which is no contradiction.
    const heads = [...(await storage.auditHeads()), ...(await witness.heads())];
    const problems = [];
    let entries = 0;
    for (let partition = 0; partition < partitionCount; partition++) {
      const verifier = new AuditVerifier(partition, heads);
      for await (const { position, wallMs, key, value, hash = "" } of this.#eventsOf(partition)) {
        verifier.add({ ...position, wallMs, key, text: JSON.stringify(value), hash });
      }
      problems.push(...verifier.end());
      entries += verifier.entries;
    }
    const copy = witness.state;
    return { isWhole: problems.length === 0 && copy !== "unreadable", entries, problems, copy };
  }

  async *export(): AsyncGenerator<AuditEntry> {
    for (let partition = 0; partition < partitionCount; partition++) {
      for await (const event of this.#eventsOf(partition)) yield entryOf(event);
    }
  }

  heads(): Promise<readonly ChainHead[]> {
    return this.#options.storage.auditHeads();
  }

  async *#eventsOf(partition: number): AsyncGenerator<StoredEvent> {
    for (let afterSequence = Number.MIN_SAFE_INTEGER; ; ) {
      const page = await this.#options.storage.events("audit", { partition, afterSequence });
      yield* page;
      const last = page.at(-1);
      if (last === undefined || page.length < maxPage) return;
      afterSequence = last.position.sequence;
    }
  }
}

function entryOf({ position, wallMs, key, value, hash = "" }: StoredEvent): AuditEntry {
  return { ...position, wallMs, subject: key, entry: value as AuditValue, hash };
}

function placeOf(cursor: string): EventTime | undefined {
  const [wallMs, partition, sequence, ...more] = cursor
    .split(".")
    .map((each) => (/^\d{1,15}$/.test(each) ? Number(each) : NaN));
  if (wallMs === undefined || partition === undefined || sequence === undefined || more.length > 0) return undefined;
  const place = { wallMs, partition, sequence };
  return Object.values(place).every(Number.isSafeInteger) ? place : undefined;
}
