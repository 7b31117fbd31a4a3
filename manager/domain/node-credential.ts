import { partitionOf } from "./partition.ts";

/**
 * `issued`: given out, not used yet; while it is, an older one still counts. `active`: the node proved that it has it, and
 * older ones are revoked by that. `revoked`: refused at the next datagram, for ever; its secret is gone.
 */
export type CredentialState = "issued" | "active" | "revoked";

/** What an OSCORE context is made of (RFC 8613 section 3.1); AES-CCM-16-64-128 and HKDF-SHA256. */
export interface OscoreSecrets {
  /** 16 bytes. */
  readonly masterSecret: Uint8Array;
  /** 8 bytes. */
  readonly masterSalt: Uint8Array;
}

export const oscoreSecretBytes = 16;
export const oscoreSaltBytes = 8;

/** Bytes of the node's Sender ID, which the manager knows it by. */
export const kidBytes = 4;

/** One credential of a node, as it is stored under `credentialKey`. */
export interface CredentialRecord {
  readonly scheme: "oscore";
  readonly state: CredentialState;
  /** Base64 of the sealed master secret and salt; absent once revoked. */
  readonly sealed?: string;
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

/** The kid as it stands in a message. */
export function kidToBytes(kid: number): Uint8Array {
  return Uint8Array.of(kid >>> 24, (kid >>> 16) & 0xff, (kid >>> 8) & 0xff, kid & 0xff);
}

/** -1 for anything that is no kid of ours. */
export function kidFromBytes(bytes: Uint8Array): number {
  if (bytes.length !== kidBytes) return -1;
  return (bytes[0]! * 2 ** 24 + (bytes[1]! << 16) + (bytes[2]! << 8) + bytes[3]!) >>> 0;
}
