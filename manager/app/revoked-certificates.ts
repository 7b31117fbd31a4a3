import type { Change, Storage } from "../ports/storage.ts";

/** What a record keeps of the certificate that was made for it. */
export interface CertificateFacts {
  /** Hexadecimal, in lower case. */
  readonly serial: string;
  readonly fingerprint: string;
  readonly validUntilMs: number;
}

interface Revoked {
  readonly atMs: number;
  readonly validUntilMs: number;
}

const table = "revoked-certificate";

/** What was revoked and isn't too old yet. It outlives the node, server or operator that it was of, since whoever reads the list doesn't know that they are gone. */
export class RevokedCertificates {
  readonly #storage: Storage;
  readonly #revoked = new Map<string, Revoked>();
  readonly #changed = new Set<() => void>();

  constructor({ storage }: { readonly storage: Storage }) {
    this.#storage = storage;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#storage.list(table, { after });
      for (const { key, value } of page) this.#revoked.set(key, value as Revoked);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  /** For the commit that revokes it; then `add`. */
  change({ serial, validUntilMs }: Omit<CertificateFacts, "fingerprint">, atMs: number): Change {
    const value: Revoked = { atMs, validUntilMs };
    return { kind: "put", table, key: serial, expectedRevision: "any", value };
  }

  add({ serial, validUntilMs }: Omit<CertificateFacts, "fingerprint">, atMs: number): void {
    this.#revoked.set(serial, { atMs, validUntilMs });
    for (const listener of this.#changed) listener();
  }

  onChange(listener: () => void): void {
    this.#changed.add(listener);
  }

  /** For the list: who is too old is refused without it. */
  list(nowMs: number): readonly { readonly serial: string; readonly atMs: number }[] {
    return [...this.#revoked].flatMap(([serial, { atMs, validUntilMs }]) =>
      validUntilMs < nowMs ? [] : [{ serial, atMs }],
    );
  }
}
