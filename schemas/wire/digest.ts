import { fromHex, toHex } from "./hex.ts";

/** SHA-256 of an artifact as text: `sha256:` and 64 lower-case hexadecimal digits. In CBOR it is a string of 32 bytes. */
export type Digest = string & { readonly "~brand": "Digest" };

const pattern = /^sha256:[0-9a-f]{64}$/;
const prefix = "sha256:";

/** The digest in `text`; capital digits are accepted. Undefined when it is none. */
export function parseDigest(text: string): Digest | undefined {
  const lower = text.toLowerCase();
  return pattern.test(lower) ? (lower as Digest) : undefined;
}

/** The digest that stands for these 32 bytes; any other length is an error of the caller. */
export function digestFromBytes(bytes: Uint8Array): Digest {
  if (bytes.length !== 32) throw new RangeError(`a SHA-256 digest has 32 bytes, not ${bytes.length}`);
  return `${prefix}${toHex(bytes)}` as Digest;
}

/** The 32 bytes that `digest` stands for. */
export function digestToBytes(digest: Digest): Uint8Array {
  return fromHex(digest.slice(prefix.length));
}

/** The digits alone, as they stand in paths: `/artifacts/<hex>`. */
export function digestHex(digest: Digest): string {
  return digest.slice(prefix.length);
}

/** The digest with these 64 digits, else undefined. */
export function digestFromHex(hex: string): Digest | undefined {
  return parseDigest(prefix + hex);
}
