import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { SecretBox } from "../../ports/secret-box.ts";
import { secretFaults } from "./secret-faults.ts";

/*
 * | key id (4) | nonce (12) | ciphertext | tag (16) |
 * AES-256-GCM; the associated data is what the secret is about. A key seals less than 2^32 secrets, so random nonces are safe.
 */
const algorithm = "aes-256-gcm";
const idBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;

export const secretKeyBytes = 32;

/** Seals with one AES-256 key. */
export class AesSecretBox implements SecretBox {
  readonly overhead = idBytes + nonceBytes + tagBytes;
  readonly #key: Uint8Array;
  readonly #keyId: Uint8Array;
  readonly #entropy: Entropy;

  constructor({ key, entropy }: { readonly key: Uint8Array; readonly entropy: Entropy }) {
    if (key.length !== secretKeyBytes) throw new RangeError(`A key has ${secretKeyBytes} bytes, not ${key.length}.`);
    this.#key = key;
    this.#keyId = createHash("sha256").update("coxswain key id").update(key).digest().subarray(0, idBytes);
    this.#entropy = entropy;
  }

  seal(plain: Uint8Array, about: string): Uint8Array {
    const nonce = this.#entropy.bytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(Buffer.from(about));
    const body = Buffer.concat([cipher.update(plain), cipher.final()]);
    return Uint8Array.from(Buffer.concat([this.#keyId, nonce, body, cipher.getAuthTag()]));
  }

  open(sealed: Uint8Array, about: string): Uint8Array {
    if (sealed.length < this.overhead) throw secretFaults("secret.unreadable", { about, reason: "too short" });
    if (!this.isOurs(sealed)) throw secretFaults("secret.unreadable", { about, reason: "sealed with another key" });
    const bodyAt = idBytes + nonceBytes;
    const tagAt = sealed.length - tagBytes;
    const decipher = createDecipheriv(algorithm, this.#key, sealed.subarray(idBytes, bodyAt));
    decipher.setAAD(Buffer.from(about)).setAuthTag(sealed.subarray(tagAt));
    try {
      return Uint8Array.from(Buffer.concat([decipher.update(sealed.subarray(bodyAt, tagAt)), decipher.final()]));
    } catch (error) {
      throw secretFaults("secret.unreadable", { about, reason: "not authentic" }, error);
    }
  }

  isOurs(sealed: Uint8Array): boolean {
    return this.#keyId.every((byte, at) => sealed[at] === byte);
  }
}
