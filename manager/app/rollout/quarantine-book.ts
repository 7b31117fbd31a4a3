import type { Clock } from "../../../kernel/clock.ts";
import { isQuarantined, lifted, type QuarantineRecord, rolledBack } from "../../domain/rollout/quarantine.ts";
import type { Storage } from "../../ports/storage.ts";
import type { Actor } from "../api/registry.ts";
import type { AuditTrail } from "../audit-trail.ts";
import type { KeyedSerial } from "../keyed-serial.ts";
import type { StorageWriter } from "../storage-writer.ts";

export interface QuarantineBookOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  /** Nodes that must have rolled an image back. */
  readonly limits: { readonly quarantineAfter: number };
}

const table = "quarantine";

/** Images that rolled back on too many nodes of a model. */
export class QuarantineBook {
  readonly #options: QuarantineBookOptions;
  readonly #records = new Map<string, { readonly record: QuarantineRecord; readonly revision: number }>();

  constructor(options: QuarantineBookOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, revision, value } of page)
        this.#records.set(key, { record: value as QuarantineRecord, revision });
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  has(model: string, digest: string): boolean {
    if (this.#records.size === 0) return false;
    const known = this.#records.get(keyOf(model, digest));
    return known !== undefined && isQuarantined(known.record);
  }

  /** Those that are quarantined, newest first. */
  list(): readonly QuarantineRecord[] {
    return [...this.#records.values()]
      .map(({ record }) => record)
      .filter(isQuarantined)
      .sort((a, b) => (b.sinceMs ?? 0) - (a.sinceMs ?? 0));
  }

  /** The image rolled back on a node, in an attempt that ended then. True: with that it is quarantined. */
  async count(
    model: string,
    digest: string,
    node: string,
    reason: string | undefined,
    endedAtMs: number,
  ): Promise<boolean> {
    const { clock, audit, limits } = this.#options;
    return await this.#change(model, digest, (record) => {
      // Nodes tell of their last roll-back at each registration: what was before somebody lifted the quarantine was judged by then.
      if (endedAtMs <= (record.lifted?.atMs ?? Number.NEGATIVE_INFINITY))
        return { next: record, also: [], result: false };
      const next = rolledBack(record, node, reason, clock.wallMs(), limits.quarantineAfter);
      const actor = { kind: "manager", id: "quarantine" } as const;
      const isNew = isQuarantined(next) && !isQuarantined(record);
      const subject = `quarantine/${digest}`;
      const entry = audit.change.bind(audit, {
        what: "quarantined",
        actor,
        subject,
        after: { model, nodes: next.nodes },
      });
      return { next, also: isNew ? [entry(0)] : [], result: isNew };
    });
  }

  async lift(model: string, digest: string, by: Actor): Promise<"lifted" | "not-quarantined"> {
    const { clock, audit } = this.#options;
    if (!this.has(model, digest)) return "not-quarantined";
    return await this.#change(model, digest, (record) => {
      const next = lifted(record, by.id, clock.wallMs());
      const subject = `quarantine/${digest}`;
      const before = { model, nodes: record.nodes };
      return {
        next,
        also: [audit.change({ what: "quarantine-lifted", actor: by, subject, before }, 0)],
        result: "lifted",
      };
    });
  }

  #change<Result>(
    model: string,
    digest: string,
    work: (record: QuarantineRecord) => {
      readonly next: QuarantineRecord;
      readonly also: readonly ReturnType<AuditTrail["change"]>[];
      readonly result: Result;
    },
  ): Promise<Result> {
    const { serial, writer } = this.#options;
    const key = keyOf(model, digest);
    return serial.run(`quarantine/${key}`, async () => {
      const known = this.#records.get(key);
      const record = known?.record ?? { model, digest, nodes: [] };
      const { next, also, result } = work(record);
      if (next === record) return result;
      const expectedRevision = known?.revision ?? 0;
      const [written] = await writer.commit(digest, [
        { kind: "put", table, key, expectedRevision, value: next },
        ...also,
      ]);
      if (written?.kind !== "written") throw new Error(`Another process wrote the quarantine of ${digest}.`);
      this.#records.set(key, { record: next, revision: written.revision });
      return result;
    });
  }
}

function keyOf(model: string, digest: string): string {
  return `${model}/${digest}`;
}
