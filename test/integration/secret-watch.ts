import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { createSystemLog } from "../../kernel/system/system-log.ts";
import { RunLogFolder } from "../../tools/run-logs/run-log-folder.ts";

/** As many random bytes are a key, a token, a password or a code; shorter ones are names and nonces. */
const secretBytes = 16;

/**
 * Stands between a manager of the tests and the outside: it knows every random secret that the manager made, since it gave the randomness, reads every line that it
 * logged, and at the end looks for the ones in the others. Every test that runs a manager is a test of that.
 */
export class SecretWatch {
  readonly entropy: Entropy;
  readonly log: Log;
  readonly #secrets: Uint8Array[] = [];
  readonly #texts: string[] = [];
  /** Where the logs of the whole test run are searched at its end. */
  readonly #run: RunLogFolder | undefined;
  #lines = "";

  /** `also` gets every line too. `isPlanted`: a secret is logged on purpose, so this one's log is no part of the run's. */
  constructor(also?: Log, { isPlanted = false }: { readonly isPlanted?: boolean } = {}) {
    this.#run = isPlanted ? undefined : RunLogFolder.ofThisRun();
    const kept = this.#run?.newLog("test-manager");
    this.entropy = {
      ...systemEntropy,
      bytes: (length) => {
        const bytes = systemEntropy.bytes(length);
        if (length >= secretBytes) this.#secrets.push(bytes.slice());
        this.#run?.addSecret(bytes);
        return bytes;
      },
    };
    const write = (line: string): void => {
      this.#lines += line;
      kept?.write(line);
    };
    const own = createSystemLog({ level: "debug", destination: { write } });
    this.log = also === undefined ? own : both(own, also);
  }

  /** A secret that comes from outside: a password in the settings. */
  add(text: string): void {
    if (text.length < 6) return;
    this.#texts.push(text);
    this.#run?.addText(text);
  }

  /** Throws when a secret is in the log, the audit or the timeline of the manager that had this folder and has stopped. */
  check(folder: string): void {
    this.find("its log", this.#lines);
    const database = new DatabaseSync(join(folder, "registry.db"), { readOnly: true });
    try {
      const rows = database.prepare("SELECT stream, key, value FROM event").all();
      this.find("its events", rows.map((row) => `${row["stream"]} ${row["key"]} ${row["value"]}`).join("\n"));
    } finally {
      database.close();
    }
    for (const name of ["key", "admin-token"]) {
      const text = readOrNothing(join(folder, name));
      if (text !== "" && this.#lines.includes(text)) throw new Error(`the secret in ${name} is in its log`);
    }
  }

  find(place: string, text: string): void {
    if (text.includes("PRIVATE KEY")) throw new Error(`a private key is in ${place}`);
    for (const secret of this.#texts) if (text.includes(secret)) throw new Error(`a password is in ${place}`);
    const lower = text.toLowerCase();
    for (const bytes of this.#secrets) {
      // Several secrets may be drawn at once, so the first of them counts alone too.
      for (const part of [bytes, bytes.subarray(0, secretBytes)]) {
        const hex = Buffer.from(part).toString("hex");
        const base64 = Buffer.from(part).toString("base64").replace(/=+$/, "").slice(0, -1);
        const base64url = base64.replace(/\+/g, "-").replace(/\//g, "_");
        const at = [lower.indexOf(hex), text.indexOf(base64), text.indexOf(base64url)].find((each) => each !== -1);
        if (at === undefined) continue;
        const line = text.slice(text.lastIndexOf("\n", at) + 1).split("\n", 1)[0];
        throw new Error(`a secret of ${bytes.length} bytes is in ${place}: ${line?.slice(0, 300)}`);
      }
    }
  }
}

function both(one: Log, other: Log): Log {
  const write =
    (level: "debug" | "info" | "warn" | "error"): Log["info"] =>
    (event, data) => {
      one[level](event, data);
      other[level](event, data);
    };
  return {
    ...{ debug: write("debug"), info: write("info"), warn: write("warn"), error: write("error") },
    with: (data) => both(one.with(data), other.with(data)),
  };
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
