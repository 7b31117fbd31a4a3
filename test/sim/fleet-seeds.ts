/** A seed that once failed, and what it found. */
export interface NamedSeed {
  readonly seed: number;
  readonly found: string;
}

/** These run first and always; a seed that fails is added here with a sentence, whatever mended it. */
export const namedSeeds: readonly NamedSeed[] = [
  {
    seed: 45,
    found: "the will of a lost connection counted as a sighting, so that a node without power became online",
  },
  {
    seed: 118,
    found: "a command that had just ended was neither in the queue nor in the history, and a crash then lost it",
  },
  { seed: 7, found: "flash without power counted faults" },
  { seed: 25, found: "a node in SAFE is itself again after an hour" },
];

export const fleet = { nodes: 20, stormMs: 90_000 } as const;

/** Every fourth runs over the real database, the others over the twin, which answers late and in between. */
export function diskOf(seed: number): "twin" | "sqlite" {
  return seed % 4 === 0 ? "sqlite" : "twin";
}
