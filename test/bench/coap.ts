import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { cborFormat, encodeCbor } from "../../schemas/wire/codec.ts";
import { type Subject, startManager, startPeer } from "./coap-subjects.ts";
import { buildLoadTools, type LoadResult, runTool } from "./load-tools.ts";
import { peerNames, peerServers } from "./peer-servers.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";

/**
 * Heartbeats: `POST /status` with a status report in CBOR, no two alike, from 1 024 nodes with an address each. The manager answers with its
 * real handler and registry; peers keep the report in a map by node, but for libcoap's example server, which replaces the body of
 * one resource (PUT, since it takes no POST). All servers are up at once, each on the second core, and take turns.
 */
const endpoints = 1_024;
/** Requests under way in the closed loop: more overflow the default receive buffer of a peer in the first burst. */
const outstanding = 128;
/** Requests a second in the open loop: what the slowest peers still stand. */
const openRate = 2_000;
/** Nodes of the second closed loop, for peers whose cost grows with the endpoints they know. */
const fewEndpoints = 64;
const subjectName = "coxswain";
const run = promisify(execFile);
const notMeasured: Record<string, string> = {};

export const coapBench: Bench = {
  subject: subjectName,
  peers: peerNames,
  rivals: peerNames,
  compared: {
    requests: "higher",
    cpu_per_request: "lower",
    cpu_64_endpoints: "lower",
    cpu_open_loop: "lower",
    block2_1MiB: "lower",
  },
  leftOutWhenQuick: [
    "three of the five rounds, and half of each round's length",
    "the minute at an even rate after which memory is looked at",
    "peers that aren't built yet",
  ],
  run: runCoapBench,
  notMeasured: () => notMeasured,
};

