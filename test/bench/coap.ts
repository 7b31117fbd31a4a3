import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { cborFormat, encodeCbor } from "../../schemas/wire/codec.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * Heartbeats: each of 64 nodes, on a socket of its own, keeps two confirmable `POST /status` outstanding with a status report
 * in CBOR. The manager answers with its real handler and registry; node-coap keeps the report in a Map; libcoap's example server
 * replaces the body of one resource (PUT, since it takes no POST), which is less work.
 */
const sockets = 64;
const window = 2;
const here = fileURLToPath(new URL(".", import.meta.url));

const report = encodeCbor("status-report", {
  status: "healthy",
  phase: "operational",
  uptime: 86_400,
  freeHeap: 41_216,
  rssi: -61,
  temperature: 22.5,
  lastRev: 0,
});

interface Subject {
  readonly name: string;
  readonly server: ServerProcess;
  readonly port: number;
  /** Method code, path and queries of the request. */
  readonly request: readonly [number, string, ...string[]];
}

export const coapBench: Bench = {
  subject: "coxswain",
  peers: ["node-coap", "libcoap"],
  compared: { heartbeats: "higher", cpu_per_request: "lower" },
  leftOutWhenQuick: ["three of the five rounds, and half of each round's length"],
  run: runCoapBench,
};

async function runCoapBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const subjects: Subject[] = [];
  try {
    const load = buildLoad(folder);
    subjects.push(await startManager(folder), await startNodeCoap(), await startLibcoap());
    const measurements: Measurement[] = [];
    for (const subject of subjects) await runLoad(load, subject, 1);
    for (let round = 0; round < (isQuick ? 2 : 5); round++) {
      for (const subject of subjects) measurements.push(...(await measure(load, subject, isQuick ? 2 : 4)));
    }
    return measurements;
  } finally {
    for (const subject of subjects) await subject.server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The generator is C, so that it needs less of its core than any server under test. */
function buildLoad(folder: string): string {
  const program = join(folder, "coap-load");
  execFileSync("cc", ["-O2", "-o", program, join(here, "load/coap-load.c")]);
  return program;
}

async function startManager(folder: string): Promise<Subject> {
  const main = join(here, "../../manager/main.ts");
  const settings = ["--insecure", "--json", "--data-dir", join(folder, "manager"), "--log-level", "warn"];
  const ports = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0", "--no-mdns"];
  const server = pinned([process.execPath, main, ...settings, ...ports]);
  const port = Number((await server.printed(/"coap":"coap:\/\/[^"]*:(\d+)"/))[1]);
  await registerNodes(port);
  return { name: "coxswain", server, port, request: [2, "status", "r=0", "ep=n%d"] };
}

async function startNodeCoap(): Promise<Subject> {
  const port = 45_701;
  const server = pinned([process.execPath, join(here, "node-coap-server.mjs"), String(port)]);
  await server.printed(/ready/);
  return { name: "node-coap", server, port, request: [2, "status", "r=0", "ep=n%d"] };
}

async function startLibcoap(): Promise<Subject> {
  const port = 45_702;
  const server = pinned(["coap-server-notls", "-A", "127.0.0.1", "-p", String(port), "-d", "100"]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { name: "libcoap", server, port, request: [3, "status", "r=0"] };
}

/** Servers share the last core and the generator takes the first, so that neither slows the other down. */
function pinned(command: readonly string[]): ServerProcess {
  return new ServerProcess(["taskset", "-c", "1", ...command]);
}

async function registerNodes(port: number): Promise<void> {
  const endpoint = new CoapEndpoint({
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
  });
  await endpoint.start();
  for (let index = 0; index < sockets; index++) {
    const response = await endpoint.request({
      to: { address: "127.0.0.1", port },
      method: "POST",
      path: ["register"],
      payload: encodeCbor("node-manifest", { id: `n${index}`, model: "bench" }),
      contentFormat: cborFormat,
    });
    if (response.code >> 5 !== 2) throw new Error(`the manager refused node n${index} with code ${response.code}`);
  }
  await endpoint.stop();
}

async function measure(load: string, subject: Subject, seconds: number): Promise<Measurement[]> {
  const before = subject.server.cpuMicroseconds();
  const result = await runLoad(load, subject, seconds);
  const cpu = subject.server.cpuMicroseconds() - before;
  if (result.errors > 0) {
    throw new Error(
      `${subject.name} answered ${result.errors} requests with an error, the last with ${result.lastError}`,
    );
  }
  const of = (metric: string, value: number, unit: string): Measurement => ({
    subject: subject.name,
    metric,
    value,
    unit,
  });
  return [
    of("heartbeats", Math.round(result.answered / result.seconds), "1/s"),
    of("cpu_per_request", Number((cpu / result.answered).toFixed(2)), "us"),
    of("p50", result.p50us / 1000, "ms"),
    of("p99", result.p99us / 1000, "ms"),
    of("lost", result.lost, "requests"),
    of("rss", Number(subject.server.residentMebibytes().toFixed(1)), "MiB"),
  ];
}

interface LoadResult {
  readonly seconds: number;
  readonly answered: number;
  readonly errors: number;
  readonly lost: number;
  readonly p50us: number;
  readonly p99us: number;
  /** CoAP code of the last error answer, as in "4.04". */
  readonly lastError: string;
}

function runLoad(load: string, subject: Subject, seconds: number): Promise<LoadResult> {
  const [method, path, ...queries] = subject.request;
  const payload = Buffer.from(report).toString("hex");
  const words = [subject.port, seconds, sockets, window, method, payload, cborFormat, path, ...queries];
  return new Promise((resolve, reject) => {
    const child = spawn("taskset", ["-c", "0", load, ...words.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve(JSON.parse(output) as LoadResult);
      else reject(new Error(`the load generator ended with ${code}`));
    });
  });
}
