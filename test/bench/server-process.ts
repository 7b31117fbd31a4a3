import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";

/** A server under measurement: a process of its own, its CPU time and memory read from the kernel's books. */
export class ServerProcess {
  readonly #child: ChildProcess;
  #output = "";

  constructor(command: readonly [string, ...string[]]) {
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      if (this.#output.length < 65_536) this.#output += chunk.toString();
    });
  }

  /** Resolves with the match once the server has printed a line that fits; rejects when it ends first or after 20 s. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${this.#child.spawnfile} ${why} before printing ${pattern}`));
      const timer = setTimeout(() => fail("took 20 s"), 20_000);
      const look = (): void => {
        const match = this.#output.match(pattern);
        if (match === null) return;
        clearTimeout(timer);
        this.#child.stdout?.off("data", look);
        resolve(match);
      };
      this.#child.stdout?.on("data", look);
      this.#child.once("exit", (code) => fail(`ended with ${code}`));
      look();
    });
  }

  /** User and system time so far, in microseconds. Linux counts it in ticks of 10 ms. */
  cpuMicroseconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  }

  residentMebibytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }
}
