/** `npm run fuzz`: see `usage`. Ends with 1 when something was found, 2 when it was asked wrongly. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildSanitizedAddon, fuzzAddon } from "./addon/fuzz-addon.ts";
import { buildDtlsRecords } from "./build-dtls-records.ts";
import { buildPayloadDecoders } from "./build-payload-decoders.ts";
import { CoverageFuzzer } from "./coverage-fuzzer.ts";
import { CoverageReader } from "./coverage-reader.ts";
import { fuzzTargets } from "./fuzz-targets.ts";

const names = [...Object.keys(fuzzTargets), "dtls", "addon", "payload", "endpoint"];
const usage = `Looks for inputs that the CoAP engine's readers fail on.

usage: npm run fuzz [-- TARGET...] [--seconds N] [--seed N] [--datagrams N] [--plain] [--replay FILE]

  TARGET         ${names.join(", ")}; default all of them.
  --seconds N    How long in all, shared out among the targets. Default 60.
  --seed N       Repeats the mutations of another run. Default: another one each time.
  --datagrams N  For the target "endpoint": how many instead of how long.
  --plain        For the target "endpoint": without OSCORE, which a quarter of its hosts speak otherwise.
  --replay FILE  Runs one input of the one target that is named.

Inputs that reached new code and those that failed are kept in .setup/fuzz/TARGET.`;

const folder = ".setup/fuzz";

interface Asked {
  readonly targets: readonly string[];
  readonly seconds: number;
  readonly seed: number;
  readonly datagrams: number | undefined;
  readonly isPlain: boolean;
  readonly replay: string | undefined;
}

function readArguments(words: readonly string[]): Asked | "help" | { readonly wrong: string } {
  let values: Record<string, string | boolean | undefined>;
  let positionals: string[];
  const text = { type: "string" } as const;
  try {
    const flag = { type: "boolean" } as const;
    const options = { seconds: text, seed: text, datagrams: text, replay: text, plain: flag, help: flag } as const;
    ({ values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true }));
  } catch (error) {
    return { wrong: error instanceof Error ? error.message.split(". To specify")[0]! : String(error) };
  }
  if (values["help"] === true) return "help";
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) return { wrong: `There is no target ${unknown}` };
  const numbers: Record<string, number | undefined> = {};
  for (const name of ["seconds", "seed", "datagrams"]) {
    const value = values[name];
    if (value !== undefined && !/^[1-9]\d{0,9}$/.test(String(value))) {
      return { wrong: `--${name} ${String(value)} is no whole number from 1 on` };
    }
    numbers[name] = value === undefined ? undefined : Number(value);
  }
  const replay = values["replay"] === undefined ? undefined : String(values["replay"]);
  if (replay !== undefined && (positionals.length !== 1 || !(positionals[0]! in fuzzTargets))) {
    return { wrong: "--replay needs the one target that the input is for" };
  }
  return {
    targets: positionals.length > 0 ? positionals : names,
    seconds: numbers["seconds"] ?? 60,
    seed: numbers["seed"] ?? Date.now() % 1_000_000_007,
    datagrams: numbers["datagrams"],
    isPlain: values["plain"] === true,
    replay,
  };
}

/** Returns how many findings there were. */
async function fuzzByCoverage(name: string, seconds: number, seed: number): Promise<number> {
  // Before the target is loaded: blocks are counted in code that is compiled from then on.
  const coverage = new CoverageReader((url) => /\/(coap|schemas\/wire|adapters\/certificates)\/[^?]*\.ts$/.test(url));
  const target = await fuzzTargets[name]!();
  const fuzzer = new CoverageFuzzer({
    target,
    coverage,
    seed,
    seconds,
    folder,
    progress: ({ inputs, blocks, corpus }) =>
      process.stderr.write(`\r${name}: ${inputs} inputs, ${blocks} blocks, corpus ${corpus}   `),
  });
  const { inputs, blocks, corpus, findings } = await fuzzer.run();
  coverage.close();
  process.stderr.write("\r");
  console.log(`${name}: ${inputs} inputs, ${blocks} blocks, corpus ${corpus}, findings ${findings.length}`);
  for (const { file, what } of findings) console.log(`  ${file}\n    ${what.split("\n").slice(0, 6).join("\n    ")}`);
  return findings.length;
}