async function runCoapBench(options: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const subjects: Subject[] = [];
  try {
    const { load } = buildLoadTools(folder);
    const { peers, missing } = await peerServers(!options.isQuick);
    Object.assign(notMeasured, missing);
    subjects.push(await startManager(subjectName, folder, endpoints));
    for (const peer of peers) {
      const started = await orReason(peer.name, () => startPeer(peer, folder));
      if (started !== undefined) subjects.push(started);
    }
    return await measureAll(new CoapRun(load, folder, options), subjects, options);
  } finally {
    await Promise.all(subjects.map((subject) => subject.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measureAll(
  coapRun: CoapRun,
  subjects: readonly Subject[],
  options: BenchOptions,
): Promise<Measurement[]> {
  const { isQuick, minutes } = options;
  const all: Measurement[] = [];
  const each = async (measure: (subject: Subject) => Promise<readonly Measurement[]>): Promise<void> => {
    for (const subject of subjects) {
      if (subject.name in notMeasured) continue;
      const measured = await orReason(subject.name, () => measure(subject));
      if (measured !== undefined) all.push(...measured);
    }
  };
  await each((subject) => coapRun.rssBefore(subject));
  await each((subject) => coapRun.warmUp(subject));
  for (let round = 0; round < (isQuick ? 2 : 5); round++) {
    await each((subject) => coapRun.closedLoop(subject));
    if (round % 2 === 0) await each((subject) => coapRun.openLoop(subject));
    if (round % 2 === 0) await each((subject) => coapRun.block2(subject));
  }
  await each((subject) => coapRun.fewEndpoints(subject));
  await each((subject) => coapRun.rssAfter(subject));
  if (!isQuick) await each((subject) => coapRun.minute(subject));
  const [own] = subjects;
  if (minutes > 0 && own !== undefined) all.push(...(await coapRun.long(own, minutes)));
  return all;
}

/** A peer that breaks is out of the run, with its reason, and the run goes on; of our own subject it is an error. */
async function orReason<T>(name: string, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (name === subjectName) throw error;
    notMeasured[name] = `broke: ${error instanceof Error ? error.message : String(error)}`;
    return undefined;
  }
}

/** Uptime grows with each report and free memory wanders; "U" and "H" stand where the generator writes them. */
function reportHex(): string {
  const bytes = encodeCbor("status-report", {
    status: "healthy",
    phase: "operational",
    uptime: 0x0100_0000,
    freeHeap: 0x8765,
    rssi: -61,
    temperature: 22.5,
    lastRev: 0,
  });
  return Buffer.from(bytes).toString("hex").replace("01000000", "UUUUUUUU").replace("8765", "HHHH");
}

/** What is done with each subject. */
class CoapRun {
  readonly #load: string;
  readonly #folder: string;
  readonly #isQuick: boolean;
  readonly #report = reportHex();

  constructor(load: string, folder: string, { isQuick }: BenchOptions) {
    this.#load = load;
    this.#folder = folder;
    this.#isQuick = isQuick;
  }

  async rssBefore(subject: Subject): Promise<Measurement[]> {
    return [of(subject, "rss_before", subject.server.residentMebibytes(), "MiB")];
  }

  async rssAfter(subject: Subject): Promise<Measurement[]> {
    return [of(subject, "rss_after", subject.server.residentMebibytes(), "MiB")];
  }

  async warmUp(subject: Subject): Promise<Measurement[]> {
    await this.#heartbeats(subject, 1, 0);
    return [];
  }

  async closedLoop(subject: Subject): Promise<Measurement[]> {
    const { result, cpu, runs } = await this.#heartbeats(subject, this.#isQuick ? 2 : 4, 0);
    return [
      of(subject, "requests", result.answeredInTime / result.seconds, "1/s"),
      of(subject, "cpu_per_request", cpu / result.answered, "us"),
      of(subject, "lost", result.lost, "requests"),
      of(subject, "most_an_endpoint_sends", result.mostAnEndpointSends, "1/s"),
      ...(runs === undefined ? [] : [of(subject, "runs_beside_requests", beside(runs, result), "runs")]),
    ];
  }

  async fewEndpoints(subject: Subject): Promise<Measurement[]> {
    const { result, cpu } = await this.#heartbeats(subject, this.#isQuick ? 2 : 4, 0, fewEndpoints);
    return [of(subject, "cpu_64_endpoints", cpu / result.answered, "us")];
  }

  async openLoop(subject: Subject): Promise<Measurement[]> {
    const { result, cpu } = await this.#heartbeats(subject, this.#isQuick ? 2 : 4, openRate);
    return [
      of(subject, "open_loop_p50", result.p50us / 1000, "ms"),
      of(subject, "open_loop_p99", result.p99us / 1000, "ms"),
      of(subject, "open_loop_answered", (100 * result.answered) / (result.sent + result.skipped), "percent"),
      of(subject, "cpu_open_loop", cpu / result.answered, "us"),
    ];
  }

  /** A megabyte by libcoap's client, in blocks of 1024 bytes, its start included. */
  async block2({ name, big }: Subject): Promise<Measurement[]> {
    if (big === undefined) return [];
    const file = join(this.#folder, "fetched");
    rmSync(file, { force: true });
    const cpuBefore = big.server.cpuMicroseconds();
    const before = process.hrtime.bigint();
    const uri = `coap://127.0.0.1:${big.port}/big`;
    await run("taskset", ["-c", "0", "coap-client-notls", "-m", "get", "-b", "1024", "-B", "20", "-o", file, uri]);
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    const { length } = readFileSync(file);
    if (length !== 1_048_576) throw new Error(`a megabyte by Block2 came as ${length} bytes`);
    const cpu = big.server.cpuMicroseconds() - cpuBefore;
    return [
      { subject: name, metric: "block2_1MiB", value: Number(ms.toFixed(1)), unit: "ms" },
      { subject: name, metric: "block2_cpu", value: Number((cpu / 1000).toFixed(1)), unit: "ms" },
    ];
  }

  /** Memory over a minute at an even rate. */
  async minute(subject: Subject): Promise<Measurement[]> {
    const before = subject.server.residentMebibytes();
    await this.#heartbeats(subject, 60, openRate);
    return [of(subject, "rss_growth_60s", subject.server.residentMebibytes() - before, "MiB")];
  }

  /** Memory over a long time of load: how much more there is in the last third than in the middle one, by their lowest points. */
  async long(subject: Subject, minutes: number): Promise<Measurement[]> {
    const samples: number[] = [];
    const sampler = setInterval(() => samples.push(subject.server.residentMebibytes()), 1000);
    const { result } = await this.#heartbeats(subject, minutes * 60, 20_000);
    clearInterval(sampler);
    const third = Math.floor(samples.length / 3);
    const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
    const growth = Math.min(...last) - Math.min(...middle);
    return [
      of(subject, minutes >= 10 ? "rss_growth_10min" : "rss_growth_long", growth, "MiB"),
      of(subject, "rss_most_long", Math.max(...samples), "MiB"),
      of(subject, "requests_long", result.answered, "requests"),
    ];
  }

  async #heartbeats(
    subject: Subject,
    seconds: number,
    rate: number,
    from = endpoints,
  ): Promise<{ result: LoadResult; cpu: number; runs: number | undefined }> {
    const { server, port, method } = subject;
    const runsBefore = await subject.runs();
    const before = server.cpuMicroseconds();
    const words = [port, seconds, from, Math.min(outstanding, from), rate, method, this.#report, cborFormat, "status"];
    const result = await runTool<LoadResult>(this.#load, [...words, "r=0", "ep=n%d"]);
    const cpu = server.cpuMicroseconds() - before;
    if (!server.isRunning) throw new Error("its process ended");
    if (result.answered === 0) throw new Error("it answered nothing");
    if (result.errors > 0) {
      throw new Error(`it answered ${result.errors} requests with an error, the last with ${result.lastError}`);
    }
    const runs = runsBefore === undefined ? undefined : (await subject.runs())! - runsBefore;
    return { result, cpu, runs };
  }
}

/** Runs that no request explains: more than were sent, or fewer than were answered. */
function beside(runs: number, { sent, answered }: LoadResult): number {
  return Math.max(0, runs - sent) + Math.max(0, answered - runs);
}

function of({ name }: Subject, metric: string, value: number, unit: string): Measurement {
  return { subject: name, metric, value: Number(value.toFixed(3)), unit };
}
