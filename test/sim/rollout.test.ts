import { expect, test } from "vitest";
import type { NamedSeed } from "./fleet-seeds.ts";
import { RolloutWorld } from "./rollout-world.ts";

/** These run first and always; a seed that fails is added here with a sentence. */
const namedSeeds: readonly NamedSeed[] = [];

const only = process.env["SEED"];
const count = Number(process.env["SIM_SEEDS"] ?? 24);
const seeds = only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)];

let kills = 0;

function run(seed: number, nodes: number): RolloutWorld {
  console.log(`rollout simulation, seed ${seed}; again: SEED=${seed} npx vitest run --project system test/sim/rollout`);
  // Every third image is bad on many nodes, every third on some.
  const world = new RolloutWorld({ seed, nodes, badShare: [0, 0.02, 0.3][seed % 3]!, loss: 0.05, hours: 24 });
  world.run();
  return world;
}

for (const { seed, found } of namedSeeds) {
  test(`seed ${seed} (once: ${found})`, () => {
    expect(run(seed, 10_000).violations).toEqual([]);
  });
}

for (const seed of seeds) {
  const nodes = seed % 12 === 3 ? 10_000 : 1000;
  test(`seed ${seed}: ${nodes} nodes through a rollout, the manager killed now and then`, () => {
    const world = run(seed, nodes);
    expect([...new Set(world.violations)].slice(0, 20)).toEqual([]);
    kills += world.kills;
    const { state } = world;
    // A good image reaches everybody who can be reached; a bad one stops before it reached many.
    if (seed % 3 === 0) expect(state.members.countIn("succeeded")).toBeGreaterThan(nodes * 0.9);
    if (seed % 3 === 2) {
      // Where the canary isn't there, its gate waits for it.
      expect(state.status).not.toBe("completed");
      expect(state.members.touched).toBeLessThan(nodes * 0.1);
    }
  }, 120_000);
}

test("the manager was killed often enough", () => {
  if (only === undefined) expect(kills).toBeGreaterThan(seeds.length);
});

test("the same seed is the same run", () => {
  const [first, second] = [run(5, 300), run(5, 300)];
  expect(second.log).toEqual(first.log);
});
