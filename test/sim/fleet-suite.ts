import { beforeAll, expect, test } from "vitest";
import { buildCore } from "./build-core.ts";
import { CoreLibrary } from "./core.ts";
import { diskOf, fleet, namedSeeds } from "./fleet-seeds.ts";
import { FleetWorld } from "./fleet-world.ts";

export interface Run {
  readonly violations: readonly string[];
  /** The end of the trace, for people; `SIM_LOG=1` gives all of it. */
  readonly trace: string;
  readonly digest: string;
  readonly seconds: number;
}

/** One whole run. The seed is printed first, so that a run that hangs can be repeated too. */
export async function runSeed(library: CoreLibrary, seed: number): Promise<Run> {
  console.log(`fleet simulation, seed ${seed}; again: SEED=${seed} npx vitest run --project system test/sim/fleet`);
  const world = new FleetWorld(library, { ...fleet, seed, disk: diskOf(seed) });
  try {
    await world.run();
  } finally {
    await world.end();
  }
  const { violations, lines } = world.trace;
  const trace = lines.slice(process.env["SIM_LOG"] === undefined ? -200 : 0).join("\n");
  return { violations, trace, digest: world.trace.digest(), seconds: world.clock.monotonicMs() / 1000 };
}

/** The core, compiled and loaded; valid within tests. */
export function withCore(): () => CoreLibrary {
  let library: CoreLibrary | undefined;
  beforeAll(async () => {
    library = new CoreLibrary(await buildCore());
  }, 180_000);
  return () => {
    if (library === undefined) throw new Error("The core isn't loaded yet.");
    return library;
  };
}

/**
 * Seeds of one share, since shares run side by side. `SEED=n` runs that one alone, in the first share; `SIM_SEEDS=n` how
 * many there are in all.
 */
export function testSeeds(share: number, shares: number): void {
  const library = withCore();
  const only = process.env["SEED"];
  const count = Number(process.env["SIM_SEEDS"] ?? 100);
  const all = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  const named = new Map(namedSeeds.map(({ seed, found }) => [seed, found]));
  const order = [...new Set([...(only === undefined ? named.keys() : []), ...all])];
  for (const seed of order.filter((_, i) => i % shares === share)) {
    const found = named.get(seed);
    test(`seed ${seed}: no node lost, no action done twice, no false success${found === undefined ? "" : ` (once: ${found})`}`, async () => {
      const { violations, trace } = await runSeed(library(), seed);
      expect(violations, violations.length > 0 ? trace : "").toEqual([]);
    }, 120_000);
  }
  // With SEED the other shares have nothing to do, and a file without a test is an error.
  if (only !== undefined && share > 0) test("the one seed runs in the first share", () => undefined);
}
