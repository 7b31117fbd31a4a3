import { toHex } from "../../schemas/wire/hex.ts";
import { stripText } from "../../schemas/wire/suit/strip-text.ts";
import { equalBytes } from "../../schemas/wire/suit/suit-parts.ts";
import type { VerifiedManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import type { SignedUpdate } from "../domain/update-record.ts";
import type { Change, Storage } from "../ports/storage.ts";
import { fromBase64, toBase64 } from "./base64.ts";

const table = "envelope";

/** The signed envelopes of updates as they were uploaded, each in a row of its own. */
export class UpdateEnvelopes {
  readonly #storage: Pick<Storage, "get">;

  constructor(storage: Pick<Storage, "get">) {
    this.#storage = storage;
  }

  async read(update: string): Promise<Uint8Array | undefined> {
    const row = await this.#storage.get(table, update);
    return row && fromBase64((row.value as { envelope: string }).envelope);
  }

  /** As nodes are sent it; only of one that was checked, since it is taken apart. */
  async forNodes(update: string): Promise<Uint8Array | undefined> {
    const envelope = await this.read(update);
    return envelope && stripText(envelope);
  }

  async has(update: string, envelope: Uint8Array): Promise<boolean> {
    const stored = await this.read(update);
    return stored !== undefined && equalBytes(stored, envelope);
  }

  /** For the commit of the update's record, which is that commit's first change. */
  change(update: string, envelope: Uint8Array): Change {
    const value = { envelope: toBase64(envelope) };
    return { kind: "put", table, key: update, expectedRevision: "any", value, onlyWith: 0 };
  }
}

/** What the update's record holds of its envelope. */
export function signedUpdate({ manifest, signer }: VerifiedManifest): SignedUpdate {
  const { kind, sequence, variants } = manifest;
  const payloads = variants.map((each) => ({ kind: each.kind, digest: each.digest, size: each.size }));
  return { kind, sequence, keyId: toHex(signer.keyId), payloads };
}
