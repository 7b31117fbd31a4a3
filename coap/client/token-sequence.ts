import type { Entropy } from "../../kernel/entropy.ts";

const rounds = 4;

/**
 * Tokens of 4 bytes: a sequence number, so that none comes again before 2^32 others (RFC 9175 section 4.2), sent through a permutation
 * of this process's own, so that who doesn't see them can't guess them (RFC 7252 section 5.3.1).
 */
export class TokenSequence {
  readonly #keys: readonly number[];
  #next: number;

  constructor(entropy: Entropy) {
    this.#keys = Array.from({ length: rounds }, () => entropy.uint32());
    this.#next = entropy.uint32();
  }

  next(): Uint8Array {
    const number = this.#next;
    this.#next = (number + 1) >>> 0;
    // A Feistel network over two halves is one to one whatever its rounds compute.
    let left = number >>> 16;
    let right = number & 0xffff;
    for (const key of this.#keys) {
      const mixed = Math.imul(Math.imul(right ^ key, 0x85ebca6b) ^ (key >>> 13), 0xc2b2ae35);
      [left, right] = [right, left ^ (mixed >>> 16)];
    }
    return Uint8Array.of(left >>> 8, left, right >>> 8, right);
  }
}
