import type { Clock } from "../../kernel/clock.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { type TrustAnchor, trustAnchor, writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { ManifestCrypto } from "../ports/manifest-crypto.ts";
import type { Storage } from "../ports/storage.ts";
import type { Actor } from "./api/registry.ts";
import type { AddAnchorOutcome, NewTrustAnchor, TrustAnchors, TrustAnchorView } from "./api/trust-anchors.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface TrustAnchorServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly crypto: ManifestCrypto;
  readonly vendor: string;
  /** Nobody trusts it any more, and it is out of `keys`. */
  removed(keyId: string): Promise<void>;
}

interface AnchorRecord {
  readonly name: string;
  readonly x: string;
  readonly y: string;
  readonly addedAtMs: number;
  readonly addedBy: string;
}

const table = "trust-anchor";

export class TrustAnchorService implements TrustAnchors {
  readonly vendor: string;
  readonly #options: TrustAnchorServiceOptions;
  readonly #anchors = new Map<string, { readonly anchor: TrustAnchor; readonly record: AnchorRecord }>();

  constructor(options: TrustAnchorServiceOptions) {
    this.#options = options;
    this.vendor = options.vendor;
  }

  async load(): Promise<void> {
    const rows = await this.#options.storage.list(table, { after: "" });
    for (const { key, value } of rows) this.#keep(key, value as AnchorRecord);
  }

  list(): readonly TrustAnchorView[] {
    return [...this.#anchors].map(([keyId, { record }]) => view(keyId, record));
  }

  add({ name, x, y }: NewTrustAnchor, by: Actor): Promise<AddAnchorOutcome> {
    const { serial, writer, audit, clock, crypto } = this.#options;
    return serial.run(table, async () => {
      const anchor = trustAnchor(x, y, crypto);
      if (!crypto.isKey(anchor)) return { kind: "bad-key" };
      const keyId = toHex(anchor.keyId);
      const known = this.#anchors.get(keyId);
      if (known !== undefined) return { kind: "known", anchor: view(keyId, known.record) };
      if (this.#anchors.size >= suitLimits.anchorsMax) return { kind: "full" };
      const record = { name, x: toBase64(x), y: toBase64(y), addedAtMs: clock.wallMs(), addedBy: by.id };
      await writer.commit(keyId, [
        { kind: "put", table, key: keyId, expectedRevision: 0, value: record },
        audit.change({ what: "anchor-added", actor: by, subject: subjectOf(keyId), after: { keyId, name } }, 0),
      ]);
      this.#keep(keyId, record);
      return { kind: "added", anchor: view(keyId, record) };
    });
  }

  remove(keyId: string, by: Actor): Promise<"removed" | "unknown"> {
    const { serial, writer, audit } = this.#options;
    return serial.run(table, async () => {
      const known = this.#anchors.get(keyId);
      if (known === undefined) return "unknown";
      const { name } = known.record;
      await writer.commit(keyId, [
        { kind: "delete", table, key: keyId, expectedRevision: "any" },
        audit.change({ what: "anchor-removed", actor: by, subject: subjectOf(keyId), before: { keyId, name } }, 0),
      ]);
      this.#anchors.delete(keyId);
      await this.#options.removed(keyId);
      return "removed";
    });
  }

  keys(): readonly TrustAnchor[] {
    return [...this.#anchors.values()].map(({ anchor }) => anchor);
  }

  keySet(): Uint8Array | undefined {
    return this.#anchors.size === 0 ? undefined : writeKeySet(this.keys());
  }

  #keep(keyId: string, record: AnchorRecord): void {
    const anchor = trustAnchor(fromBase64(record.x), fromBase64(record.y), this.#options.crypto);
    this.#anchors.set(keyId, { anchor, record });
  }
}

function view(keyId: string, { name, addedAtMs, addedBy }: AnchorRecord): TrustAnchorView {
  return { keyId, name, addedAtMs, addedBy };
}

function subjectOf(keyId: string): string {
  return `anchor/${keyId}`;
}
