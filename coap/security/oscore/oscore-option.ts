/*
 * RFC 8613 section 6.1, the value of the OSCORE option (empty when all flags are zero):
 *
 *    0 1 2 3 4 5 6 7 <------------- n bytes -------------->
 *   +-+-+-+-+-+-+-+-+--------------------------------------
 *   |0 0 0|h|k|  n  |       Partial IV (if any) ...
 *   +-+-+-+-+-+-+-+-+--------------------------------------
 *    <- 1 byte -> <----- s bytes ------>
 *   +------------+----------------------+------------------+
 *   | s (if any) | kid context (if any) | kid (if any) ... |
 *   +------------+----------------------+------------------+
 */
const hasKid = 8;
const hasKidContext = 16;
const reserved = 0xe0;
const absent = -1;

/** A decoded OSCORE option as positions in the bytes it was read from; filled again for each message. */
export class OscoreOption {
  /** -1 when absent. */
  partialIv: number = absent;
  /** -1 when absent; the end of each is one past its last byte. */
  kidStart: number = absent;
  kidEnd = 0;
  kidContextStart: number = absent;
  kidContextEnd = 0;

  /** False for what decompression fails on: reserved bits and lengths, what is cut short, bytes that nothing names, a longer form than needed. */
  decode(bytes: Uint8Array, start: number, end: number): boolean {
    this.partialIv = absent;
    this.kidStart = absent;
    this.kidContextStart = absent;
    if (start === end) return true;
    const flags = bytes[start]!;
    const length = flags & 7;
    if (flags === 0 || (flags & reserved) !== 0 || length > 5) return false;
    let at = start + 1;
    if (at + length > end) return false;
    if (length > 0) {
      if (length > 1 && bytes[at] === 0) return false;
      let value = 0;
      for (const last = at + length; at < last; at++) value = value * 256 + bytes[at]!;
      this.partialIv = value;
    }
    if ((flags & hasKidContext) !== 0) {
      if (at === end) return false;
      const contextEnd = at + 1 + bytes[at]!;
      if (contextEnd > end) return false;
      this.kidContextStart = at + 1;
      this.kidContextEnd = contextEnd;
      at = contextEnd;
    }
    if ((flags & hasKid) === 0) return at === end;
    this.kidStart = at;
    this.kidEnd = end;
    return true;
  }
}

/**
 * Writes the value into `to` from 0 on and returns its length. A Partial IV of -1 is left out, and so is what is undefined; the kid is taken
 * from `kids[kidStart, kidEnd)`.
 */
export function encodeOscoreOption(
  to: Uint8Array,
  partialIv: number,
  kidContext: Uint8Array | undefined,
  kids: Uint8Array | undefined,
  kidStart: number,
  kidEnd: number,
): number {
  const length = partialIv < 0 ? 0 : partialIvLength(partialIv);
  const flags = length | (kidContext === undefined ? 0 : hasKidContext) | (kids === undefined ? 0 : hasKid);
  if (flags === 0) return 0;
  to[0] = flags;
  let at = 1;
  if (length > 0) at = writePartialIv(to, at, partialIv, length);
  if (kidContext !== undefined) {
    to[at++] = kidContext.length;
    to.set(kidContext, at);
    at += kidContext.length;
  }
  if (kids !== undefined) for (let i = kidStart; i < kidEnd; i++) to[at++] = kids[i]!;
  return at;
}

/** Bytes of a Partial IV without leading zeros; zero is one byte (RFC 8613 section 5). */
export function partialIvLength(partialIv: number): number {
  return partialIv < 0x100 ? 1 : partialIv < 0x10000 ? 2 : partialIv < 0x1000000 ? 3 : partialIv < 0x100000000 ? 4 : 5;
}

/** Returns where it ends. */
export function writePartialIv(to: Uint8Array, start: number, partialIv: number, length: number): number {
  let low = partialIv % 0x100000000;
  let at = start + length;
  const end = at;
  for (let i = 0; i < length; i++) {
    to[--at] = i < 4 ? low & 0xff : Math.floor(partialIv / 0x100000000);
    low >>>= 8;
  }
  return end;
}
