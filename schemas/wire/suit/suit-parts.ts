import { type Digest, digestFromBytes, digestHex } from "../digest.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { algorithm } from "./suit-keys.ts";

/** A command and its reporting policy. */
export function expectCommand(cursor: SuitCursor, expected: number): void {
  const found = cursor.int("command");
  if (found !== expected) cursor.unsupported(`command ${found}`);
  cursor.uint("reporting policy", 15);
}

/** A SUIT_Digest: SHA-256 and its 32 bytes. */
export function readDigest(cursor: SuitCursor, what: string): Uint8Array {
  cursor.tuple(2, what);
  if (cursor.int(what) !== algorithm.sha256) cursor.unsupported(`${what}: not SHA-256`);
  return cursor.fixed(32, what);
}

/** A SUIT_Digest in a byte string. */
export function wrappedDigest(cursor: SuitCursor, what: string): Digest {
  const inside = new SuitCursor(cursor.bytes(what), what);
  return digestFromBytes(readDigest(inside, what));
}

/** The one URI a payload of this digest may have. */
export function payloadUri(digest: Digest): string {
  return `/artifacts/${digestHex(digest)}`;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
