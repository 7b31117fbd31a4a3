import type { Entropy } from "./entropy.ts";

/**
 * Entropy that repeats itself from a seed: xoshiro128** seeded through splitmix32. For tests and simulations only, it is
 * predictable. Derive independent sources with text seeds: seededEntropy(`${seed}/network`).
 */
export function seededEntropy(seed: number | string): Entropy {
  let mixing = hashText(typeof seed === "number" ? `#${seed}` : seed);
  const splitmix = (): number => {
    mixing = (mixing + 0x9e3779b9) | 0;
    let z = mixing;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) | 0;
  };
  let a = splitmix();
  let b = splitmix();
  let c = splitmix();
  // The state must not be all zero.
  let d = splitmix() | 1;

  const uint32 = (): number => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result >>> 0;
  };

  return {
    uint32,
    fraction: () => uint32() / 2 ** 32,
    bytes(length) {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = uint32();
        for (let i = at; i < at + 4 && i < length; i++) bytes[i] = word >>> ((i - at) * 8);
      }
      return bytes;
    },
  };
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
