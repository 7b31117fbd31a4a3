import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RunLogFolder } from "../../../tools/run-logs/run-log-folder.ts";

/** Where the firmware's native build lies; `npm run setup` makes it. */
export const buildFolder =
  process.env["COXSWAIN_NATIVE_BUILD"] ?? join(import.meta.dirname, "../../../.pio/build/native");
export const cxnode = join(buildFolder, "cxnode");

/** What `cxnode state show --json` prints. */
export interface State {
  active: string;
  trial: string;
  running: string;
  safe: boolean;
  bootCount: number;
  bootsTotal: number;
  resetReason: string;
  rolledBack: string;
  rolledBackDigest: string;
  slotA: string;
  slotB: string;
}

const lineDeadlineMs = 20_000;

export function requireBuild(): void {
  if (existsSync(cxnode)) return;
  throw new Error(`${cxnode} is not there: run "npm run setup", which builds the firmware`);
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "cxnode-"));
}

export function imagePath(name: string): string {
  return join(buildFolder, "images", name);
}

export function sha256(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** Another image from the same build: other version, other digest. */
export function stamp(image: string, version: string, folder: string): string {
  const out = join(folder, `stamped-${version}`);
  execFileSync(cxnode, ["image", "stamp", image, "--version", version, "--out", out]);
  return out;
}

export function readState(folder: string): State {
  return JSON.parse(
    execFileSync(cxnode, ["state", "show", "--state", folder, "--json"], { encoding: "utf8" }),
  ) as State;
}

/** A supervisor with its node, both real processes, and every line that they wrote. */
export class SupervisedNode {
  readonly lines: string[] = [];
  readonly exit: Promise<number | null>;
  readonly folder: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #read = 0;
  #rest = "";
  #hasEnded = false;

  constructor(folder: string, flags: readonly string[], shellPrefix = "") {
    this.folder = folder;
    // Updates are signed in the tests that are about that.
    const trust = flags.includes("--anchors") ? [] : ["--unsigned-updates"];
    const all = ["--state", folder, "--id", "n1", ...trust, ...flags];
    const options = { stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"] };
    this.#process =
      shellPrefix === ""
        ? spawn(cxnode, all, options)
        : spawn("sh", ["-c", `${shellPrefix}; exec "$0" "$@"`, cxnode, ...all], options);
    const kept = RunLogFolder.ofThisRun()?.newLog("cxnode");
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      kept?.write(text);
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      this.lines.push(...parts);
      this.#wake();
    });
    this.exit = new Promise((resolve) => {
      this.#process.on("close", (code) => {
        this.#hasEnded = true;
        resolve(code);
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  signal(name: NodeJS.Signals): void {
    this.#process.kill(name);
  }

  /** The next line, after those already waited for, that matches. */
  async line(pattern: RegExp): Promise<string> {
    const deadline = AbortSignal.timeout(lineDeadlineMs);
    for (;;) {
      for (; this.#read < this.lines.length; this.#read++) {
        const line = this.lines[this.#read] ?? "";
        if (!pattern.test(line)) continue;
        this.#read++;
        return line;
      }
      if (deadline.aborted || this.#hasEnded) {
        throw new Error(`no line like ${pattern}; there were:\n${this.lines.join("\n")}`);
      }
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        deadline.addEventListener("abort", () => resolve(), { once: true });
      });
    }
  }

  /** Tells a `steady` image what to do, and waits until it says that it did. */
  async order(text: string): Promise<string> {
    const beside = join(this.folder, "orders.new");
    writeFileSync(beside, `${text}\n`);
    renameSync(beside, join(this.folder, "orders"));
    return await this.line(new RegExp(`^image did ${text.split(" ")[0]}: `));
  }

  async stop(): Promise<number | null> {
    this.signal("SIGTERM");
    return await this.exit;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

/** Runs `body` with a folder of its own; every node that it started is gone afterwards. */
export async function withNodes(
  body: (start: (flags: readonly string[], shellPrefix?: string) => SupervisedNode, folder: string) => Promise<void>,
): Promise<void> {
  const folder = temporaryFolder();
  const nodes: SupervisedNode[] = [];
  try {
    await body((flags, shellPrefix) => {
      const node = new SupervisedNode(join(folder, "state"), flags, shellPrefix);
      nodes.push(node);
      return node;
    }, folder);
  } finally {
    for (const node of nodes) {
      node.signal("SIGKILL");
      await node.exit;
    }
    rmSync(folder, { recursive: true, force: true });
  }
}
