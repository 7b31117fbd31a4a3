import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { RunLogFolder } from "../run-logs/run-log-folder.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const builtPrograms = process.env["COXSWAIN_NATIVE_BUILD"] ?? join(root, ".pio/build/native");

/** A program of the demo, its output in a file of the demo's folder. */
export class Program {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #lastWords = "";

  constructor(
    name: string,
    command: string,
    args: readonly string[],
    folder: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.#name = name;
    mkdirSync(folder, { recursive: true });
    const log = createWriteStream(join(folder, `${name}.log`), { flags: "a" });
    // In a session of its own: Ctrl-C in the terminal reaches the demo alone, which ends the others in order.
    this.#child = spawn(command, args, {
      ...{ cwd: root, env: { ...ownEnvironment(), ...environment }, stdio: ["ignore", "pipe", "pipe"], detached: true },
    });
    this.#child.stdout?.pipe(log, { end: false });
    this.#child.stderr?.pipe(log, { end: false });
    const kept = RunLogFolder.ofThisRun()?.newLog(name);
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.on("data", (chunk: Buffer) => kept?.write(chunk));
    }
    this.#child.stderr?.on("data", (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString()).slice(-2000);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once("error", () => resolve());
      this.#child.once("exit", () => resolve());
    });
  }

  /** Resolves with the first line of output that fits; rejects when the program ends before or after 20 s. */
  firstLine(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      let output = "";
      const timer = setTimeout(
        () => reject(new Error(`${this.#name} said nothing fitting ${pattern} in 20 s`)),
        20_000,
      );
      this.#child.stdout?.on("data", (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-65_536);
        const line = output.split("\n").find((each) => pattern.test(each));
        if (line === undefined) return;
        clearTimeout(timer);
        resolve(line);
      });
      void this.#ended.then(() => {
        clearTimeout(timer);
        reject(new Error(`${this.#name} ended with exit code ${this.#child.exitCode}:\n${this.#lastWords}`));
      });
    });
  }

  /** As a power cut: nothing is flushed and nothing is said. */
  async cut(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }

  /** Resolves when it has ended; null: by a signal. */
  async exitCode(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Where the manager can be reached, from its ready line. */
export interface ManagerUrls {
  readonly http: string;
  readonly coap: string;
  readonly mqtt: string;
  /** Where it speaks DTLS and TLS too. */
  readonly coaps?: string;
  readonly https?: string;
  readonly mqtts?: string;
  /** Where the manager's files are, the admin's token among them. */
  readonly dataDir: string;
}

export interface ManagerPlan {
  /** Nodes and operators prove who they are; by default nobody has to. */
  readonly isSecure?: boolean;
  /** A secure one that offers no update which nobody signed. */
  readonly demandsSignatures?: boolean;
  /** Fixed ports, for a manager that comes back where its nodes know it; 0 takes free ones. */
  readonly ports?: { readonly coap: number; readonly http: number; readonly mqtt: number };
  /** Further flags. */
  readonly flags?: readonly string[];
  /** And settings that a command line isn't for: others of the machine can read it. */
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startManager(
  folder: string,
  plan: ManagerPlan = {},
): Promise<{ program: Program; urls: ManagerUrls }> {
  const ports = plan.ports ?? { coap: 0, http: 0, mqtt: 0 };
  const program = new Program(
    "manager",
    process.execPath,
    [
      join(root, "manager/main.ts"),
      ...(plan.isSecure === true ? (plan.demandsSignatures === true ? [] : ["--unsigned-updates"]) : ["--insecure"]),
      ...["--json", "--data-dir", join(folder, "manager"), "--poll", "2", "--report", "1"],
      ...["--coap-port", `${ports.coap}`, "--http-port", `${ports.http}`, "--mqtt-port", `${ports.mqtt}`],
      ...(plan.flags ?? []),
    ],
    folder,
    plan.environment,
  );
  const ready = JSON.parse(await program.firstLine(/^\{.*"coap":/)) as ManagerUrls;
  return { program, urls: ready };
}

export interface NodePlan {
  readonly id: string;
  readonly profile: "sensor" | "linux";
  readonly model: string;
  /** Where it downloads from when the manager offers both. */
  readonly prefer: "http" | "coap";
  /** Most bytes a second of a download, so that it can be watched and cut. */
  readonly downloadRate?: number;
  /** Its first image; default `cxnode-node`, without DTLS and TLS. */
  readonly image?: string;
  /** File with its keys. */
  readonly credentials?: string;
  /** File with the keys whose updates it takes; `with-credentials`: they stand there. Without it, it takes images that nobody signed. */
  readonly anchors?: string;
  /** Further flags. */
  readonly flags?: readonly string[];
}

export function startNode(plan: NodePlan, coapPort: number, folder: string): Program {
  const args = [
    ...["--id", plan.id, "--profile", plan.profile, "--model", plan.model, "--prefer", plan.prefer],
    ...["--state", join(folder, plan.id), "--image", plan.image ?? firmware("cxnode-node")],
    ...["--discover-group", `224.0.1.187:${coapPort}`, "--interface", "lo"],
    ...(plan.downloadRate === undefined ? [] : ["--download-rate", String(plan.downloadRate)]),
    ...(plan.credentials === undefined ? [] : ["--credentials", plan.credentials]),
    ...anchorFlags(plan.anchors),
    ...(plan.flags ?? []),
  ];
  return new Program(plan.id, firmware("cxnode"), args, folder);
}

function anchorFlags(anchors: string | undefined): readonly string[] {
  if (anchors === undefined) return ["--unsigned-updates"];
  return anchors === "with-credentials" ? [] : ["--anchors", anchors];
}

export function firmware(name: string): string {
  return join(builtPrograms, name);
}

/** Another valid image from the one that was built: same program, new version in its descriptor, so another digest. */
export async function stampImage(from: string, version: string, to: string): Promise<string> {
  await promisify(execFile)(firmware("cxnode"), ["image", "stamp", from, "--version", version, "--out", to]);
  return to;
}

/** What the command line needs of a manager, and whose token it shows; without one the machine's, which its data folder has. */
export type Reach = Pick<ManagerUrls, "http" | "https" | "dataDir"> & { readonly token?: string };

/** The operator's command line, as a person would run it; its answer as data. */
export async function coxswain(
  { http, https = http, dataDir, token }: Reach,
  ...args: readonly string[]
): Promise<unknown> {
  const cli = join(root, "manager/cli/coxswain.ts");
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [cli, "--url", https, "--data-dir", dataDir, ...args, "--json"],
    { cwd: root, env: { ...ownEnvironment(), ...(token !== undefined && { COXSWAIN_TOKEN: token }) } },
  );
  return JSON.parse(stdout) as unknown;
}

/** Without the settings that the user's shell has for a manager of his own. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("COXSWAIN_")));
}
