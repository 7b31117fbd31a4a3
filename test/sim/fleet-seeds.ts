/** A seed that once failed, and what it found. */
export interface NamedSeed {
  readonly seed: number;
  readonly found: string;
}

/** These run first and always; a seed that fails is added here with a sentence, whatever mended it. */
export const namedSeeds: readonly NamedSeed[] = [];

export const fleet = { nodes: 20, stormMs: 90_000 } as const;

/** Every fourth runs over the real database, the others over the twin, which answers late and in between. */
export function diskOf(seed: number): "twin" | "sqlite" {
  return seed % 4 === 0 ? "sqlite" : "twin";
}
