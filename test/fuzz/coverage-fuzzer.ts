import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CoverageReader } from "./coverage-reader.ts";
import { Random } from "./endpoint/random.ts";
import { mutate } from "./mutator.ts";
import type { FuzzTarget } from "./targets/fuzz-target.ts";

export interface CoverageFuzzOptions {
  readonly target: FuzzTarget;
  readonly coverage: CoverageReader;
  readonly seed: number;
  readonly seconds: number;
  /** Where inputs that reached something new are kept for the next run, and findings. */
  readonly folder: string;
  /** Ends at the first finding, not at its time or the tenth. */
  readonly stopsAtFinding?: boolean | undefined;
  readonly progress?: ((state: CoverageFuzzState) => void) | undefined;
}

export interface CoverageFuzzState {
  inputs: number;
  /** Blocks of code that some input reached. */
  blocks: number;
  corpus: number;
  /** Files with inputs that the target failed on, and what it said. */
  readonly findings: { readonly file: string; readonly what: string }[];
}

const batch = 400;
const maxLength = 2048;
const maxFindings = 10;
/** An input that takes this long is a finding of its own. */
const slowMs = 1000;

/**
 * Keeps the inputs that reach blocks of code which none reached before, and mutates those. Coverage is read for a batch at once, since
 * reading it costs as much as hundreds of inputs; a batch with something new is halved until the inputs stand alone.
 */
export class CoverageFuzzer {
  readonly #options: CoverageFuzzOptions;
  readonly #random: Random;
  readonly #corpus: Uint8Array[] = [];
  readonly #said = new Set<string>();
  readonly state: CoverageFuzzState = { inputs: 0, blocks: 0, corpus: 0, findings: [] };

  constructor(options: CoverageFuzzOptions) {
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<CoverageFuzzState> {
    const { target, seconds, coverage, progress, stopsAtFinding = false } = this.#options;
    const enough = stopsAtFinding ? 1 : maxFindings;
    const untilMs = performance.now() + seconds * 1000;
    coverage.takeNew();
    await this.#search([...target.seeds(), ...this.#keptInputs(), new Uint8Array(0)]);
    for (let rounds = 0; performance.now() < untilMs && this.state.findings.length < enough; rounds++) {
      const inputs: Uint8Array[] = [];
      for (let i = 0; i < batch; i++) {
        inputs.push(mutate(this.#random.pick(this.#corpus), this.#random.pick(this.#corpus), this.#random, maxLength));
      }
      await this.#search(inputs);
      if (rounds % 32 === 0) progress?.(this.state);
    }
    return this.state;
  }

  /** Runs one input as it is; what it fails with, if it does. */
  async replay(input: Uint8Array): Promise<string | undefined> {
    try {
      await this.#options.target.run(input);
      return undefined;
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error);
    }
  }

  /** Runs all, and keeps those that reached something new. */
  async #search(inputs: readonly Uint8Array[]): Promise<void> {
    for (const input of inputs) await this.#try(input);
    const found = this.#options.coverage.takeNew();
    if (found.length === 0) {
      // Something must be there to mutate, also where the seeds reach nothing new.
      if (this.#corpus.length === 0) this.#corpus.push(...inputs);
      return;
    }
    if (inputs.length === 1) {
      this.#options.coverage.remember(found);
      this.state.blocks += found.length;
      this.#keep(inputs[0]!);
      return;
    }
    const middle = inputs.length >> 1;
    await this.#search(inputs.slice(0, middle));
    await this.#search(inputs.slice(middle));
  }

  async #try(input: Uint8Array): Promise<void> {
    this.state.inputs++;
    const startedMs = performance.now();
    const failed = await this.replay(input);
    const isSlow = performance.now() - startedMs > slowMs;
    if (failed === undefined && !isSlow) return;
    const what = failed ?? `it took ${Math.round(performance.now() - startedMs)} ms`;
    const line = what.split("\n", 2).join(" ");
    if (this.#said.has(line) || this.state.findings.length >= maxFindings) return;
    this.#said.add(line);
    this.state.findings.push({ file: this.#write("finding", input), what });
  }

  #keep(input: Uint8Array): void {
    this.#corpus.push(input);
    this.state.corpus = this.#corpus.length;
    this.#write("reached", input);
  }

  #write(kind: string, input: Uint8Array): string {
    const { folder, target } = this.#options;
    mkdirSync(join(folder, target.name), { recursive: true });
    const name = `${kind}-${createHash("sha256").update(input).digest("hex").slice(0, 16)}`;
    const file = join(folder, target.name, name);
    writeFileSync(file, input);
    return file;
  }

  #keptInputs(): Uint8Array[] {
    const folder = join(this.#options.folder, this.#options.target.name);
    mkdirSync(folder, { recursive: true });
    return readdirSync(folder)
      .filter((name) => name.startsWith("reached-"))
      .map((name) => new Uint8Array(readFileSync(join(folder, name))));
  }
}
