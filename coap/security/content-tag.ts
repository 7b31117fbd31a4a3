import { createHash } from "node:crypto";

const tagBytes = 8;

/**
 * An ETag from the bytes it stands for: 8 bytes of their SHA-256. RFC 9175 section 3.8 forbids the same tag for different
 * representations, and who writes a resource must not be able to look for two bodies that share one cheaply.
 */
export function contentTag(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest().subarray(0, tagBytes);
}
