import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beside } from "./heartbeats.ts";
import { buildLoadTools, buildProtectedLoad } from "./load-tools.ts";
import { protectedRequests } from "./protected-requests.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * A CoAP server with a trivial handler, in the clear and with OSCORE: CPU for each request. 1 200 contexts, one for each endpoint of the load,
 * which seals its requests itself. All servers are up at once and take turns.
 */
export const oscoreBench: Bench = {
  subject: "oscore",
  peers: ["nosec", "oscore-node-crypto"],
  compared: { cpu_per_request: "lower" },
  leftOutWhenQuick: ["four of the five rounds of OSCORE, and half of each round's length"],
  run: runOscoreBench,
};

const kinds = [
  ["nosec", "none"],
  ["oscore", "native"],
  ["oscore-node-crypto", "node"],
] as const;

interface Served {
  readonly name: string;
  readonly server: ServerProcess;
  readonly port: number;
  readonly program: string;
  readings: number;
}

async function runOscoreBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const served: Served[] = [];
  try {
    const { load } = buildLoadTools(folder);
    const sealed = buildProtectedLoad(folder, "oscore");
    for (const [name, kind] of kinds) served.push(await start(name, kind, kind === "none" ? load : sealed));
    for (const each of served) await protectedRequests({ ...each, subject: each.name, seconds: 0.5 });
    const all: Measurement[] = [];
    for (let round = 0; round < (isQuick ? 1 : 5); round++) {
      for (const each of served) all.push(...(await measure(each, isQuick ? 1 : 2)));
    }
    return all;
  } finally {
    await Promise.all(served.map(({ server }) => server.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function start(name: string, kind: string, program: string): Promise<Served> {
  const path = fileURLToPath(new URL("oscore-program.ts", import.meta.url));
  const server = ServerProcess.pinned([process.execPath, path, kind]);
  const port = Number((await server.printed(/port (\d+)/))[1]);
  return { name, server, port, program, readings: 0 };
}

async function measure(served: Served, seconds: number): Promise<Measurement[]> {
  const runsBefore = await runsOf(served);
  const { all, result } = await protectedRequests({ ...served, subject: served.name, seconds });
  const runs = (await runsOf(served)) - runsBefore;
  const value = beside(runs, result);
  return [...all, { subject: served.name, metric: "runs_beside_requests", value, unit: "runs" }];
}

/** How often its handler ran so far. */
async function runsOf(served: Served): Promise<number> {
  served.readings++;
  const next = served.server.printed(new RegExp(`\\{"reading":${served.readings},"runs":(\\d+)\\}`));
  served.server.signal("SIGUSR2");
  return Number((await next)[1]);
}
