import { partitionOf } from "./partition.ts";

/**
 * `issued`: given out to a node that has no other, not used yet. `on-trial`: given out beside an active one, which counts until this one
 * is used. `active`: the node proved that it has it, and older ones are revoked by that. `revoked`: refused at the next datagram, for ever;
 * its secret is gone.
 */
export type CredentialState = "issued" | "on-trial" | "active" | "revoked";

/** What a node proves itself with: an OSCORE context, or DTLS with a pre-shared key or a certificate. */
export const credentialSchemes = ["oscore", "psk", "x509"] as const;
export type CredentialScheme = (typeof credentialSchemes)[number];

/** What an OSCORE context is made of (RFC 8613 section 3.1); AES-CCM-16-64-128 and HKDF-SHA256. */
export interface OscoreSecrets {
  /** 16 bytes. */
  readonly masterSecret: Uint8Array;
  /** 8 bytes. */
  readonly masterSalt: Uint8Array;
}

export const oscoreSecretBytes = 16;
export const oscoreSaltBytes = 8;

/** The pre-shared key of DTLS. mbedTLS takes 32 bytes at most. */
export interface PskSecrets {
  /** 24 bytes. */
  readonly key: Uint8Array;
}

/** What the manager keeps of a credential; of a certificate it keeps nothing that is secret. */
export type NodeSecrets =
  | ({ readonly scheme: "oscore" } & OscoreSecrets)
  | ({ readonly scheme: "psk" } & PskSecrets)
  | { readonly scheme: "x509" };

/** As many for every scheme, so that all have one place in memory. */
export const secretBytes = oscoreSecretBytes + oscoreSaltBytes;

/** `secretBytes` random or opened bytes as what the scheme makes of them. */
export function secretsFrom(scheme: CredentialScheme, bytes: Uint8Array): NodeSecrets {
  if (scheme === "x509") return { scheme };
  if (scheme === "psk") return { scheme, key: bytes };
  const [masterSecret, masterSalt] = [bytes.subarray(0, oscoreSecretBytes), bytes.subarray(oscoreSecretBytes)];
  return { scheme, masterSecret, masterSalt };
}

/** Bytes of the node's Sender ID, which the manager knows it by. */
export const kidBytes = 4;

/** One credential of a node, as it is stored under `credentialKey`. */
export interface CredentialRecord {
  readonly scheme: CredentialScheme;
  readonly state: CredentialState;
  /** Base64 of the sealed secret; absent once revoked, and in a certificate's. */
  readonly sealed?: string;
  /** Of a certificate that the manager's CA made. */
  readonly certificate?: { readonly serial: string; readonly fingerprint: string; readonly validUntilMs: number };
  readonly issuedAtMs: number;
  readonly issuedBy: string;
  readonly activeAtMs?: number;
  readonly revokedAtMs?: number;
  /** An operator's id, `rotation` when a newer one was used, or `replaced` when a newer one was issued before this one was used. */
  readonly revokedBy?: string;
}

/**
 * A kid for a node: its first byte is the node's partition, so that whoever owns the partition alone gives them out and can
 * see to it that none is given twice, and a datagram can be steered by it. 0 isn't given.
 */
export function kidFor(node: string, random: number): number {
  return ((partitionOf(node) << 24) | (random & 0xff_ffff)) >>> 0;
}

/** `porch/1f00a37c` */
export function credentialKey(node: string, kid: number): string {
  return `${node}/${kid.toString(16).padStart(2 * kidBytes, "0")}`;
}

export function parseCredentialKey(key: string): { readonly node: string; readonly kid: number } | undefined {
  const at = key.lastIndexOf("/");
  const digits = key.slice(at + 1);
  if (at < 1 || !/^[0-9a-f]{8}$/.test(digits)) return undefined;
  return { node: key.slice(0, at), kid: Number.parseInt(digits, 16) };
}

/**
 * The PSK identity of a node is its id. While it uses one key, a second one needs another name to be told from it: `/1f00a37c`, by its
 * kid, which no node id looks like.
 */
export function pskIdentity(node: string, kid: number, isSecond: boolean): string {
  return isSecond ? `/${kid.toString(16).padStart(2 * kidBytes, "0")}` : node;
}

/** Which key a PSK identity names. */
export function parsePskIdentity(identity: string): { readonly kid: number } | { readonly node: string } {
  return /^\/[0-9a-f]{8}$/.test(identity) ? { kid: Number.parseInt(identity.slice(1), 16) } : { node: identity };
}

/** The kid as it stands in a message. */
export function kidToBytes(kid: number): Uint8Array {
  return Uint8Array.of(kid >>> 24, (kid >>> 16) & 0xff, (kid >>> 8) & 0xff, kid & 0xff);
}

/** -1 for anything that is no kid of ours. */
export function kidFromBytes(bytes: Uint8Array): number {
  if (bytes.length !== kidBytes) return -1;
  return (bytes[0]! * 2 ** 24 + (bytes[1]! << 16) + (bytes[2]! << 8) + bytes[3]!) >>> 0;
}
