/**
 * Randomness as a parameter. `kernel/system/system-entropy.ts` is unpredictable; `seededEntropy` repeats itself from a seed
 * and is for tests and simulations only.
 */
export interface Entropy {
  /** `length` bytes. */
  bytes(length: number): Uint8Array;
  /** A whole number in [0, 2^32). */
  uint32(): number;
  /** A fraction in [0, 1). */
  fraction(): number;
}
