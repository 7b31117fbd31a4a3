import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import { LiveEvents } from "../../tools/demo/live-events.ts";
import { type ManagerUrls, type Program, startManager } from "../../tools/demo/programs.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

export interface UpdatePlan {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly file: string;
}

/** What the manager says of one attempt. */
export interface AttemptSeen {
  readonly attempt: {
    readonly id: string;
    readonly state: string;
    readonly reason?: string;
    readonly percent?: number;
  };
  readonly node: string;
  readonly resumes: number;
  readonly bytesByWay: Readonly<Record<string, number>>;
}

/** A manager as a process of its own, on ports that it keeps when it is killed and started again, and what it says over HTTP. */
export class RealManager {
  readonly folder: string;
  readonly events: LiveEvents;
  readonly urls: ManagerUrls;
  /** Every live event so far, so that a test can look back to before it did something. */
  readonly seen: LiveEvent[] = [];
  readonly #flags: readonly string[];
  readonly #ports: OwnPorts;
  #program: Program;

  private constructor(
    folder: string,
    ports: OwnPorts,
    flags: readonly string[],
    started: { program: Program; urls: ManagerUrls },
  ) {
    this.folder = folder;
    this.#ports = ports;
    this.#flags = flags;
    this.#program = started.program;
    this.urls = started.urls;
    this.events = new LiveEvents(started.urls.http);
  }

  static async start(folder: string, flags: readonly string[] = []): Promise<RealManager> {
    const ports = await ownPorts();
    const all = ["--no-mdns", ...flags];
    const manager = new RealManager(folder, ports, all, await startManager(folder, { ports, flags: all }));
    manager.events.subscribe((event) => manager.seen.push(event));
    await manager.events.start();
    return manager;
  }

  get ports(): OwnPorts {
    return this.#ports;
  }

  get pid(): number {
    return this.#program.pid;
  }

  async kill(): Promise<void> {
    await this.#program.cut();
  }

  async startAgain(): Promise<void> {
    this.#program = (await startManager(this.folder, { ports: this.#ports, flags: this.#flags })).program;
  }

  async stop(): Promise<void> {
    this.events.stop();
    await this.#program.stop();
    this.#checkLog();
  }

  /** No run may have said a secret: the key that seals all others, or the token of its data folder. */
  #checkLog(): void {
    const log = readFileSync(join(this.folder, "manager.log"), "utf8");
    const at = this.#flags.lastIndexOf("--data-dir");
    const data = (at === -1 ? undefined : this.#flags[at + 1]) ?? join(this.folder, "manager");
    for (const name of ["key", "admin-token"]) {
      const secret = readFileSync(join(data, name), "utf8").trim();
      if (log.includes(secret)) throw new Error(`The manager's log has the secret that is in ${name}.`);
    }
    if (log.includes("PRIVATE KEY")) throw new Error("The manager's log has a private key.");
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.urls.http}/api/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post<T>(path: string, body: unknown): Promise<T> {
    const response = await fetch(`${this.urls.http}/api/v1${path}`, {
      ...{ method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  /** Uploads the file and makes an update of it; its digest. */
  async createUpdate({ file, ...update }: UpdatePlan): Promise<string> {
    const { digest, size } = await this.uploaded(file);
    await this.post("/updates", { ...update, sequence: 2, digest, size });
    return digest;
  }

  /** Uploads the file. */
  async uploaded(file: string): Promise<{ readonly digest: string; readonly size: number }> {
    const bytes = readFileSync(file);
    const hex = createHash("sha256").update(bytes).digest("hex");
    const response = await fetch(`${this.urls.http}/api/v1/artifacts/${hex}`, {
      ...{ method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes },
    });
    if (!response.ok) throw new Error(`upload: ${response.status} ${await response.text()}`);
    return { digest: `sha256:${hex}`, size: bytes.length };
  }

  async startUpdate(update: string, nodes: readonly string[], via: "coap" | "mqtt" = "coap"): Promise<void> {
    await this.post(`/updates/${update}/start`, { nodes, via });
  }

  async attempt(update: string, node: string): Promise<AttemptSeen | undefined> {
    const { attempts } = await this.get<{ attempts: readonly AttemptSeen[] }>(`/updates/${update}`);
    return attempts.find((each) => each.node === node);
  }

  async manifest(node: string): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { nodes } = await this.get<{ nodes: { id: string; manifest: Record<string, unknown> }[] }>("/nodes");
    return nodes.find((each) => each.id === node)?.manifest;
  }

  /** Waits for an event that fits, from the `since`-th on; rejects with what was awaited. */
  async event(what: string, isIt: (event: LiveEvent) => boolean, since: number): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!this.seen.slice(since).some(isIt)) {
      if (performance.now() > deadline)
        throw new Error(`not seen in 30 s: ${what}; the last attempts: ${this.#lastAttempts()}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  #lastAttempts(): string {
    return JSON.stringify(this.seen.filter(({ kind }) => kind === "attempt").slice(-4));
  }

  /** Asks until the attempt is in one of these states; any other end is an error. */
  async untilAttempt(update: string, node: string, states: readonly string[], withinMs = 60_000): Promise<AttemptSeen> {
    const ends = ["succeeded", "failed", "rolled-back", "cancelled", "expired"];
    const deadline = performance.now() + withinMs;
    for (;;) {
      const seen = await this.attempt(update, node).catch(() => undefined);
      const state = seen?.attempt.state ?? "none";
      if (seen !== undefined && states.includes(state)) return seen;
      const isOver = ends.includes(state) || performance.now() > deadline;
      if (isOver) throw new Error(`${node} is ${state} (${seen?.attempt.reason ?? ""}), not ${states.join(" or ")}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
