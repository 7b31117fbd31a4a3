import { suffixArray } from "./suffix-array.ts";

/** `size` bytes of the new image that are like those of the base at `from`, then `extra` that are like nothing. */
export interface ImagePiece {
  readonly from: number;
  readonly size: number;
  readonly extra: number;
}

interface Match {
  readonly place: number;
  readonly length: number;
}

/** A match has to explain so many bytes more than going on beside the last one does, else a new piece costs more than it saves. */
const gainMin = 8;
/** A longer match is long enough: without an end, two images full of zeros are compared for hours. */
const matchMax = 1024;

/**
 * The new image as pieces of the base that are nearly the same: machine code whose addresses moved differs in single bytes. The idea is
 * bsdiff's (Percival, "Naive differences of executable code", 2003): exact matches found by a suffix array, stretched to both sides as long as
 * at least every second byte is right. Pieces follow each other and cover the image. `onProgress` is told the share that is done.
 */
export function imageDifferences(
  base: Uint8Array,
  image: Uint8Array,
  onProgress?: (share: number) => void,
): ImagePiece[] {
  const sorted = suffixArray(base, (decided) => onProgress?.(Math.min(0.4, 0.02 * Math.log2(decided) + 0.02)));
  const pieces: ImagePiece[] = [];
  let scan = 0;
  let match: Match = { place: 0, length: 0 };
  let doneTo = 0;
  let baseFrom = 0;
  let told = 0;
  while (scan < image.length) {
    const shift = baseFrom - doneTo;
    let alike = 0;
    let counted = scan + match.length;
    for (scan = counted; scan < image.length; scan++) {
      match = longestMatch(sorted, base, image, scan);
      for (; counted < scan + match.length; counted++) {
        if (base[counted + shift] === image[counted]) alike++;
      }
      if ((match.length === alike && match.length !== 0) || match.length > alike + gainMin) break;
      if (base[scan + shift] === image[scan]) alike--;
    }
    if (scan - told >= 65_536) {
      told = scan;
      onProgress?.(0.4 + (0.6 * scan) / image.length);
    }
    if (match.length === alike && scan < image.length) continue;
    const { forward, backward } = stretch(base, image, { doneTo, baseFrom, scan, place: match.place });
    pieces.push({ from: baseFrom, size: forward, extra: scan - backward - (doneTo + forward) });
    doneTo = scan - backward;
    baseFrom = match.place - backward;
  }
  return pieces;
}

interface Gap {
  readonly doneTo: number;
  readonly baseFrom: number;
  readonly scan: number;
  readonly place: number;
}

/** How far the last piece goes on, and how far the new match begins earlier; where both want the same bytes, who is right more often. */
function stretch(base: Uint8Array, image: Uint8Array, gap: Gap): { forward: number; backward: number } {
  const { doneTo, baseFrom, scan, place } = gap;
  let forward = 0;
  for (let i = 0, right = 0, best = 0; doneTo + i < scan && baseFrom + i < base.length; ) {
    if (base[baseFrom + i] === image[doneTo + i]) right++;
    i++;
    if (right * 2 - i > best) {
      best = right * 2 - i;
      forward = i;
    }
  }
  let backward = 0;
  if (scan < image.length) {
    for (let i = 1, right = 0, best = 0; scan - i >= doneTo && place >= i; i++) {
      if (base[place - i] === image[scan - i]) right++;
      if (right * 2 - i > best) {
        best = right * 2 - i;
        backward = i;
      }
    }
  }
  const overlap = doneTo + forward - (scan - backward);
  if (overlap <= 0) return { forward, backward };
  let kept = 0;
  for (let i = 0, better = 0, best = 0; i < overlap; i++) {
    const at = scan - backward + i;
    if (image[at] === base[baseFrom + at - doneTo]) better++;
    if (image[at] === base[place - backward + i]) better--;
    if (better > best) {
      best = better;
      kept = i + 1;
    }
  }
  return { forward: forward + kept - overlap, backward: backward - kept };
}

/** The suffix of the base that begins like the image at `from`, as far as possible; found between two neighbours in their order. */
function longestMatch(sorted: Int32Array, base: Uint8Array, image: Uint8Array, from: number): Match {
  if (sorted.length === 0) return { place: 0, length: 0 };
  let low = 0;
  let high = sorted.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const place = sorted[middle]!;
    const length = commonLength(base, place, image, from);
    const isLess =
      place + length >= base.length || (from + length < image.length && base[place + length]! < image[from + length]!);
    if (isLess) low = middle;
    else high = middle;
  }
  const below = commonLength(base, sorted[low]!, image, from);
  const above = commonLength(base, sorted[high]!, image, from);
  return below > above ? { place: sorted[low]!, length: below } : { place: sorted[high]!, length: above };
}

function commonLength(base: Uint8Array, place: number, image: Uint8Array, from: number): number {
  const limit = Math.min(base.length - place, image.length - from, matchMax);
  let length = 0;
  while (length < limit && base[place + length] === image[from + length]) length++;
  return length;
}
