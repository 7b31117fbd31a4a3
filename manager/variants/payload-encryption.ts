import { createCipheriv, createHash } from "node:crypto";
import { writeCbor } from "../../schemas/wire/cbor-writer.ts";

/** COSE's numbers (RFC 9053 sections 4.1 and 4.2) and what follows from them. */
const ciphers = {
  A128GCM: { algorithm: 1, nonceSize: 12, tagSize: 16 },
  "AES-CCM-64-64-128": { algorithm: 12, nonceSize: 7, tagSize: 8 },
} as const;

export type PayloadCipher = keyof typeof ciphers;
export const payloadCiphers = Object.keys(ciphers) as readonly PayloadCipher[];
export const payloadKeySize = 16;

export interface EncryptedPayload {
  /** The ciphertext with its tag behind it. */
  readonly bytes: Uint8Array;
  /** COSE_Encrypt0 without ciphertext, tagged: parameter 19 of the update manifest. */
  readonly encryptionInfo: Uint8Array;
}

/** How a node finds the key: the first 8 bytes of the key's SHA-256. */
export function payloadKeyId(key: Uint8Array): Uint8Array {
  if (key.length !== payloadKeySize)
    throw new RangeError(`a payload key has ${payloadKeySize} bytes, not ${key.length}`);
  return new Uint8Array(createHash("sha256").update(key).digest().subarray(0, 8));
}

/**
 * COSE_Encrypt0 (RFC 9052 section 5.2) with the ciphertext detached. `randomBytes` gives the nonce, which must never come again
 * under the same key.
 */
export function encryptPayload(
  plain: Uint8Array,
  key: Uint8Array,
  cipher: PayloadCipher,
  randomBytes: (size: number) => Uint8Array,
): EncryptedPayload {
  const { algorithm, nonceSize, tagSize } = ciphers[cipher];
  const keyId = payloadKeyId(key);
  const nonce = randomBytes(nonceSize);
  const protectedHeaders = writeCbor(new Map([[1, algorithm]]));
  // Enc_structure of RFC 9052 section 5.3; nothing external.
  const covered = writeCbor(["Encrypt0", protectedHeaders, new Uint8Array()]);
  const seal =
    cipher === "A128GCM"
      ? createCipheriv("aes-128-gcm", key, nonce, { authTagLength: tagSize })
      : createCipheriv("aes-128-ccm", key, nonce, { authTagLength: tagSize });
  seal.setAAD(covered, { plaintextLength: plain.length });
  const text = seal.update(plain);
  seal.final();
  const bytes = new Uint8Array(text.length + tagSize);
  bytes.set(text);
  bytes.set(seal.getAuthTag(), text.length);
  const unprotected = new Map<number, Uint8Array>([
    [4, keyId],
    [5, nonce],
  ]);
  const headers = writeCbor([protectedHeaders, unprotected, null]);
  return { bytes, encryptionInfo: Uint8Array.of(0xd0, ...headers) };
}
