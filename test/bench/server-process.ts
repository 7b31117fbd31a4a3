import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { onCore } from "./on-core.ts";

/** A server under measurement: a process of its own, its CPU time and memory read from the kernel's books. */
export class ServerProcess {
  static readonly #running = new Set<ServerProcess>();
  readonly #child: ChildProcess;
  #output = "";

  constructor(command: readonly [string, ...string[]]) {
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child.on("error", () => undefined);
    ServerProcess.#running.add(this);
    this.#child.once("exit", () => ServerProcess.#running.delete(this));
    this.#child.stdout?.on("data", (chunk: Buffer) => {
      if (this.#output.length < 65_536) this.#output += chunk.toString();
    });
  }

  /** One that has the second core for itself. */
  static pinned(command: readonly string[]): ServerProcess {
    return new ServerProcess(onCore(1, command));
  }

  /** Whatever happened to a run, nothing of it stays behind. */
  static endAll(): void {
    for (const each of ServerProcess.#running) each.#child.kill("SIGKILL");
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the match once the server has printed a line that fits; rejects when it ends first or after 30 s. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const fail = (why: string): void =>
        reject(new Error(`${this.#child.spawnargs.join(" ")} ${why} before printing ${pattern}`));
      const timer = setTimeout(() => fail("took 30 s"), 30_000);
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

  /** Time on a core so far of all its threads that still live, in microseconds: the scheduler counts it in nanoseconds. */
  cpuMicroseconds(): number {
    let ns = 0;
    for (const task of readdirSync(`/proc/${this.#child.pid}/task`)) {
      try {
        ns += Number(readFileSync(`/proc/${this.#child.pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
      } catch {
        // A thread that ended just now.
      }
    }
    return ns / 1000;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  residentMebibytes(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }
}
