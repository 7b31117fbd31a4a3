import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { cborFormat, encodeCbor } from "../../schemas/wire/codec.ts";
import type { Subject } from "./coap-subjects.ts";
import { type LoadResult, runTool } from "./load-tools.ts";
import { onCore } from "./on-core.ts";
import type { Measurement } from "./report.ts";

/** Nodes with an address each: none of them sends more than 265 CON a second in the closed loop (RFC 7252 section 4.4). */
export const endpoints = 1_200;
/** Nodes of the other closed loop: some peers look at every address that they know at each datagram. */
const fewEndpoints = 64;
/** Requests under way in the closed loop: more overflow the default receive buffer of a peer in the first burst. */
export const outstanding = 128;
/** Requests a second in the open loop: what the slowest peers still stand. */
const openRate = 2_000;
const run = promisify(execFile);

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

/** Heartbeats for one subject after the other, and a megabyte from it. */
export class Heartbeats {
  readonly #load: string;
  readonly #folder: string;
  readonly #seconds: number;
  readonly #report = reportHex();
  /** Of each subject, so that it meets the same addresses in every run. */
  readonly #ports = new Map<string, string>();

  /** `seconds` for each look at a subject. */
  constructor(load: string, folder: string, seconds: number) {
    this.#load = load;
    this.#folder = folder;
    this.#seconds = seconds;
  }

  async rssBefore(subject: Subject): Promise<Measurement[]> {
    return [of(subject, "rss_before", subject.server.residentMebibytes(), "MiB")];
  }

  async rssAfter(subject: Subject): Promise<Measurement[]> {
    return [of(subject, "rss_after", subject.server.residentMebibytes(), "MiB")];
  }

  async warmUpFew(subject: Subject): Promise<Measurement[]> {
    await this.#heartbeats(subject, { seconds: 1, from: fewEndpoints });
    return [];
  }

  /** The first report of a node costs more than those that follow. */
  async warmUp(subject: Subject): Promise<Measurement[]> {
    await this.#heartbeats(subject, { seconds: Math.min(1, this.#seconds) });
    if (subject.big !== undefined) await this.#fetchBig(subject.big.port);
    return [];
  }

  async closedLoop(subject: Subject): Promise<Measurement[]> {
    const { result, runs } = await this.#heartbeats(subject, {});
    return [
      of(subject, "requests", result.answeredInTime / result.seconds, "1/s"),
      of(subject, "cpu_per_request", result.cpuUs / result.answeredInTime, "us"),
      of(subject, "lost", result.lost, "requests"),
      of(subject, "most_an_endpoint_sends", result.mostAnEndpointSends, "1/s"),
      ...(runs === undefined ? [] : [of(subject, "runs_beside_requests", beside(runs, result), "runs")]),
    ];
  }

  async fewEndpoints(subject: Subject): Promise<Measurement[]> {
    const { result } = await this.#heartbeats(subject, { from: fewEndpoints });
    return [of(subject, "cpu_64_endpoints", result.cpuUs / result.answeredInTime, "us")];
  }

  async openLoop(subject: Subject): Promise<Measurement[]> {
    const { result } = await this.#heartbeats(subject, { rate: openRate });
    return [
      of(subject, "open_loop_p50", result.p50us / 1000, "ms"),
      of(subject, "open_loop_p99", result.p99us / 1000, "ms"),
      of(subject, "open_loop_answered", (100 * result.answered) / (result.sent + result.skipped), "percent"),
      of(subject, "cpu_open_loop", result.cpuUs / result.answeredInTime, "us"),
    ];
  }

  /** A megabyte by libcoap's client, in blocks of 1024 bytes, its start included. */
  async block2({ name, big }: Subject): Promise<Measurement[]> {
    if (big === undefined) return [];
    const cpuBefore = big.server.cpuMicroseconds();
    const ms = await this.#fetchBig(big.port);
    const cpu = big.server.cpuMicroseconds() - cpuBefore;
    return [
      { subject: name, metric: "block2_1MiB", value: Number(ms.toFixed(1)), unit: "ms" },
      { subject: name, metric: "block2_cpu", value: Number((cpu / 1000).toFixed(1)), unit: "ms" },
    ];
  }

