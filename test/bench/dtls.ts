import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TestCa } from "../integration/dtls-harness.ts";
import { runTool } from "./load-tools.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * A CoAP server with a trivial handler on one core, a generator in C with the system's OpenSSL on the other: CPU for each request by NoSec and by
 * DTLS, for each handshake (with its first request, its answer and its close_notify), whole and resumed, and memory of silent sessions.
 */
export const dtlsBench: Bench = {
  subject: "psk-ccm8",
  peers: ["nosec", "psk-gcm", "ecdhe-psk-chacha20", "ecdsa-ccm8-mutual"],
  compared: { cpu_per_request: "lower" },
  leftOutWhenQuick: ["two of the three rounds", "half of each round's length"],
  run: runDtlsBench,
};

interface Subject {
  readonly name: string;
  /** OpenSSL's name, `none` for NoSec. */
  readonly suite: string;
  readonly hasCertificates: boolean;
  /** Whole handshakes and requests are measured for each, resumptions and silent sessions for these. */
  readonly resumes: boolean;
  readonly holds: boolean;
}

const psk = { hasCertificates: false, resumes: false, holds: false };
const subjects: readonly Subject[] = [
  { ...psk, name: "nosec", suite: "none" },
  { ...psk, name: "psk-ccm8", suite: "PSK-AES128-CCM8", resumes: true, holds: true },
  { ...psk, name: "psk-gcm", suite: "PSK-AES128-GCM-SHA256" },
  { ...psk, name: "ecdhe-psk-chacha20", suite: "ECDHE-PSK-CHACHA20-POLY1305", resumes: true },
  { name: "ecdsa-ccm8-mutual", suite: "ECDHE-ECDSA-AES128-CCM8", hasCertificates: true, resumes: true, holds: false },
];

const silentSessions = 10_000;
/** The memory of handshakes that are over goes back five seconds after. */
const untilTrimmedMs = 6500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface LoadResult {
  readonly seconds: number;
  readonly handshakes: number;
  readonly resumed: number;
  readonly answered: number;
  readonly failed: number;
  readonly lost: number;
}

class DtlsRound {
  readonly #load: string;
  readonly #subject: Subject;
  readonly #clientFiles: readonly string[];
  readonly #server: ServerProcess;
  #port = 0;
  #readings = 0;

  constructor(
    load: string,
    subject: Subject,
    files: { readonly server: readonly string[]; readonly client: readonly string[] },
  ) {
    this.#load = load;
    this.#subject = subject;
    this.#clientFiles = subject.hasCertificates ? files.client : [];
    const program = fileURLToPath(new URL("dtls-program.ts", import.meta.url));
    const words = [program, subject.suite, ...(subject.hasCertificates ? files.server : [])];
    this.#server = ServerProcess.pinned([process.execPath, "--expose-gc", ...words]);
  }

  async run(seconds: number): Promise<Measurement[]> {
    const { suite, resumes, holds } = this.#subject;
    try {
      this.#port = Number((await this.#server.printed(/port (\d+)/))[1]);
      const all = await this.#measure("requests", seconds, 16);
      if (suite !== "none") all.push(...(await this.#measure("handshake", seconds, 64)));
      if (resumes) all.push(...(await this.#measure("resume", seconds, 64)));
      if (holds) all.push(await this.#hold());
      return all;
    } finally {
      await this.#server.stop();
    }
  }

  #ask(mode: string, seconds: number, clients: number): Promise<LoadResult> {
    return runTool(this.#load, [mode, this.#port, seconds, clients, this.#subject.suite, ...this.#clientFiles]);
  }

  async #measure(mode: "requests" | "handshake" | "resume", seconds: number, clients: number): Promise<Measurement[]> {
    // The first second warms the engine up.
    await this.#ask(mode, 1, clients);
    const before = this.#server.cpuMicroseconds();
    const { handshakes, resumed, answered, failed, lost, seconds: took } = await this.#ask(mode, seconds, clients);
    const cpu = this.#server.cpuMicroseconds() - before;
    const { name } = this.#subject;
    const isWrong = mode === "resume" ? resumed < handshakes - clients : resumed > 0;
    if (failed > 0 || answered === 0 || isWrong) {
      throw new Error(`${name}, ${mode}: ${failed} failed, ${answered} answered, ${resumed} of ${handshakes} resumed`);
    }
    const of = (metric: string, value: number, unit: string): Measurement => ({
      ...{ subject: name, metric, unit },
      value: Number(value.toFixed(2)),
    });
    if (mode === "requests") {
      const rate = of("requests", answered / took, "1/s");
      return [of("cpu_per_request", cpu / answered, "us"), rate, of("requests_lost", lost, "requests")];
    }
    const metric = mode === "resume" ? "resumption" : "handshake";
    return [
      of(`cpu_per_${metric}`, cpu / handshakes, "us"),
      of(`${metric}s_per_core`, 1e6 / (cpu / handshakes), "1/s"),
    ];
  }

  /** What the process has besides its JavaScript heap. */
  async #nativeBytes(): Promise<{ bytes: number; sessions: number }> {
    this.#readings++;
    const next = this.#server.printed(new RegExp(`\\{"reading":${this.#readings},.*\\}`));
    this.#server.signal("SIGUSR2");
    const { rss, heapTotal, sessions } = JSON.parse((await next)[0]) as Record<string, number>;
    return { bytes: rss! - heapTotal!, sessions: sessions! };
  }

  async #hold(): Promise<Measurement> {
    await sleep(untilTrimmedMs);
    const before = await this.#nativeBytes();
    const { answered } = await this.#ask("hold", 60, silentSessions);
    await sleep(untilTrimmedMs);
    const after = await this.#nativeBytes();
    const grown = after.sessions - before.sessions;
    if (answered !== silentSessions || grown < silentSessions * 0.99)
      throw new Error(`${grown} sessions are held, ${answered} answered`);
    const value = Math.round((after.bytes - before.bytes) / grown);
    return { subject: this.#subject.name, metric: "native_bytes_per_silent_session", value, unit: "bytes" };
  }
}

/** With the OpenSSL of the system, its headers those beside Node. */
function buildLoad(folder: string): string {
  const program = join(folder, "dtls-load");
  const source = fileURLToPath(new URL("load/dtls-load.c", import.meta.url));
  const headers = `-Inode_modules/node-linux-${process.arch}/include/node`;
  execFileSync("cc", [
    "-O2",
    "-Wno-deprecated-declarations",
    headers,
    "-o",
    program,
    source,
    "-l:libssl.so.3",
    "-l:libcrypto.so.3",
  ]);
  return program;
}

async function runDtlsBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const ca = new TestCa();
  const all: Measurement[] = [];
  try {
    const load = buildLoad(folder);
    const [own, node] = [ca.issue("IP:127.0.0.1"), ca.issue("URI:urn:coxswain:node:n1")];
    const files = { server: [own.certFile, own.keyFile, ca.caFile], client: [node.certFile, node.keyFile] };
    for (let round = 0; round < (isQuick ? 1 : 3); round++) {
      for (const subject of subjects) all.push(...(await new DtlsRound(load, subject, files).run(isQuick ? 2 : 4)));
    }
    return all;
  } finally {
    ca.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
