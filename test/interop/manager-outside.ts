import { type ChildProcess, spawn } from "node:child_process";

export interface ProgramEnd {
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
}

/** Runs an independent program to its end, at most 20 s. A program that isn't installed fails with a message that says so. */
export function runOutside(command: string, args: readonly string[], input?: string | Uint8Array): Promise<ProgramEnd> {
  return startOutside(command, args, input).ended;
}

/** Starts one that runs until it is ended; `out()` is what it printed so far. */
export function startOutside(
  command: string,
  args: readonly string[],
  input?: string | Uint8Array,
): { readonly child: ChildProcess; readonly ended: Promise<ProgramEnd>; out(): string } {
  const child = spawn(command, args);
  const out: Buffer[] = [];
  let err = "";
  const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
  child.stdout.on("data", (chunk: Buffer) => void out.push(chunk));
  child.stderr.on("data", (chunk) => (err += String(chunk)));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const ended = new Promise<ProgramEnd>((resolve, reject) => {
    child.on("error", () =>
      reject(new Error(`${command} is not installed; \`npm test\` installs what its tests need`)),
    );
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, out: Buffer.concat(out), err });
    });
  });
  return { child, ended, out: () => Buffer.concat(out).toString() };
}
