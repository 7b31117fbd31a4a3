import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { CommandFailure } from "./command-failure.ts";

/** A certificate request that somebody made elsewhere; the manager looks into it. */
export function readRequest(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const message = `The request ${file} can't be read (${codeOf(error)}).`;
    const next = `Make one: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout node.key -subj /CN=node -out ${file}`;
    throw new CommandFailure("no-file", message, next);
  }
}

/** Writes a file that isn't there yet, readable by its owner alone. `next` says where it could go instead. */
export function writeNewFile(file: string, text: string | Uint8Array, next = "Name another with --out."): void {
  let descriptor: number;
  try {
    descriptor = openSync(file, "wx", 0o600);
  } catch (error) {
    const code = codeOf(error);
    const message = code === "EEXIST" ? `There is a file ${file} already.` : `${file} can't be written (${code}).`;
    throw new CommandFailure("no-file", message, next);
  }
  try {
    if (typeof text === "string") writeSync(descriptor, text);
    else writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
