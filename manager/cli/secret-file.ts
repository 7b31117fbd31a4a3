import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { CommandFailure, exitCodes } from "./command-failure.ts";

/** A new file, readable by its owner alone, that exists before the secret is made which goes into it. */
export interface ReservedFile {
  readonly descriptor: number;
  discard(): void;
}

export function reserveFile(file: string): ReservedFile {
  try {
    const descriptor = openSync(file, "wx", 0o600);
    return {
      descriptor,
      discard: () => {
        closeSync(descriptor);
        rmSync(file, { force: true });
      },
    };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const message = code === "EEXIST" ? `There is a file ${file} already.` : `${file} can't be written (${code}).`;
    throw new CommandFailure("no-file", message, "Name another with --out FILE.", exitCodes.failed);
  }
}

/** Durable when it returns. */
export function writeReserved({ descriptor }: ReservedFile, text: string): void {
  writeSync(descriptor, text);
  fsyncSync(descriptor);
  closeSync(descriptor);
}
