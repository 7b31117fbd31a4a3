import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { letOthersRun, onCore } from "./on-core.ts";

const here = fileURLToPath(new URL("load/", import.meta.url));

/** The load generators, in C so that they need less of their core than any server under test. */
export interface LoadTools {
  readonly load: string;
  readonly observe: string;
  readonly kernelAlone: string;
}

/** Of the system's OpenSSL, which isn't the one under test; its headers are those beside Node. */
const openssl = {
  compile: ["-Wno-deprecated-declarations", `-Inode_modules/node-linux-${process.arch}/include/node`],
  link: ["-l:libssl.so.3", "-l:libcrypto.so.3"],
};

export function buildLoadTools(folder: string): LoadTools {
  return {
    load: build(folder, "coap-load", ["coap-load.c", "endpoints.c", "protect-none.c"]),
    observe: build(folder, "coap-observe", ["coap-observe.c", "endpoints.c"]),
    kernelAlone: build(folder, "kernel-alone", ["kernel-alone.c"]),
  };
}

/** `coap-load` whose requests and answers are protected. */
export function buildProtectedLoad(folder: string, by: "dtls" | "oscore"): string {
  const sources = ["coap-load.c", "endpoints.c", `protect-${by}.c`];
  return build(folder, `coap-load-${by}`, sources, openssl);
}

/** Opens DTLS sessions: handshakes, resumptions, silent ones. */
export function buildHandshakeLoad(folder: string): string {
  return build(folder, "dtls-load", ["dtls-load.c"], openssl);
}

function build(
  folder: string,
  name: string,
  sources: readonly string[],
  { compile, link }: { compile: readonly string[]; link: readonly string[] } = { compile: [], link: [] },
): string {
  const program = join(folder, name);
  execFileSync("cc", ["-O2", ...compile, "-o", program, ...sources.map((each) => join(here, each)), ...link]);
  return program;
}

export interface LoadResult {
  readonly seconds: number;
  /** Of the server, while that was counted. */
  readonly cpuUs: number;
  readonly sent: number;
  readonly answeredInTime: number;
  readonly answered: number;
  readonly errors: number;
  readonly lost: number;
  readonly strays: number;
  readonly skipped: number;
  readonly p50us: number;
  readonly p99us: number;
  readonly mostAnEndpointSends: number;
  /** CoAP code of the last error answer, as in "4.04". */
  readonly lastError: string;
  /** Of the generator's sockets, for the next run. */
  readonly ports: string;
  /** Before what is counted above. */
  readonly warmUpSent: number;
  readonly warmUpAnswered: number;
}

export interface ObserveResult {
  readonly seconds: number;
  readonly rounds: number;
  readonly notifications: number;
  readonly confirmable: number;
  readonly missed: number;
  readonly refused: number;
  /** Changes that had to be said again, since nobody answered. */
  readonly again: number;
  readonly p50us: number;
  readonly p99us: number;
}

export interface ToolOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a generator on the first core and reads the object that it prints. */
export async function runTool<Result>(
  program: string,
  words: readonly (string | number)[],
  { env = {} }: ToolOptions = {},
): Promise<Result> {
  await letOthersRun();
  const [command, ...rest] = onCore(0, [program, ...words.map(String)]);
  return await new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...env },
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve(JSON.parse(output) as Result);
      else reject(new Error(`${program} ended with ${code}`));
    });
  });
}
