import { credentialKey } from "../domain/node-credential.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface SenderSequencesOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
}

const table = "sender-sequence";
/** RFC 8613 section 7.2.1: a sequence number has 40 bits. */
const end = 2 ** 40;

/**
 * Hands out blocks of sender sequence numbers, each written before the first of it is used: a manager that was killed begins with the next
 * block, so no number is used twice with one key.
 */
export class SenderSequences {
  readonly #options: SenderSequencesOptions;
  /** By kid: up to where numbers are taken. Only of contexts that sent something since the start. */
  readonly #bounds = new Map<number, number>();
  leases = 0;

  constructor(options: SenderSequencesOptions) {
    this.#options = options;
  }

  lease(node: string, kid: number, count: number): Promise<number | undefined> {
    const { serial, storage, writer } = this.#options;
    return serial.run(`sequence/${kid}`, async () => {
      const key = credentialKey(node, kid);
      const stored = this.#bounds.get(kid) ?? (await storage.get(table, key))?.value ?? 0;
      const first = stored as number;
      if (first + count > end) return undefined;
      await writer.commit(node, [{ kind: "put", table, key, expectedRevision: "any", value: first + count }]);
      this.#bounds.set(kid, first + count);
      this.leases++;
      return first;
    });
  }

  /** For the commit that revokes the credential. */
  removal(node: string, kid: number): readonly Change[] {
    return [{ kind: "delete", table, key: credentialKey(node, kid), expectedRevision: "any" }];
  }

  forget(kid: number): void {
    this.#bounds.delete(kid);
  }
}
