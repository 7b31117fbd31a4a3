import { heatshrink, heatshrinkSizes } from "./heatshrink.ts";
import { imageDifferences } from "./image-differences.ts";

/** What the update manifest says of a patch that `deltaPatch` made: parameters -262 and -263. */
export const deltaFormat = { number: 1, memory: 1024 } as const;

/** First byte of a patch: the kind "sequential" and the packing "heatshrink". */
const sequentialHeatshrink = 0x04;

/**
 * A sequential patch of detools from `base` to `image`, packed by heatshrink: `detools apply_patch` takes it as it is.
 * `onProgress` is told the share that is done, 0 to 1.
 */
export function deltaPatch(base: Uint8Array, image: Uint8Array, onProgress?: (share: number) => void): Uint8Array {
  if (image.length === 0) throw new RangeError("an empty image has no patch");
  const pieces = imageDifferences(base, image, (share) => onProgress?.(share * 0.9));
  const plain = new GrowingBytes(image.length + 64);
  plain.number(0);
  let at = 0;
  for (const [index, { from, size, extra }] of pieces.entries()) {
    plain.number(size);
    plain.differences(base.subarray(from, from + size), image.subarray(at, at + size));
    plain.number(extra);
    plain.bytes(image.subarray(at + size, at + size + extra));
    at += size + extra;
    plain.number((pieces[index + 1]?.from ?? from + size) - (from + size));
  }
  const patch = new GrowingBytes(1024);
  patch.bytes(Uint8Array.of(sequentialHeatshrink));
  patch.number(image.length);
  patch.bytes(Uint8Array.of(((heatshrinkSizes.windowBits - 4) << 4) | (heatshrinkSizes.countBits - 3)));
  patch.bytes(heatshrink(plain.view()));
  onProgress?.(1);
  return patch.view().slice();
}

class GrowingBytes {
  #bytes: Uint8Array;
  #size = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#size);
  }

  bytes(more: Uint8Array): void {
    this.#room(more.length).set(more);
  }

  /** What has to be added to the base, byte by byte. */
  differences(base: Uint8Array, image: Uint8Array): void {
    const room = this.#room(image.length);
    for (let i = 0; i < image.length; i++) room[i] = image[i]! - base[i]!;
  }

  /** Six bits and a sign, then seven bits a byte, the lowest first; the highest bit of a byte says that another follows. */
  number(value: number): void {
    let rest = Math.abs(value);
    let byte = (rest & 0x3f) | (value < 0 ? 0x40 : 0);
    rest = Math.floor(rest / 64);
    while (rest > 0) {
      this.bytes(Uint8Array.of(byte | 0x80));
      byte = rest & 0x7f;
      rest = Math.floor(rest / 128);
    }
    this.bytes(Uint8Array.of(byte));
  }

  #room(size: number): Uint8Array {
    const end = this.#size + size;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.view());
      this.#bytes = larger;
    }
    const room = this.#bytes.subarray(this.#size, end);
    this.#size = end;
    return room;
  }
}
