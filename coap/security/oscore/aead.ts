import type { OscoreAlgorithm } from "./oscore-parameters.ts";

/** What is fixed by an algorithm (RFC 9053 section 4). */
export interface AeadFacts {
  /** Its number in the addon. */
  readonly number: number;
  /** Its number in COSE, as CBOR. */
  readonly cbor: readonly number[];
  readonly keyLength: number;
  readonly nonceLength: number;
  readonly tagLength: number;
}

export const aeads: Readonly<Record<OscoreAlgorithm, AeadFacts>> = {
  "AES-CCM-16-64-128": { number: 1, cbor: [10], keyLength: 16, nonceLength: 13, tagLength: 8 },
  "AES-CCM-16-128-128": { number: 2, cbor: [0x18, 30], keyLength: 16, nonceLength: 13, tagLength: 16 },
  A128GCM: { number: 3, cbor: [1], keyLength: 16, nonceLength: 12, tagLength: 16 },
  "ChaCha20/Poly1305": { number: 4, cbor: [0x18, 24], keyLength: 32, nonceLength: 12, tagLength: 16 },
};

/** Where an AEAD finds what it works on, and where its text begins. */
export const aeadLayout = { key: 0, nonce: 32, aad: 48, maxAad: 112, text: 160 } as const;

/**
 * Seals and opens in place, in bytes that caller and algorithm share, so that a message costs two short copies and no object. Key, nonce and
 * AAD stand at the offsets of `aeadLayout`, the text from `aeadLayout.text` on.
 */
export interface Aead {
  /** `native` is the addon, `node` node:crypto. */
  readonly kind: "native" | "node";
  readonly bytes: Uint8Array;
  /** The largest text with its tag. */
  readonly maxText: number;
  /** Puts ciphertext and tag in place of `length` bytes of plaintext; false when it can't. */
  seal(facts: AeadFacts, aadLength: number, length: number): boolean;
  /** Puts the plaintext in place of `length` bytes of ciphertext and tag; false when they are not genuine. */
  open(facts: AeadFacts, aadLength: number, length: number): boolean;
}
