import { afterAll, expect, test } from "vitest";
import type { NamedSeed } from "./fleet-seeds.ts";
import { RolloutWorld } from "./rollout-world.ts";

/** These run first and always; a seed that fails is added here with a sentence. */
const namedSeeds: readonly NamedSeed[] = [];

const nodes = 10_000;

/** One whole run of so many nodes. The seed is printed first, so that a run that hangs can be repeated too. */
export function runRollout(seed: number, count: number = nodes): RolloutWorld {
  console.log(`rollout simulation, seed ${seed}; again: SEED=${seed} npx vitest run --project system test/sim/rollout`);
  // Every third image is bad on many nodes, every third on some.
  const world = new RolloutWorld({ seed, nodes: count, badShare: [0, 0.02, 0.3][seed % 3]!, loss: 0.05, hours: 24 });
  world.run();
  return world;
}

/** Seeds of one share, as in `fleet-suite.ts`: two files run side by side, less than a second of a core for each seed. */
export function testRollouts(share: number, shares: number): void {
  const only = process.env["SEED"];
  const count = Number(process.env["SIM_SEEDS"] ?? 40);
  const all = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];
  const named = new Map(namedSeeds.map(({ seed, found }) => [seed, found]));
  const order = [...new Set([...(only === undefined ? named.keys() : []), ...all])];
  const mine = order.filter((_, i) => i % shares === share);
  let kills = 0;
  for (const seed of mine) {
    const found = named.get(seed);
    test(`seed ${seed}: ${nodes} nodes through a rollout, the manager killed now and then${found === undefined ? "" : ` (once: ${found})`}`, () => {
      const world = runRollout(seed);
      expect([...new Set(world.violations)].slice(0, 20)).toEqual([]);
      kills += world.kills;
      const { state } = world;
      // A good image reaches everybody who can be reached; a bad one stops before it reached many. Where the canary isn't there, its gate waits for it.
      if (seed % 3 === 0 && state.wave > 0) expect(state.members.countIn("succeeded")).toBeGreaterThan(nodes * 0.9);
      if (seed % 3 === 2) {
        expect(state.status).not.toBe("completed");
        expect(state.members.touched).toBeLessThan(nodes * 0.1);
      }
    }, 120_000);
  }
  // With SEED the other shares have nothing to do, and a file without a test is an error.
  if (only !== undefined && share > 0) test("the one seed runs in the first share", () => undefined);
  afterAll(() => {
    if (only === undefined) expect(kills, "the manager was killed often enough").toBeGreaterThan(mine.length);
  });
}
