/** Content-Format of `application/missing-blocks+cbor-seq` (RFC 9177 section 12.3). */
export const missingBlocksFormat = 272;

/**
 * Block numbers as a CBOR sequence of unsigned integers (RFC 9177 section 5), ascending; as many as `maxBytes` hold.
 */
export function encodeMissingBlocks(numbers: readonly number[], maxBytes: number): Uint8Array {
  const bytes: number[] = [];
  for (const number of numbers) {
    const head =
      number < 24
        ? [number]
        : number < 0x100
          ? [0x18, number]
          : number < 0x10000
            ? [0x19, number >> 8, number & 0xff]
            : [0x1a, number >>> 24, (number >> 16) & 0xff, (number >> 8) & 0xff, number & 0xff];
    if (bytes.length + head.length > maxBytes) break;
    bytes.push(...head);
  }
  return Uint8Array.from(bytes);
}

/** The numbers, a repeated one once; undefined when they don't ascend, aren't unsigned integers, or there are none. */
export function decodeMissingBlocks(bytes: Uint8Array): number[] | undefined {
  const numbers: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    const head = bytes[at++]!;
    // Major type 0 alone; 8 bytes would be no block number.
    if (head > 0x1a) return undefined;
    const length = head < 0x18 ? 0 : 1 << (head - 0x18);
    if (at + length > bytes.length) return undefined;
    let number = head < 0x18 ? head : 0;
    for (let i = 0; i < length; i++) number = number * 256 + bytes[at++]!;
    const last = numbers.at(-1) ?? -1;
    if (number < last) return undefined;
    if (number > last) numbers.push(number);
  }
  return numbers.length === 0 ? undefined : numbers;
}
