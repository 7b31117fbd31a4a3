import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

/** A CoAP server with a trivial handler, in the clear and with OSCORE: CPU for each request. The load runs on a core of its own. */
export const oscoreBench: Bench = {
  subject: "oscore",
  peers: ["nosec", "oscore-node-crypto"],
  compared: { cpu_per_request: "lower" },
  leftOutWhenQuick: ["two of the three rounds"],
  run: runOscoreBench,
};

const kinds = [
  ["nosec", "none"],
  ["oscore", "native"],
  ["oscore-node-crypto", "node"],
] as const;

async function runOscoreBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  for (let round = 0; round < (isQuick ? 1 : 3); round++) {
    for (const [name, kind] of kinds) measurements.push(...(await measure(name, kind)));
  }
  return measurements;
}

async function measure(name: string, kind: string): Promise<Measurement[]> {
  const program = fileURLToPath(new URL("oscore-program.ts", import.meta.url));
  const server = spawn("taskset", ["-c", "1", process.execPath, program, "server", kind], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  server.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const printed = async (pattern: RegExp): Promise<RegExpMatchArray> => {
    for (let waited = 0; waited < 10_000; waited += 20) {
      const match = output.match(pattern);
      output = match === null ? output : output.replace(pattern, "");
      if (match !== null) return match;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the server of ${name} did not print ${pattern}`);
  };
  const reading = async (): Promise<[number, number]> => {
    server.kill("SIGUSR2");
    const [, cpu, requests] = await printed(/cpu (\d+) (\d+)\n/);
    return [Number(cpu), Number(requests)];
  };
  try {
    const port = (await printed(/port (\d+)\n/))[1]!;
    spawn("taskset", ["-c", "0", process.execPath, program, "client", kind, port, "4"], { stdio: "inherit" });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    const [cpuBefore, before] = await reading();
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const [cpuAfter, after] = await reading();
    if (after === before) throw new Error(`${name}: no request was answered`);
    const value = Number(((cpuAfter - cpuBefore) / (after - before)).toFixed(2));
    return [
      { subject: name, metric: "cpu_per_request", value, unit: "us" },
      { subject: name, metric: "requests", value: Math.round((after - before) / 2), unit: "1/s" },
    ];
  } finally {
    server.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}
