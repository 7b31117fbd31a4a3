import { execFileSync, spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL("load/", import.meta.url));

/** The load generators, in C so that they need less of their core than any server under test. */
export interface LoadTools {
  readonly load: string;
  readonly observe: string;
  readonly kernelAlone: string;
}

export function buildLoadTools(folder: string): LoadTools {
  const build = (name: string): string => {
    const program = join(folder, name);
    execFileSync("cc", ["-O2", "-o", program, join(here, `${name}.c`), join(here, "endpoints.c")]);
    return program;
  };
  return { load: build("coap-load"), observe: build("coap-observe"), kernelAlone: build("kernel-alone") };
}

export interface LoadResult {
  readonly seconds: number;
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
}

export interface ObserveResult {
  readonly seconds: number;
  readonly rounds: number;
  readonly notifications: number;
  readonly confirmable: number;
  readonly missed: number;
  readonly refused: number;
  readonly p50us: number;
  readonly p99us: number;
}

/** Runs a generator on the first core and reads the object that it prints. */
export function runTool<Result>(program: string, words: readonly (string | number)[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn("taskset", ["-c", "0", program, ...words.map(String)], {
      stdio: ["ignore", "pipe", "inherit"],
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