function fuzzDtls(seconds: number, seed: number): number {
  const temporary = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  try {
    const program = buildDtlsRecords(temporary);
    if (program === undefined) return 0;
    const untilMs = performance.now() + seconds * 1000;
    let rounds = 0;
    for (let i = 0; i === 0 || performance.now() < untilMs; i++, rounds += 20_000) {
      try {
        execFileSync(program, ["20000", String(seed + i)], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
      } catch (error) {
        console.log(`dtls: seed ${seed + i} fails: ${error instanceof Error ? error.message : String(error)}`);
        return 1;
      }
    }
    console.log(`dtls: ${rounds} rounds with the sanitizers, findings 0`);
    return 0;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function fuzzNativeAddon(seconds: number, seed: number): number {
  const temporary = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  try {
    const built = buildSanitizedAddon(temporary);
    if (built === undefined) return 0;
    const untilMs = performance.now() + seconds * 1000;
    const sums: Record<string, number> = {};
    for (let i = 0; i === 0 || performance.now() < untilMs; i++) {
      const report = fuzzAddon(built, 2000, seed + i);
      for (const [name, count] of Object.entries(report)) sums[name] = (sums[name] ?? 0) + count;
      for (const name of ["seed", "beginMiB", "endMiB"]) sums[name] = report[name]!;
    }
    console.log(`addon: ${listed(Object.entries(sums))} with the sanitizers, findings 0`);
    return 0;
  } catch (error) {
    console.log(`addon: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

async function fuzzPayloads(seconds: number, seed: number): Promise<number> {
  const { checkPayloads, payloadChecks } = await import("./payload-fuzz.ts");
  const temporary = mkdtempSync(join(tmpdir(), "coxswain-fuzz-"));
  const rounds = 50;
  try {
    const program = buildPayloadDecoders(temporary);
    if (program === undefined) return 0;
    const untilMs = performance.now() + seconds * 1000;
    let runs = 0;
    for (; runs === 0 || performance.now() < untilMs; runs++)
      for (const sentence of payloadChecks) checkPayloads(sentence, { program, rounds, seed: seed + runs });
    console.log(`payload: ${runs} runs of ${payloadChecks.length} checks with the sanitizers, findings 0`);
    return 0;
  } catch (error) {
    console.log(`payload: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

async function fuzzWholeEndpoint({ seed, datagrams, isPlain }: Asked, seconds: number): Promise<number> {
  const { fuzzEndpoint } = await import("./endpoint/endpoint-fuzz.ts");
  const untilMs = performance.now() + seconds * 1000;
  const isTerminal = process.stderr.isTTY === true;
  let nextMs = 0;
  const report = await fuzzEndpoint({
    datagrams: datagrams ?? Number.MAX_SAFE_INTEGER,
    seed,
    hasOscore: !isPlain,
    isOver: () => datagrams === undefined && performance.now() >= untilMs,
    progress(done) {
      if (performance.now() < nextMs) return;
      nextMs = performance.now() + (isTerminal ? 300 : 10_000);
      process.stderr.write(isTerminal ? `\rendpoint: ${done} datagrams   ` : `endpoint: ${done} datagrams\n`);
    },
  });
  if (isTerminal) process.stderr.write("\r");
  const { counts, protectedCounts, counters, heapMiB, residentMiB, wrong } = report;
  const memory = ({ begin, end }: { begin: number; end: number }): string =>
    `${begin.toFixed(1)} -> ${end.toFixed(1)} MiB`;
  const reasons = Object.entries(counters).filter(([name, count]) => count > 0 && !name.startsWith("held."));
  console.log(`  answers, by what the oracle saw: ${listed(Object.entries(counts))}`);
  if (!isPlain) console.log(`  OSCORE, by the hosts' own keys: ${listed(Object.entries(protectedCounts))}`);
  console.log(`  the engine's counters: ${listed(reasons)}`);
  for (const what of wrong) console.log(`  ${what}`);
  const rate = Math.round(report.datagrams / report.seconds);
  console.log(
    `endpoint: ${report.datagrams} datagrams in ${report.seconds.toFixed(0)} s (${rate}/s), seed ${seed}, findings ${wrong.length}, ` +
      `heap ${memory(heapMiB)}, RSS ${memory(residentMiB)}`,
  );
  return wrong.length;
}

const listed = (counts: readonly (readonly [string, number])[]): string =>
  counts.map(([name, count]) => `${name} ${count}`).join(", ");

async function main(words: readonly string[]): Promise<number> {
  const asked = readArguments(words);
  if (asked === "help") {
    console.log(usage);
    return 0;
  }
  if ("wrong" in asked) {
    console.error(`${asked.wrong}\n\n${usage}`);
    return 2;
  }
  const { targets, seed, replay } = asked;
  if (replay !== undefined) return await replayInput(targets[0]!, replay);
  console.log(`seed ${seed}`);
  const seconds = asked.seconds / targets.length;
  let findings = 0;
  for (const name of targets) {
    if (name === "dtls") findings += fuzzDtls(seconds, seed);
    else if (name === "addon") findings += fuzzNativeAddon(seconds, seed);
    else if (name === "payload") findings += await fuzzPayloads(seconds, seed);
    else if (name === "endpoint") findings += await fuzzWholeEndpoint(asked, seconds);
    else findings += await fuzzByCoverage(name, seconds, seed);
  }
  return findings === 0 ? 0 : 1;
}

async function replayInput(name: string, file: string): Promise<number> {
  const target = await fuzzTargets[name]!();
  try {
    await target.run(new Uint8Array(readFileSync(file)));
  } catch (error) {
    console.log(error);
    return 1;
  }
  console.log(`${name} takes ${file} without a fault.`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
