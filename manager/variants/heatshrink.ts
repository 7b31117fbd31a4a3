/** Of 256 bytes, with repeats of at most 128: what detools writes unless told otherwise, and the most that the firmware's patcher reads. */
export const heatshrinkSizes = { windowBits: 8, countBits: 7 } as const;

const windowSize = 1 << heatshrinkSizes.windowBits;
const countMax = 1 << heatshrinkSizes.countBits;

/** Packs as heatshrink does: 1 and a byte, or 0, distance - 1 and count - 1; the highest bit first, zeros behind the last one. */
export function heatshrink(bytes: Uint8Array): Uint8Array {
  const out = new BitWriter(Math.ceil((bytes.length * 9) / 8) + 1);
  for (let at = 0; at < bytes.length; ) {
    const { distance, count } = longestRepeat(bytes, at);
    if (count < 2) {
      out.put(0x100 | bytes[at]!, 9);
      at++;
      continue;
    }
    out.put(distance - 1, 1 + heatshrinkSizes.windowBits);
    out.put(count - 1, heatshrinkSizes.countBits);
    at += count;
  }
  return out.finish();
}

function longestRepeat(bytes: Uint8Array, at: number): { distance: number; count: number } {
  const limit = Math.min(countMax, bytes.length - at);
  let distance = 0;
  let count = 0;
  for (let back = 1; back <= windowSize && back <= at && count < limit; back++) {
    // A better one must be right where the best so far ended.
    if (bytes[at - back + count] !== bytes[at + count]) continue;
    let length = 0;
    while (length < limit && bytes[at - back + length] === bytes[at + length]) length++;
    if (length > count) {
      count = length;
      distance = back;
    }
  }
  return { distance, count };
}

class BitWriter {
  readonly #bytes: Uint8Array;
  #size = 0;
  #held = 0;
  #heldBits = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  put(value: number, bits: number): void {
    this.#held = (this.#held << bits) | value;
    this.#heldBits += bits;
    while (this.#heldBits >= 8) {
      this.#heldBits -= 8;
      this.#bytes[this.#size++] = this.#held >> this.#heldBits;
      this.#held &= (1 << this.#heldBits) - 1;
    }
  }

  finish(): Uint8Array {
    if (this.#heldBits > 0) this.put(0, 8 - this.#heldBits);
    return this.#bytes.slice(0, this.#size);
  }
}
