import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CoverageFuzzer } from "./coverage-fuzzer.ts";
import type { CoverageReader, NewCode } from "./coverage-reader.ts";
import { Random } from "./endpoint/random.ts";
import { fuzzTargets } from "./fuzz-targets.ts";
import { mutate } from "./mutator.ts";
import type { FuzzTarget } from "./targets/fuzz-target.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? Date.now() % 1_000_000_007);

describe("every target", () => {
  for (const [name, load] of Object.entries(fuzzTargets)) {
    it(`takes its seeds and 2000 mutations of them: ${name}`, async () => {
      const target = await load();
      const random = new Random(seed);
      const seeds = target.seeds();
      for (const each of seeds) await target.run(each);
      for (let i = 0; i < 2000; i++) {
        const input = mutate(random.pick(seeds), random.pick(seeds), random, 512);
        try {
          await target.run(input);
        } catch (error) {
          const hex = Buffer.from(input).toString("hex");
          throw new Error(`${name} fails on ${hex} (seed ${seed}): ${String(error)}`, { cause: error });
        }
      }
    }, 60_000);
  }
});

describe("the coverage-guided search", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Counters as V8's, over a program of three steps: each byte of a secret that is met is a block. */
  class Steps {
    readonly known = new Uint8Array(4);
    readonly reached = new Uint8Array(4);
    takeNew(): NewCode[] {
      const found: NewCode[] = [];
      for (let i = 0; i < 4; i++) {
        if (this.reached[i] === 1 && this.known[i] === 0) found.push({ covered: this.known, from: i, to: i + 1 });
      }
      this.reached.fill(0);
      return found;
    }
    remember(found: readonly NewCode[]): void {
      for (const { covered, from, to } of found) covered.fill(1, from, to);
    }
    close(): void {}
  }

  it("finds what needs three lucky bytes in a row, by keeping those who got further; and keeps the finding", async () => {
    const steps = new Steps();
    const target: FuzzTarget = {
      name: "three-bytes",
      seeds: () => [Uint8Array.of(0, 0, 0)],
      run(input) {
        steps.reached[0] = 1;
        const [a, b, c] = input;
        if (a !== 0xba) return;
        steps.reached[1] = 1;
        if (b !== 0x5e) return;
        steps.reached[2] = 1;
        if (c === 0x11) throw new Error("found");
      },
    };
    const coverage = steps as unknown as CoverageReader;
    const fuzzer = new CoverageFuzzer({ target, coverage, seed: 1, seconds: 20, folder, stopsAtFinding: true });
    const { findings, blocks } = await fuzzer.run();
    expect(blocks).toBe(3);
    expect(findings.map(({ what }) => what.split("\n")[0])).toEqual(["Error: found"]);
    expect([...readFileSync(findings[0]!.file)].slice(0, 3)).toEqual([0xba, 0x5e, 0x11]);
    expect(readdirSync(join(folder, "three-bytes")).filter((name) => name.startsWith("reached-")).length).toBe(3);
  }, 60_000);
});
