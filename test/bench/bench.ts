/**
 * `npm run bench -- NAME [--quick]`: JSON lines on stdout, a table for people on stderr, and as the last line the ratios and goals.
 * Exits 1 when a goal was neither measured nor named as skipped, 2 on a wrong call.
 */
import { coapBench } from "./coap.ts";
import { dtlsBench } from "./dtls.ts";
import { type Bench, median, ratiosOf, verdict } from "./report.ts";

const benches: Readonly<Record<string, Bench>> = { coap: coapBench, dtls: dtlsBench };

async function main(args: readonly string[]): Promise<number> {
  const name = args.find((each) => !each.startsWith("--"));
  const unknown = args.filter((each) => each.startsWith("--") && each !== "--quick");
  const bench = name === undefined ? undefined : benches[name];
  if (name === undefined || bench === undefined || unknown.length > 0) {
    console.error(`usage: npm run bench -- ${Object.keys(benches).join("|")} [--quick]`);
    return 2;
  }
  const isQuick = args.includes("--quick");
  const measurements = await bench.run({ isQuick });
  for (const each of measurements) console.log(JSON.stringify({ bench: name, ...each }));
  printTable(bench, measurements);
  if (isQuick) for (const each of bench.leftOutWhenQuick) console.error(`--quick leaves out: ${each}`);
  const { line, isComplete } = verdict(name, ratiosOf(bench, measurements));
  console.log(line);
  return isComplete ? 0 : 1;
}

function printTable(bench: Bench, measurements: Awaited<ReturnType<Bench["run"]>>): void {
  const metrics = [...new Set(measurements.map((each) => each.metric))];
  console.error(`\n${"".padEnd(14)}${metrics.map((each) => each.padStart(22)).join("")}`);
  for (const subject of [bench.subject, ...bench.peers]) {
    const cells = metrics.map((metric) => {
      const found = measurements.filter((each) => each.subject === subject && each.metric === metric);
      if (found.length === 0) return "-".padStart(22);
      return `${median(found.map((each) => each.value)).toFixed(1)} ${found[0]!.unit}`.padStart(22);
    });
    console.error(`${subject.padEnd(14)}${cells.join("")}`);
  }
  console.error("(medians of the rounds; the machine may be shared, so read CPU per request before rates)");
}

process.exitCode = await main(process.argv.slice(2));
