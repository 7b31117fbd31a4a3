import { statSync } from "node:fs";
import { join } from "node:path";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import type { DisplayWatch } from "./display-watch.ts";
import type { Evidence } from "./evidence.ts";
import { fleet } from "./fleet.ts";
import type { LiveEvents } from "./live-events.ts";
import type { Narration } from "./narration.ts";
import type { OperatorTokens } from "./operators.ts";
import { coxswain, firmware, type ManagerUrls, type Program, startNode } from "./programs.ts";
import type { Story } from "./story.ts";
import type { Tally } from "./tally.ts";

const stepTimeoutMs = 90_000;
/** How long a download takes, so that it can be watched; of a deflated image half as long. */
const downloadSeconds = 12;

/** It speaks DTLS and TLS beside OSCORE. */
export const nodeImage = firmware("cxnode-node-dtls");

export interface StageOptions {
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly story: Story;
  readonly tally: Tally;
  readonly evidence: Evidence;
  readonly narration: Narration;
  readonly displays: DisplayWatch;
  readonly programs: Map<string, Program>;
  readonly events: LiveEvents;
  readonly manager: ManagerUrls;
  readonly tokens: OperatorTokens;
  readonly coapPort: number;
}

/** What the steps of the job share, and how they wait for one another. */
export class Stage {
  readonly options: StageOptions;
  readonly #credentials = new Map<string, string>();
  readonly #atBroker = new Set<string>();

  constructor(options: StageOptions) {
    this.options = options;
    options.events.subscribe((event) => {
      if (event.kind !== "broker") return;
      if (event.state === "connected") this.#atBroker.add(event.node);
      else this.#atBroker.delete(event.node);
    });
  }

  /** The operator's command line, with the token that is for this part of the fleet alone, or for all of it. */
  coxswain(token: keyof OperatorTokens, ...words: readonly string[]): Promise<unknown> {
    return coxswain({ ...this.options.manager, token: this.options.tokens[token] }, ...words);
  }

  isAtBroker(node: string): boolean {
    return this.#atBroker.has(node);
  }

  powerOn(id: string): void {
    const { programs, coapPort, folder } = this.options;
    const plan = fleet.find((each) => each.id === id)!;
    const credentials = this.credentialsPath(id);
    const downloadRate = Math.ceil(statSync(nodeImage).size / downloadSeconds);
    programs.set(
      id,
      startNode(
        { ...plan, image: nodeImage, downloadRate, credentials, anchors: "with-credentials" },
        coapPort,
        folder,
      ),
    );
  }

  /** As a power cut: the process and its supervisor end at once. */
  async powerOff(id: string): Promise<void> {
    await this.options.programs.get(id)?.cut();
    this.options.narration.poweredOff(id);
  }

  until(what: string, isSeen: () => boolean): Promise<void> {
    return isSeen() ? Promise.resolve() : this.untilEvent(what, isSeen);
  }

  /** Resolves when the condition holds after an event; rejects with what was awaited when it doesn't in time. */
  untilEvent(what: string, isSeen: (event: LiveEvent) => boolean): Promise<void> {
    const { events, signal } = this.options;
    return new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        clearTimeout(timer);
        unsubscribe();
        signal.removeEventListener("abort", onAbort);
        if (error) reject(error);
        else resolve();
      };
      const onAbort = (): void => end(new Error("interrupted"));
      const timer = setTimeout(() => end(new Error(`not seen in ${stepTimeoutMs / 1000} s: ${what}`)), stepTimeoutMs);
      const unsubscribe = events.subscribe((event) => {
        if (isSeen(event)) end();
      });
      signal.addEventListener("abort", onAbort);
      if (signal.aborted) onAbort();
    });
  }

  /** Registrations that the manager holds, for the manifests in them. */
  async manifests(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
    const { nodes } = await this.get<{ nodes: { id: string; manifest: Record<string, unknown> }[] }>("site", "/nodes");
    return new Map(nodes.map(({ id, manifest }) => [id, manifest]));
  }

  /** A counter of the manager, as Prometheus gets it. */
  async metric(name: string): Promise<number> {
    const text = await (await this.ask("fleet", "/metrics")).text();
    const line = text.split("\n").find((each) => each.startsWith(`${name} `));
    if (line === undefined) throw new Error(`the manager has no metric ${name}`);
    return Number(line.slice(name.length + 1));
  }

  async get<T>(token: keyof OperatorTokens, path: string): Promise<T> {
    const response = await this.ask(token, `/api/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return (await response.json()) as T;
  }

  ask(token: keyof OperatorTokens, path: string, init: RequestInit = {}): Promise<Response> {
    const { manager, tokens } = this.options;
    const authorization = `Bearer ${tokens[token]}`;
    return fetch(`${manager.https}${path}`, { ...init, headers: { ...init.headers, authorization } });
  }

  credentialsPath(id: string): string {
    return this.#credentials.get(id) ?? join(this.options.folder, `${id}.credentials.json`);
  }

  /** The file that a person would carry to the node next time. */
  renewedCredentialsPath(id: string): string {
    const path = join(this.options.folder, `${id}.renewed.json`);
    this.#credentials.set(id, path);
    return path;
  }

  imagePath(name: string): string {
    return join(this.options.folder, name);
  }
}