  /** Memory over a minute at an even rate. */
  async minute(subject: Subject): Promise<Measurement[]> {
    const before = subject.server.residentMebibytes();
    await this.#heartbeats(subject, { seconds: 60, rate: openRate, window: 0 });
    return [of(subject, "rss_growth_60s", subject.server.residentMebibytes() - before, "MiB")];
  }

  /** Memory over minutes at `rate`: how much more there is in the last third than in the middle one, by their lowest points. */
  async long(subject: Subject, minutes: number, rate: number): Promise<Measurement[]> {
    const samples: number[] = [];
    const sampler = setInterval(() => samples.push(subject.server.residentMebibytes()), 1000);
    const { result, runs } = await this.#heartbeats(subject, { seconds: minutes * 60, rate, window: 0 });
    clearInterval(sampler);
    const third = Math.floor(samples.length / 3);
    const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
    return [
      of(subject, "rss_growth", Math.min(...last) - Math.min(...middle), "MiB"),
      of(subject, "rss_most", Math.max(...samples), "MiB"),
      of(subject, "rss_at_last", samples.at(-1) ?? 0, "MiB"),
      of(subject, "heartbeats", result.answered, "requests"),
      of(subject, "lost", result.lost, "requests"),
      ...(runs === undefined ? [] : [of(subject, "runs_beside_requests", beside(runs, result), "runs")]),
    ];
  }

  async #fetchBig(port: number): Promise<number> {
    const file = join(this.#folder, "fetched");
    rmSync(file, { force: true });
    const before = process.hrtime.bigint();
    const words = ["-m", "get", "-b", "1024", "-B", "20", "-o", file, `coap://127.0.0.1:${port}/big`];
    const [command, ...rest] = onCore(0, ["coap-client-notls", ...words]);
    await run(command, rest);
    const ms = Number(process.hrtime.bigint() - before) / 1e6;
    const { length } = readFileSync(file);
    if (length !== 1_048_576) throw new Error(`a megabyte by Block2 came as ${length} bytes`);
    return ms;
  }

  async #heartbeats(subject: Subject, how: Loading): Promise<{ result: LoadResult; runs?: number }> {
    const { seconds = this.#seconds, rate = 0, from = endpoints, window = Math.min(outstanding, from) } = how;
    const { name, server, port, method } = subject;
    const runsBefore = await subject.runs();
    const words = [
      port,
      server.pid,
      seconds,
      from,
      window,
      rate,
      method,
      this.#report,
      cborFormat,
      this.#ports.get(name) ?? "-",
    ];
    const result = await runTool<LoadResult>(this.#load, [...words, "status", "r=0", "ep=n%d"]);
    this.#ports.set(name, result.ports);
    if (!server.isRunning) throw new Error("its process ended");
    if (result.answeredInTime === 0) throw new Error("it answered nothing in time");
    if (result.errors > 0) {
      throw new Error(`it answered ${result.errors} requests with an error, the last with ${result.lastError}`);
    }
    return { result, ...(runsBefore !== undefined && { runs: (await subject.runs())! - runsBefore }) };
  }
}

interface Loading {
  readonly seconds?: number;
  /** Requests a second; 0: closed loop. */
  readonly rate?: number;
  readonly from?: number;
  /** Requests under way; 0 with a rate: without haste, so that a long run leaves the generator's core alone. */
  readonly window?: number;
}

/** Runs that no request explains: more than were sent, or fewer than were answered. */
export function beside(runs: number, { sent, answered, warmUpSent, warmUpAnswered }: LoadResult): number {
  return Math.max(0, runs - sent - warmUpSent) + Math.max(0, answered + warmUpAnswered - runs);
}

function of({ name }: Subject, metric: string, value: number, unit: string): Measurement {
  return { subject: name, metric, value: Number(value.toFixed(3)), unit };
}
