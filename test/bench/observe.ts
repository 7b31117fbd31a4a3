import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildLoadTools, type ObserveResult, runTool } from "./load-tools.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * Notifications of one resource to 10 000 observers, each at an address of its own: a change to all, the next when all have it, a
 * notification missed when it doesn't come within a second. `non` has one confirmable notification in ten, `con` has nothing else.
 */
const observers = 10_000;
const kinds = ["non", "con"] as const;

export const observeBench: Bench = {
  subject: "non",
  peers: ["con"],
  compared: {},
  leftOutWhenQuick: ["four of the five rounds of notifications, and two thirds of each round's length"],
  run: runObserveBench,
};

async function runObserveBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const program = fileURLToPath(new URL("engine-program.ts", import.meta.url));
  const all: Measurement[] = [];
  try {
    const { observe } = buildLoadTools(folder);
    for (let round = 0; round < (isQuick ? 1 : 5); round++) {
      for (const kind of kinds) {
        const server = ServerProcess.pinned([process.execPath, program]);
        try {
          const port = Number((await server.printed(/port (\d+)/))[1]);
          const before = server.cpuMicroseconds();
          const result = await runTool<ObserveResult>(observe, [port, isQuick ? 2 : 6, observers, kind]);
          all.push(...measured(kind, result, server.cpuMicroseconds() - before, server.residentMebibytes()));
        } finally {
          await server.stop();
        }
      }
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measured(subject: string, result: ObserveResult, cpu: number, rss: number): Measurement[] {
  const { seconds, notifications, confirmable, missed, rounds, again, p50us, p99us } = result;
  const of = (metric: string, value: number, unit: string): Measurement => ({
    ...{ subject, metric, unit },
    value: Number(value.toFixed(3)),
  });
  return [
    of("notifications", notifications / seconds, "1/s"),
    of("confirmable", (100 * confirmable) / notifications, "percent"),
    of("missed", missed, "notifications"),
    of("changes", rounds, "rounds"),
    of("changes_said_again", again, "requests"),
    of("cpu_per_notification", cpu / notifications, "us"),
    of("p50", p50us / 1000, "ms"),
    of("p99", p99us / 1000, "ms"),
    of("rss", rss, "MiB"),
  ];
}
