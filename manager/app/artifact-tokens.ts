import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { fromBase64Url } from "../../schemas/wire/base64url.ts";
import { equalBytes } from "../../schemas/wire/suit/suit-parts.ts";
import { isEnded } from "../domain/attempt-machine.ts";
import type { KeyDerivation } from "../ports/key-derivation.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Storage } from "../ports/storage.ts";
import type { ArtifactAccess, ArtifactVerdict } from "./api/updates.ts";
import { appTimes } from "./app-limits.ts";
import type { AttemptBook } from "./attempt-book.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface ArtifactAccessOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly box: SecretBox;
  readonly derive: KeyDerivation;
  readonly book: Pick<AttemptBook, "get">;
  /** Whether a node that does this update may fetch these bytes. */
  isOf(update: string, digest: string): boolean;
}

const table = "secret";
const row = "artifact-tokens";
const keyBytes = 32;
const expiryBytes = 4;
const macBytes = 12;
const utf8 = new TextEncoder();
const noSalt = new Uint8Array(0);

/**
 * Who may fetch an artifact by HTTP, where nodes show no credential: a link of an action has a token. It is 4 bytes of the time in seconds until which it is good
 * and 12 bytes of a MAC over that and the attempt, base64url. An attempt is one node's at one update, so the token is good for that node and for the
 * payloads of that update, and no longer than the attempt is open.
 */
export class ArtifactTokens implements ArtifactAccess {
  readonly #options: ArtifactAccessOptions;
  #key: Uint8Array | undefined;

  constructor(options: ArtifactAccessOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const stored = await this.#options.storage.get(table, row);
    if (stored === undefined) return;
    this.#key = this.#options.box.open(fromBase64((stored.value as { sealed: string }).sealed), row);
  }

  /** One key for good, made for the first link, so that links outlive a restart. A disk that is full just then costs them that. */
  #makeKey(): Uint8Array {
    const { writer, entropy, box } = this.#options;
    const key = entropy.bytes(keyBytes);
    this.#key = key;
    const value = { sealed: toBase64(box.seal(key, row)) };
    const written = writer.commit(row, [{ kind: "put", table, key: row, expectedRevision: "any", value }]);
    writer.behind("artifact-token-key", written);
    return key;
  }

  token(attempt: string): string {
    const expiry = Math.floor((this.#options.clock.wallMs() + appTimes.artifactTokenMs) / 1000);
    return toBase64(make(this.#options.derive, this.#key ?? this.#makeKey(), attempt, expiry))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
  }

  check(digest: string, attempt: string, token: string): ArtifactVerdict {
    const bytes = token.length <= 32 ? fromBase64Url(token) : undefined;
    if (bytes?.length !== expiryBytes + macBytes) return { kind: "wrong" };
    const expiry = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    // Whoever made it up learns nothing of times and attempts.
    if (this.#key === undefined) return { kind: "wrong" };
    if (!equalBytes(make(this.#options.derive, this.#key, attempt, expiry), bytes)) return { kind: "wrong" };
    if (expiry * 1000 < this.#options.clock.wallMs()) return { kind: "expired" };
    const record = this.#options.book.get(attempt)?.record;
    if (record === undefined || isEnded(record.progress.state)) return { kind: "expired" };
    const { node, update, progress } = record;
    return progress.digest === digest || this.#options.isOf(update, digest)
      ? { kind: "good", node }
      : { kind: "wrong" };
  }
}

function make(derive: KeyDerivation, key: Uint8Array, attempt: string, expiry: number): Uint8Array {
  const token = new Uint8Array(expiryBytes + macBytes);
  new DataView(token.buffer).setUint32(0, expiry);
  token.set(derive(key, noSalt, utf8.encode(`${expiry}/${attempt}`), macBytes), expiryBytes);
  return token;
}
