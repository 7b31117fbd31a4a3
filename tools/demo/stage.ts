import { statSync } from "node:fs";
import { join } from "node:path";
import type { LiveEvent } from "../../manager/app/api/watching.ts";
import type { DisplayWatch } from "./display-watch.ts";
import type { Evidence } from "./evidence.ts";
import { fleet } from "./fleet.ts";
import type { LiveEvents } from "./live-events.ts";
import type { Narration } from "./narration.ts";
import { firmware, type ManagerUrls, type Program, startNode } from "./programs.ts";
import type { Story } from "./story.ts";
import type { Tally } from "./tally.ts";

const stepTimeoutMs = 90_000;
/** How long a download takes, so that it can be watched. */
const downloadSeconds = 6;

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
  /** The admin's. */
  readonly token: string;
  readonly coapPort: number;
}

/** What the steps of the job share, and how they wait for one another. */
export class Stage {
  readonly options: StageOptions;

  constructor(options: StageOptions) {
    this.options = options;
  }

  powerOn(id: string): void {
    const { programs, coapPort, folder } = this.options;
    const plan = fleet.find((each) => each.id === id)!;
    const credentials = this.credentialsPath(id);
    const downloadRate = Math.ceil(statSync(firmware("cxnode-node")).size / downloadSeconds);
    programs.set(id, startNode({ ...plan, downloadRate, credentials }, coapPort, folder));
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

  /** A registration that the manager holds, for the manifests in it. */
  async manifests(): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
    const { manager, token } = this.options;
    const response = await fetch(`${manager.http}/api/v1/nodes`, { headers: { authorization: `Bearer ${token}` } });
    const { nodes } = (await response.json()) as { nodes: { id: string; manifest: Record<string, unknown> }[] };
    return new Map(nodes.map(({ id, manifest }) => [id, manifest]));
  }

  credentialsPath(id: string): string {
    return join(this.options.folder, `${id}.credentials.json`);
  }

  imagePath(name: string): string {
    return join(this.options.folder, name);
  }
}
