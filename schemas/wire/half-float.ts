/*
 * IEEE 754 binary16:  | sign 1 | exponent 5 (bias 15) | fraction 10 |
 * The language has it in typed arrays since ECMAScript 2025; the types of the compiler in use don't know it yet.
 */

/** The value of 16 bits. Every NaN comes out as the one NaN. */
export function readHalf(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The 16 bits of exactly `value`; undefined when binary16 can't hold it whole, or for NaN. */
export function toHalf(value: number): number | undefined {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude === Infinity) return sign | 0x7c00;
  if (magnitude === 0) return sign;
  if (!(magnitude <= 65504)) return undefined;
  const exponent = magnitude < 2 ** -14 ? -14 : Math.floor(Math.log2(magnitude));
  // The number of steps of this binade, which must be whole; the addition carries a full fraction into the exponent.
  const steps = magnitude / 2 ** (exponent - 10);
  if (!Number.isInteger(steps)) return undefined;
  return sign | (steps + (exponent + 14) * 1024);
}

/** Bytes of the shortest float that keeps `value` whole. */
export function floatSize(value: number): 2 | 4 | 8 {
  if (Number.isNaN(value)) return 2;
  // What 32 bits can't hold 16 can't either; most decimal fractions end here.
  if (Math.fround(value) !== value) return 8;
  return toHalf(value) === undefined ? 4 : 2;
}
