import { appendFileSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { threadId } from "node:worker_threads";

/** Where the programs of a test run leave what they logged, and apart from it which secrets they made. Unset: nowhere. */
export const runLogsVariable = "RUN_LOGS";

/** As many random bytes are a key, a token, a password or a code; shorter ones are names and nonces. */
export const secretBytes = 16;

/** What the programs of one test run logged, and the secrets that mustn't be in it. Every process adds files of its own. */
export class RunLogFolder {
  readonly #logs: string;
  readonly #secrets: string;
  #secretFile: number | undefined;
  #count = 0;

  constructor(folder: string) {
    this.#logs = join(folder, "logs");
    this.#secrets = join(folder, "secrets");
  }

  /** The one of this run; undefined: nobody asked for one. */
  static ofThisRun(): RunLogFolder | undefined {
    const folder = process.env[runLogsVariable];
    return folder === undefined || folder === "" ? undefined : new RunLogFolder(folder);
  }

  /** Begins anew: what an earlier run left is no part of this one. */
  empty(): void {
    for (const each of [this.#logs, this.#secrets]) {
      rmSync(each, { recursive: true, force: true });
      mkdirSync(each, { recursive: true, mode: 0o700 });
    }
  }

  /** Where one program's words go; each piece is on the disk before it returns, since programs are killed. */
  newLog(name: string): { write(text: string | Uint8Array): void } {
    const plain = name.replace(/[^\w.-]/g, "_");
    const file = join(this.#logs, `${plain}-${process.pid}-${threadId}-${this.#count++}.log`);
    return { write: (text) => appendFileSync(file, text) };
  }

  /** Random bytes that a program drew. */
  addSecret(bytes: Uint8Array): void {
    if (bytes.length >= secretBytes) this.#add({ hex: Buffer.from(bytes).toString("hex") });
  }

  /** A password, or what else is secret as it is written. */
  addText(text: string): void {
    this.#add({ text });
  }

  logs(): { readonly name: string; readonly text: string }[] {
    return readdirSync(this.#logs).map((name) => ({ name, text: readFileSync(join(this.#logs, name), "utf8") }));
  }

  /** Each once. */
  secrets(): { readonly bytes: readonly Uint8Array[]; readonly texts: readonly string[] } {
    const [bytes, texts] = [new Set<string>(), new Set<string>()];
    for (const name of readdirSync(this.#secrets)) {
      for (const line of readFileSync(join(this.#secrets, name), "utf8").split("\n")) {
        // A process that was killed may have left half a line.
        if (!line.endsWith("}")) continue;
        const { hex, text } = JSON.parse(line) as { readonly hex?: string; readonly text?: string };
        if (hex !== undefined) bytes.add(hex);
        if (text !== undefined) texts.add(text);
      }
    }
    return { bytes: [...bytes].map((hex) => Buffer.from(hex, "hex")), texts: [...texts] };
  }

  forgetSecrets(): void {
    rmSync(this.#secrets, { recursive: true, force: true });
  }

  #add(secret: { readonly hex: string } | { readonly text: string }): void {
    this.#secretFile ??= openSync(join(this.#secrets, `${process.pid}-${threadId}-${this.#count++}`), "a", 0o600);
    writeSync(this.#secretFile, `${JSON.stringify(secret)}\n`);
  }
}
