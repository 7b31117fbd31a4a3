import type { PeerIdentity } from "../../route.ts";

/** AEAD algorithms by their names in the IANA's COSE registry. The first is mandatory and the default. */
export type OscoreAlgorithm = "AES-CCM-16-64-128" | "AES-CCM-16-128-128" | "A128GCM" | "ChaCha20/Poly1305";

/**
 * What two endpoints share before they talk (RFC 8613 section 3.2). The other end has the same with the two IDs exchanged. HKDF is
 * with SHA-256.
 */
export interface OscoreParameters {
  /** Uniformly random, at least 16 bytes. */
  readonly masterSecret: Uint8Array;
  /** Default empty. */
  readonly masterSalt?: Uint8Array | undefined;
  /** Ours: 0 to 7 bytes (nonce length less 6), another one than the peer's. */
  readonly senderId: Uint8Array;
  /** The peer's: the `kid` of its requests. */
  readonly recipientId: Uint8Array;
  /** Absent and empty are two things (section 3.2.1). */
  readonly idContext?: Uint8Array | undefined;
  readonly algorithm?: OscoreAlgorithm | undefined;
}

export interface OscoreContextOptions {
  /**
   * Who has the other half of the secret: `request.peer.identity` of what verifies with this context, and what `to.identity` of our own
   * requests is looked up by. One identity may have several contexts (keys on trial); the one that was used last to verify, or else
   * added last, protects our requests.
   */
  readonly identity?: PeerIdentity | undefined;
  /**
   * What sender sequence numbers are leased under. The same secret and IDs must have the same name for ever, other ones another name.
   * Default: a digest of the derived sender key.
   */
  readonly sequenceName?: string | undefined;
  /**
   * True says that nothing was ever received with these keys. By default the replay window counts as lost: the first request is
   * answered 4.01 with Echo, and what then comes with that Echo is its lower limit (RFC 8613 appendix B.1.2).
   */
  readonly isNew?: boolean | undefined;
  /** Puts the ID Context into our requests as `kid context`. Default: whether there is one. */
  readonly sendsIdContext?: boolean | undefined;
  /**
   * Appendix B.2: a request with an ID Context that we don't know starts the derivation of a new context from this one's secret, and
   * a client does so before its first request. Default false.
   */
  readonly derivesAnew?: boolean | undefined;
}
