import type { Clock } from "../../kernel/clock.ts";
import { type CredentialRecord, credentialKey } from "../domain/node-credential.ts";
import { sequenceEnd, sequenceFloor } from "../domain/sequence-floor.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface SenderSequencesOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly clock: Clock;
}

const table = "sender-sequence";
const credentialTable = "node-credential";

/**
 * Hands out blocks of sender sequence numbers, each written before the first of it is used: a manager that was killed begins with the next
 * block, so no number is used twice with one key, also when an older copy of the database took its place in between.
 */
export class SenderSequences {
  readonly #options: SenderSequencesOptions;
  /** By kid: up to where numbers are taken. Only of contexts that sent something since the start. */
  readonly #bounds = new Map<number, number>();
  leases = 0;

  constructor(options: SenderSequencesOptions) {
    this.#options = options;
  }

  /** `isFresh`: the keys were issued in this process. */
  lease(node: string, kid: number, count: number, isFresh: boolean): Promise<number | undefined> {
    const { serial, writer } = this.#options;
    return serial.run(`sequence/${kid}`, async () => {
      const key = credentialKey(node, kid);
      const first = this.#bounds.get(kid) ?? (await this.#firstOf(key, isFresh));
      if (first + count > sequenceEnd) return undefined;
      await writer.commit(node, [{ kind: "put", table, key, expectedRevision: "any", value: first + count }]);
      this.#bounds.set(kid, first + count);
      this.leases++;
      return first;
    });
  }

  async #firstOf(key: string, isFresh: boolean): Promise<number> {
    const { storage, clock } = this.#options;
    const stored = ((await storage.get(table, key))?.value ?? 0) as number;
    const credential = isFresh ? undefined : (await storage.get(credentialTable, key))?.value;
    if (credential === undefined) return stored;
    return Math.max(stored, sequenceFloor((credential as CredentialRecord).issuedAtMs, clock.wallMs()));
  }

  /** For the commit that revokes the credential. */
  removal(node: string, kid: number): readonly Change[] {
    return [{ kind: "delete", table, key: credentialKey(node, kid), expectedRevision: "any" }];
  }

  forget(kid: number): void {
    this.#bounds.delete(kid);
  }
}
