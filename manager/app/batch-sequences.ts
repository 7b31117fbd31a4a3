import type { Clock } from "../../kernel/clock.ts";
import { type BatchRecord, batchDevice, batchNodeId, parseBatchDevice } from "../domain/batch.ts";
import { enrolmentName, parseEnrolmentName } from "../domain/enrolment.ts";
import { sequenceEnd, sequenceFloor } from "../domain/sequence-floor.ts";
import type { Storage, StoredRow } from "../ports/storage.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { RefusedEnrolments } from "./refused-enrolments.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface BatchSequencesOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly clock: Clock;
  readonly refused: RefusedEnrolments;
  readonly limits: { readonly batchStrangers: number };
}

const table = "sender-sequence";
const rowsPerCommit = 500;

/**
 * Sender sequence numbers of the contexts of batches' devices, written before the first of them is used. Who has the key of a batch has as many hardware
 * ids as he likes: each row is for a batch's devices and some more.
 */
export class BatchSequences {
  readonly #options: BatchSequencesOptions;
  /** Rows by batch, with those that are being written. */
  readonly #rows = new Map<string, number>();

  constructor(options: BatchSequencesOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for await (const { key } of this.#stored("")) {
      const device = parseBatchDevice(parseEnrolmentName(key) ?? "");
      if (device !== undefined) this.#count(device.batch, 1);
    }
  }

  has(batch: string): boolean {
    return this.#rows.has(batch);
  }

  /** The first of `count` numbers that no other call got. Undefined: `recordOf` says that the batch has no key, or there is no room. */
  lease(
    batch: string,
    hardware: string,
    count: number,
    recordOf: () => BatchRecord | undefined,
  ): Promise<number | undefined> {
    const { serial, storage, writer, clock, refused, limits } = this.#options;
    const key = enrolmentName(batchDevice(batch, hardware));
    return serial.run(`sequence/${key}`, async () => {
      const stored = (await storage.get(table, key))?.value as number | undefined;
      const record = recordOf();
      if (record?.sealed === undefined) return undefined;
      const first = Math.max(stored ?? 0, sequenceFloor(record.createdAtMs, clock.wallMs()));
      if (first + count > sequenceEnd) return undefined;
      const isNew = stored === undefined;
      if (isNew && (this.#rows.get(batch) ?? 0) >= record.limit + limits.batchStrangers) {
        refused.tooManyNames({ batch, hardware, node: batchNodeId(record.model, hardware) });
        return undefined;
      }
      if (isNew) this.#count(batch, 1);
      try {
        await writer.commit(batch, [{ kind: "put", table, key, expectedRevision: "any", value: first + count }]);
      } catch (error) {
        if (isNew) this.#count(batch, -1);
        throw error;
      }
      return first;
    });
  }

  /** The batch has no key any more: nothing is sent under its numbers. A commit is bounded, however many there are. */
  async clear(batch: string): Promise<void> {
    const rows: StoredRow[] = [];
    for await (const row of this.#stored(`${batch}/`)) rows.push(row);
    for (let at = 0; at < rows.length; at += rowsPerCommit) {
      const part = rows.slice(at, at + rowsPerCommit);
      await this.#options.writer.commit(
        batch,
        part.map(({ key }) => ({ kind: "delete", table, key, expectedRevision: "any" })),
      );
    }
    this.#rows.delete(batch);
  }

  #count(batch: string, by: number): void {
    const rows = (this.#rows.get(batch) ?? 0) + by;
    if (rows > 0) this.#rows.set(batch, rows);
    else this.#rows.delete(batch);
  }

  async *#stored(idPrefix: string): AsyncGenerator<StoredRow> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { prefix: enrolmentName(idPrefix), after });
      yield* page;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }
}
