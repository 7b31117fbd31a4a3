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

/** Looks at every byte whatever it finds, so that the time it takes tells nobody how much of a MAC he has guessed. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}
