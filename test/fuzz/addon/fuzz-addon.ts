import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const headers = `node_modules/node-linux-${process.arch}/include/node`;
const addonFolder = "coap/native";
const program = new URL("./addon-fuzz.ts", import.meta.url).pathname;

/**
 * Compiles the whole addon with the address and undefined-behaviour sanitizers into `folder`; undefined, with a word, where that is
 * impossible.
 */
export function buildSanitizedAddon(folder: string): { readonly addon: string; readonly runtime: string } | undefined {
  const addon = join(folder, "coap.node");
  const sources = readdirSync(addonFolder).filter((name) => name.endsWith(".c"));
  const flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-g", "-shared", "-fPIC", "-fvisibility=hidden", `-I${headers}`];
  try {
    if (process.platform !== "linux") throw new Error("the addon is for Linux.");
    const words = [...flags, "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", addon];
    const files = sources.map((name) => join(addonFolder, name));
    execFileSync("cc", [...words, ...files], { stdio: ["ignore", "ignore", "pipe"] });
    const runtime = execFileSync("cc", ["-print-file-name=libasan.so"], { encoding: "utf8" }).trim();
    if (!existsSync(runtime)) throw new Error("there is no libasan.so.");
    return { addon, runtime };
  } catch (error) {
    const why = error instanceof Error ? error.message.split("\n").slice(0, 3).join(" ") : String(error);
    console.warn(`The addon is not fuzzed as a whole: it takes cc with its sanitizers. ${why}`);
    return undefined;
  }
}

export interface AddonFuzzReport {
  readonly rounds: number;
  readonly [count: string]: number;
}

/**
 * Handshakes, tickets, connection IDs, hellos, records, batches of UDP and the AEAD through the addon's own interface, in a process of its own.
 * Throws with what the sanitizer or the program said.
 */
export function fuzzAddon(
  built: { readonly addon: string; readonly runtime: string },
  rounds: number,
  seed: number,
): AddonFuzzReport {
  const sanitizer = { ASAN_OPTIONS: "detect_leaks=0:quarantine_size_mb=8", UBSAN_OPTIONS: "print_stacktrace=1" };
  const output = execFileSync(process.execPath, [program, built.addon, String(rounds), String(seed)], {
    encoding: "utf8",
    env: { ...process.env, ...sanitizer, LD_PRELOAD: built.runtime, NODE_OPTIONS: "" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(output) as AddonFuzzReport;
}
