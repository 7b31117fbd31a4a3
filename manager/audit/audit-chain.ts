import { createHash } from "node:crypto";

/** One entry of the audit as it is hashed. */
export interface ChainedEntry {
  readonly partition: number;
  /** From 1, without a gap within its partition. */
  readonly sequence: number;
  readonly wallMs: number;
  readonly key: string;
  /** The entry's value as JSON text, as `JSON.stringify` writes it. */
  readonly text: string;
}

/** Where a partition's chain begins. */
export const chainStart = "0".repeat(64);

/**
 * The hash of an entry, 64 hexadecimal digits: SHA-256 over the 64 digits of the hash before it and the UTF-8 bytes of the
 * JSON array `[partition,sequence,wallMs,key,value]` without white space. The bytes are those that stand in an export, so another program can check it.
 */
export function chainHash(before: string, { partition, sequence, wallMs, key, text }: ChainedEntry): string {
  return createHash("sha256")
    .update(before)
    .update(`[${partition},${sequence},${wallMs},${JSON.stringify(key)},${text}]`)
    .digest("hex");
}
