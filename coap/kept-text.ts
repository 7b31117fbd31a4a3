import { decodeText } from "./message-view.ts";

const slots = 16_384;
const maxLength = 64;

/**
 * Texts that came lately, one for each hash: a node names itself in every request, and its name is then the same string each time, made
 * and hashed once.
 */
const texts: (string | undefined)[] = new Array<string | undefined>(slots).fill(undefined);

/** As `decodeText`; what was asked for lately costs no new string. */
export function keptText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > maxLength) return decodeText(bytes, start, end);
  let hash = end - start;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  const slot = (hash ^ (hash >>> 15)) & (slots - 1);
  const kept = texts[slot];
  if (kept !== undefined && isText(kept, bytes, start, end)) return kept;
  const text = decodeText(bytes, start, end);
  texts[slot] = text;
  return text;
}

/** Only texts of ASCII are found again: of others a character isn't a byte. */
function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i]!;
    if (byte > 0x7f || text.charCodeAt(i) !== byte) return false;
  }
  return true;
}
