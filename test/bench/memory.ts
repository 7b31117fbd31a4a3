import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Subject, startManager } from "./coap-subjects.ts";
import { endpoints, Heartbeats } from "./heartbeats.ts";
import { buildLoadTools } from "./load-tools.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

/** Heartbeats a second: four from each node, for a fifth of a core. */
const rate = 5_000;

/** The manager's memory over `--minutes` of heartbeats, ten by default. It is alone and in no hurry, so that it may run beside other work. */
export const memoryBench: Bench = {
  subject: "coxswain",
  peers: [],
  compared: {},
  leftOutWhenQuick: ["nine of the ten minutes"],
  run: runMemoryBench,
};

async function runMemoryBench({ isQuick, minutes }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  let manager: Subject | undefined;
  try {
    const { load } = buildLoadTools(folder);
    manager = await startManager("coxswain", folder, endpoints);
    const heartbeats = new Heartbeats(load, folder, 1);
    const before = await heartbeats.rssBefore(manager);
    await heartbeats.warmUp(manager);
    return [...before, ...(await heartbeats.long(manager, minutes ?? (isQuick ? 1 : 10), rate))];
  } finally {
    await manager?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
