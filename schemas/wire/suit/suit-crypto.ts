import type { TrustAnchor } from "./trust-anchor.ts";

/** What reading and writing manifests needs of cryptography; `schemas/crypto` has it over Node's. */
export interface SuitCrypto {
  sha256(bytes: Uint8Array): Uint8Array;
  /** Whether `signature` (r and s, 64 bytes) over `message` is of this key: ECDSA with SHA-256 on P-256. */
  verify(anchor: TrustAnchor, message: Uint8Array, signature: Uint8Array): boolean;
}
