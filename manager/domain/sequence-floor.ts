/**
 * A database that was restored from a backup knows less than was used. No context uses so many numbers a second for long (in 30 years they are a
 * twentieth of all), so after a start numbers begin above what may have been used since the keys were issued.
 */
const numbersPerSecond = 64;
/** A clock that is far ahead takes half of the numbers at most. */
const highestFloor = 2 ** 39;

/** RFC 8613 section 7.2.1: a sequence number has 40 bits. */
export const sequenceEnd = 2 ** 40;

/** The first sender sequence number that no lost database can have used with keys that were issued then. */
export function sequenceFloor(issuedAtMs: number, nowMs: number): number {
  return Math.min(highestFloor, Math.ceil((Math.max(0, nowMs - issuedAtMs) / 1000) * numbersPerSecond));
}
