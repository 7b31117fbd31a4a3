import { createHash } from "node:crypto";
import { constants, deflateRawSync } from "node:zlib";
import { type Digest, digestFromBytes } from "../../schemas/wire/digest.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import type { PayloadVariant } from "../../schemas/wire/suit/update-manifest.ts";
import { deltaFormat, deltaPatch } from "./delta-patch.ts";
import { encryptPayload, type PayloadCipher } from "./payload-encryption.ts";

export interface VariantOptions {
  /** Windows of deflate variants, bytes: powers of two from 512 to 32768. */
  readonly windows?: readonly number[];
  /** Images that nodes may run: a delta is made from each. */
  readonly bases?: readonly Uint8Array[];
  /** All variants are encrypted, the full one too. */
  readonly encryption?: { readonly key: Uint8Array; readonly cipher: PayloadCipher };
}

/** One payload: what the update manifest says of it, and the bytes that are uploaded as an artifact. */
export interface MadeVariant {
  readonly variant: PayloadVariant;
  readonly bytes: Uint8Array;
}

export interface VariantProgress {
  /** What is being made, in words for people: "delta from 3f0c12ab". */
  readonly what: string;
  /** Of all the work, 0 to 1. */
  readonly share: number;
}

export interface MadeVariants {
  /** As a manifest lists them: the smallest first, the full image last. */
  readonly variants: readonly MadeVariant[];
  /** Variants that would be no smaller than the full image, and so are none. */
  readonly useless: readonly string[];
}

/** A node can go on at the start of any block, and blocks of at most 4096 symbols cost nothing in size (docs/reference/payload-variants.md). */
const blockSymbolsLevel = 6;

/** Everything in memory and at once: for a worker, or for small images. Throws a RangeError on options that can't be. */
export function makeVariants(
  image: Uint8Array,
  options: VariantOptions,
  randomBytes: (size: number) => Uint8Array,
  onProgress?: (progress: VariantProgress) => void,
): MadeVariants {
  const { windows = [], bases = [], encryption } = options;
  if (1 + windows.length + bases.length > suitLimits.variantsMax)
    throw new RangeError(`a manifest has at most ${suitLimits.variantsMax} variants`);
  for (const window of windows)
    if (!isWindow(window)) throw new RangeError(`${window} is no power of two from 512 to 32768`);
  // A delta takes about twenty times as long as the rest together.
  const total = 1 + windows.length + 20 * bases.length;
  let done = 0;
  const work = <T>(what: string, weight: number, make: (told: (share: number) => void) => T): T => {
    const told = (share: number): void => onProgress?.({ what, share: (done + weight * share) / total });
    told(0);
    const made = make(told);
    done += weight;
    told(0);
    return made;
  };
  const seal = (plain: Uint8Array, kind: Kind): MadeVariant => {
    if (encryption === undefined) return { variant: { ...kind, ...named(plain) }, bytes: plain };
    const { bytes, encryptionInfo } = encryptPayload(plain, encryption.key, encryption.cipher, randomBytes);
    return { variant: { ...kind, ...named(bytes), encryptionInfo }, bytes };
  };
  const full = work("full image", 1, () => seal(image, { kind: "full" }));
  const smaller: MadeVariant[] = [];
  const useless: string[] = [];
  const add = (what: string, made: MadeVariant): void => {
    if (made.bytes.length < full.bytes.length) smaller.push(made);
    else useless.push(what);
  };
  for (const window of windows) {
    const what = `deflate with a window of ${window}`;
    add(
      what,
      work(what, 1, () => seal(deflate(image, window), { kind: "deflate", window })),
    );
  }
  for (const base of bases) {
    const digest = digestOf(base);
    const what = `delta from ${digest.slice(7, 15)}`;
    const kind = { kind: "delta", base: digest, format: deltaFormat.number, memory: deltaFormat.memory } as const;
    add(
      what,
      work(what, 20, (told) => seal(deltaPatch(base, image, told), kind)),
    );
  }
  smaller.sort((left, right) => left.bytes.length - right.bytes.length);
  return { variants: [...smaller, full], useless };
}

type Kind =
  | { readonly kind: "full" }
  | { readonly kind: "deflate"; readonly window: number }
  | { readonly kind: "delta"; readonly base: Digest; readonly format: number; readonly memory: number };

function isWindow(window: number): boolean {
  return window >= 512 && window <= 32_768 && Number.isInteger(Math.log2(window));
}

function deflate(image: Uint8Array, window: number): Uint8Array {
  const level = constants.Z_BEST_COMPRESSION;
  return new Uint8Array(deflateRawSync(image, { level, windowBits: Math.log2(window), memLevel: blockSymbolsLevel }));
}

function digestOf(bytes: Uint8Array): Digest {
  return digestFromBytes(new Uint8Array(createHash("sha256").update(bytes).digest()));
}

function named(bytes: Uint8Array): { digest: Digest; size: number } {
  return { digest: digestOf(bytes), size: bytes.length };
}
