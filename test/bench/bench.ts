/**
 * `npm run bench -- NAME [--quick] [--realtime] [--minutes N]`: JSON lines on stdout, a table for people on stderr, and as the last line the ratios and
 * goals. `--realtime` is for a machine that others use too. Exits 1 when a goal was neither measured nor named as skipped, 2 on a wrong call. What the numbers mean: docs/benchmarks.md.
 */
import { loadavg } from "node:os";
import { loadAddon } from "../../coap/native/addon.ts";
import { dtlsBench } from "./dtls.ts";
import { heartbeatBench } from "./heartbeat.ts";
import { memoryBench } from "./memory.ts";
import { observeBench } from "./observe.ts";
import { goFirst } from "./on-core.ts";
import { oscoreBench } from "./oscore.ts";
import { type Bench, type Measurement, median, type Part, verdict } from "./report.ts";
import { ServerProcess } from "./server-process.ts";
import { trustBench } from "./trust.ts";
import { updateBench } from "./update.ts";

const benches: Readonly<Record<string, Bench>> = {
  heartbeat: heartbeatBench,
  observe: observeBench,
  dtls: dtlsBench,
  oscore: oscoreBench,
  trust: trustBench,
  update: updateBench,
  memory: memoryBench,
};
const flags = ["--quick", "--realtime"];
/** `coap` is these in one run; `memory` only when `--minutes` says for how long. */
const partsOfCoap = ["heartbeat", "observe", "dtls", "oscore", "memory"];
const names = ["coap", ...Object.keys(benches)];

async function main(args: readonly string[]): Promise<number> {
  const minutesAt = args.indexOf("--minutes");
  const minutes = minutesAt === -1 ? undefined : Number(args[minutesAt + 1]);
  const words = minutesAt === -1 ? args : args.toSpliced(minutesAt, 2);
  const [name = "", ...others] = words.filter((each) => !each.startsWith("--"));
  const unknown = [...others, ...words.filter((each) => each.startsWith("--") && !flags.includes(each))];
  if (!names.includes(name) || unknown.length > 0 || (minutes !== undefined && !(minutes > 0))) {
    console.error(`usage: npm run bench -- ${names.join("|")} [--quick] [--realtime] [--minutes N]`);
    return 2;
  }
  const isQuick = args.includes("--quick");
  if (args.includes("--realtime")) goFirst();
  const addon = loadAddon();
  if (!addon.isThere) console.error(`These will be figures of node:dgram: ${addon.reason}`);
  const [load = 0] = loadavg();
  if (load > 0.7 && !args.includes("--realtime")) {
    console.error(
      `Others use this machine (load ${load.toFixed(1)}): servers that get one datagram at a time look slow.`,
    );
  }
  const parts: Part[] = [];
  for (const [part, bench] of Object.entries(benches)) {
    if (name === "coap" ? !partsOfCoap.includes(part) : name !== part) continue;
    const isLeftOut = name === "coap" && part === "memory" && minutes === undefined;
    const measurements = isLeftOut ? undefined : await bench.run({ isQuick, minutes });
    parts.push({ name: part, bench, measurements });
    if (measurements === undefined) continue;
    for (const each of measurements) console.log(JSON.stringify({ bench: name, part, ...each }));
    console.error(`\n${part}`);
    printTable(bench, measurements);
    for (const [what, why] of Object.entries(bench.notMeasured?.() ?? {}))
      console.error(`not measured: ${what}: ${why}`);
    if (isQuick) for (const each of bench.leftOutWhenQuick) console.error(`--quick leaves out: ${each}`);
  }
  const { line, isComplete } = verdict(name, parts);
  console.log(line);
  return isComplete ? 0 : 1;
}

/** A line for each metric, a column for each subject. */
function printTable(bench: Bench, measurements: readonly Measurement[]): void {
  const subjects = [bench.subject, ...bench.peers].filter((each) =>
    measurements.some(({ subject }) => subject === each),
  );
  console.error(`${"".padEnd(28)}${subjects.map((each) => each.padStart(18)).join("")}`);
  for (const metric of new Set(measurements.map((each) => each.metric))) {
    const of = measurements.filter((each) => each.metric === metric);
    const cells = subjects.map((subject) => {
      const values = of.filter((each) => each.subject === subject).map(({ value }) => value);
      return (values.length === 0 ? "-" : shortened(median(values))).padStart(18);
    });
    console.error(`${`${metric}, ${of[0]!.unit}`.padEnd(28)}${cells.join("")}`);
  }
  console.error("(medians of the rounds; the machine may be shared, so read CPU per request before rates)");
}

function shortened(value: number): string {
  return value >= 1000 ? String(Math.round(value)) : String(Number(value.toFixed(2)));
}

process.once("exit", () => ServerProcess.endAll());
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exit(await main(process.argv.slice(2)));
