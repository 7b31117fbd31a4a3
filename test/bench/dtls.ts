import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TestCa } from "../integration/dtls-harness.ts";
import { beside } from "./heartbeats.ts";
import { buildHandshakeLoad, buildLoadTools, buildProtectedLoad, runTool } from "./load-tools.ts";
import { protectedRequests } from "./protected-requests.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * A CoAP server with a trivial handler on one core, generators in C with the system's OpenSSL on the other: CPU for each request by NoSec and by
 * DTLS with 1 200 sessions, for each handshake (with its first request, its answer and its close_notify), whole and resumed, and memory of
 * silent sessions, by what the process has more of when 10 000 more are there.
 */
export const dtlsBench: Bench = {
  subject: "psk-ccm8",
  peers: ["nosec", "psk-gcm", "ecdhe-psk-chacha20", "ecdsa-ccm8-mutual"],
  compared: { cpu_per_request: "lower" },
  leftOutWhenQuick: [
    "two of the three rounds of DTLS, and three quarters of each round's length",
    "PSK with GCM and with ECDHE and ChaCha20",
  ],
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
  readonly isQuick: boolean;
}

const psk = { hasCertificates: false, resumes: false, holds: false, isQuick: false };
const subjects: readonly Subject[] = [
  { ...psk, name: "nosec", suite: "none", isQuick: true },
  { ...psk, name: "psk-ccm8", suite: "PSK-AES128-CCM8", resumes: true, holds: true, isQuick: true },
  { ...psk, name: "psk-gcm", suite: "PSK-AES128-GCM-SHA256" },
  { ...psk, name: "ecdhe-psk-chacha20", suite: "ECDHE-PSK-CHACHA20-POLY1305", resumes: true },
  {
    ...{ name: "ecdsa-ccm8-mutual", suite: "ECDHE-ECDSA-AES128-CCM8" },
    ...{ hasCertificates: true, resumes: true, holds: false, isQuick: true },
  },
];

const firstSessions = 2_000;
const silentSessions = 10_000;
/** The memory of handshakes that are over goes back five seconds after. */
const untilTrimmedMs = 6500;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface HandshakeResult {
  readonly seconds: number;
  readonly handshakes: number;
  readonly resumed: number;
  readonly answered: number;
  readonly failed: number;
  readonly lost: number;
}

interface Loads {
  readonly plain: string;
  readonly protected: string;
  readonly handshakes: string;
}

class DtlsRound {
  readonly #loads: Loads;
  readonly #subject: Subject;
  readonly #clientFiles: readonly string[];
  readonly #server: ServerProcess;
  #port = 0;
  #readings = 0;

  constructor(
    loads: Loads,
    subject: Subject,
    files: { readonly server: readonly string[]; readonly client: readonly string[] },
  ) {
    this.#loads = loads;
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
      const all: Measurement[] = holds ? [await this.#hold()] : [];
      all.push(...(await this.#requests(seconds)));
      if (suite !== "none") all.push(...(await this.#measure("handshake", seconds)));
      if (resumes) all.push(...(await this.#measure("resume", seconds)));
      return all;
    } finally {
      await this.#server.stop();
    }
  }

  #ask(mode: string, seconds: number, clients: number): Promise<HandshakeResult> {
    return runTool(this.#loads.handshakes, [
      mode,
      this.#port,
      seconds,
      clients,
      this.#subject.suite,
      ...this.#clientFiles,
    ]);
  }

  async #requests(seconds: number): Promise<Measurement[]> {
    const { name, suite } = this.#subject;
    const program = suite === "none" ? this.#loads.plain : this.#loads.protected;
    const [cert = "", key = ""] = this.#clientFiles;
    const env = { LOAD_SUITE: suite, LOAD_CERT: cert, LOAD_KEY: key };
    const load = { subject: name, server: this.#server, port: this.#port, program, env };
    // The first second warms the engine up.
    await protectedRequests({ ...load, seconds: 1 });
    const { runs: before } = await this.#reading();
    const { all, result } = await protectedRequests({ ...load, seconds });
    const { runs: after } = await this.#reading();
    const value = beside(after! - before!, result);
    return [...all, { subject: name, metric: "runs_beside_requests", value, unit: "runs" }];
  }

  async #measure(mode: "handshake" | "resume", seconds: number): Promise<Measurement[]> {
    const clients = 64;
    await this.#ask(mode, seconds / 2, clients);
    const before = this.#server.cpuMicroseconds();
    const { handshakes, resumed, answered, failed } = await this.#ask(mode, seconds, clients);
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
    const metric = mode === "resume" ? "resumption" : "handshake";
    return [
      of(`cpu_per_${metric}`, cpu / handshakes, "us"),
      of(`${metric}s_per_core`, 1e6 / (cpu / handshakes), "1/s"),
    ];
  }

  async #reading(): Promise<Readonly<Record<string, number>>> {
    this.#readings++;
    const next = this.#server.printed(new RegExp(`\\{"reading":${this.#readings},.*\\}`));
    this.#server.signal("SIGUSR2");
    return JSON.parse((await next)[0]) as Record<string, number>;
  }

  /** What the process has besides its JavaScript heap. */
  async #nativeBytes(): Promise<{ bytes: number; sessions: number }> {
    const { rss, heapTotal, sessions } = await this.#reading();
    return { bytes: rss! - heapTotal!, sessions: sessions! };
  }

  async #hold(): Promise<Measurement> {
    // The first of them bring what handshakes need once. Some of their ports come again, and their sessions then go.
    await this.#ask("hold", 60, firstSessions);
    await sleep(untilTrimmedMs);
    const before = await this.#nativeBytes();
    const { answered } = await this.#ask("hold", 60, silentSessions);
    await sleep(untilTrimmedMs);
    const after = await this.#nativeBytes();
    const grown = after.sessions - before.sessions;
    if (answered !== silentSessions || grown < silentSessions * 0.8)
      throw new Error(`${grown} sessions are held, ${answered} answered`);
    const value = Math.round((after.bytes - before.bytes) / grown);
    return { subject: this.#subject.name, metric: "native_bytes_per_silent_session", value, unit: "bytes" };
  }
}

async function runDtlsBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const ca = new TestCa();
  const all: Measurement[] = [];
  try {
    const loads = {
      plain: buildLoadTools(folder).load,
      protected: buildProtectedLoad(folder, "dtls"),
      handshakes: buildHandshakeLoad(folder),
    };
    const [own, node] = [ca.issue("IP:127.0.0.1"), ca.issue("URI:urn:coxswain:node:n1")];
    const files = { server: [own.certFile, own.keyFile, ca.caFile], client: [node.certFile, node.keyFile] };
    for (let round = 0; round < (isQuick ? 1 : 3); round++) {
      for (const subject of subjects) {
        if (isQuick && !subject.isQuick) continue;
        all.push(...(await new DtlsRound(loads, subject, files).run(isQuick ? 1 : 4)));
      }
    }
    return all;
  } finally {
    ca.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}
