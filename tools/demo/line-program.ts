import { type ChildProcess, spawn } from "node:child_process";
import { RunLogFolder } from "../run-logs/run-log-folder.ts";

const linesKept = 1000;

export interface LineProgramPlan {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Each line of its standard output, without the end. */
  told(line: string): void;
}

/** A program that says what happens in lines, and is told what to do in lines. */
export class LineProgram {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #errors: string[] = [];

  constructor({ name, command, args, told }: LineProgramPlan) {
    // In a session of its own: Ctrl-C in the terminal reaches the demo alone, which ends the others in order.
    this.#child = spawn(command, [...args], { stdio: ["pipe", "pipe", "pipe"], detached: true });
    const kept = RunLogFolder.ofThisRun()?.newLog(name);
    this.#child.stdin?.on("error", () => {});
    eachLine(this.#child.stdout, (line) => {
      kept?.write(`${line}\n`);
      told(line);
    });
    eachLine(this.#child.stderr, (line) => {
      kept?.write(`${line}\n`);
      this.#errors.push(line);
      if (this.#errors.length > linesKept) this.#errors.shift();
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", (error) => {
        this.#errors.push(error.message);
        resolve();
      });
      this.#child.once("close", () => resolve());
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The latest of what it said on its standard error. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  say(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Resolves when it has ended; null: by a signal, or it never began. */
  async exitCode(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** As a power cut: nothing is flushed and nothing is said. */
  async cut(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#ended;
    clearTimeout(timer);
  }
}

function eachLine(stream: NodeJS.ReadableStream | null, told: (line: string) => void): void {
  let rest = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) told(line);
  });
}
