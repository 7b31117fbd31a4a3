/*
 * RFC 7959 section 2.2, an unsigned option of 0 to 3 bytes:
 *
 *    0                   1                   2
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *   |                  NUM                  |M| SZX |    block size = 2^(SZX + 4), SZX 7 is reserved
 *   +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** The largest NUM: a body has at most 2^20 blocks. */
export const maxBlockNumber = 0xfffff;

export function blockOption(number: number, more: boolean, exponent: number): number {
  return number * 16 + (more ? 8 : 0) + exponent;
}

export function blockNumber(value: number): number {
  return value >>> 4;
}

export function hasMoreBlocks(value: number): boolean {
  return (value & 8) !== 0;
}

/** SZX; 7 is reserved and refused by the caller. */
export function blockExponent(value: number): number {
  return value & 7;
}

export function blockBytes(exponent: number): number {
  return 16 << exponent;
}

/** The SZX of the largest block size that is not above `bytes` (at least 16, at most 1024). */
export function exponentFor(bytes: number): number {
  return Math.max(0, Math.min(6, 31 - Math.clz32(bytes) - 4));
}
