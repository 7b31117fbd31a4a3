import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import type { RolloutView } from "../../manager/app/api/rollouts.ts";
import { coxswain } from "../../tools/demo/programs.ts";
import {
  buildFolder,
  requireBuild,
  SupervisedNode,
  sha256,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

export interface FleetPlan {
  /** A key is made that the manager and its nodes trust; they take nothing else. */
  readonly signs?: boolean;
}

export interface SignedUpdate {
  readonly id: string;
  readonly file: string;
  readonly version: string;
  readonly sequence: number;
  readonly model?: string;
  /** Further flags of `update create`. */
  readonly flags?: readonly string[];
}

const rolloutWaitMs = 90_000;

/** A manager and nodes as processes of their own: there before the tests of a file, and gone with all that they wrote after them. */
export class RealFleet {
  readonly folder = temporaryFolder();
  /** What nodes run at first. */
  readonly image = join(buildFolder, "cxnode-node");
  readonly digest: string;
  readonly nodes: SupervisedNode[] = [];
  readonly key = join(this.folder, "vendor.pem");
  readonly anchors = join(this.folder, "anchors.cbor");
  readonly #signs: boolean;
  #manager: RealManager | undefined;

  constructor({ signs = false }: FleetPlan = {}) {
    requireBuild();
    this.#signs = signs;
    this.digest = `sha256:${sha256(this.image)}`;
    beforeAll(() => this.#start(), 60_000);
    afterAll(() => this.#end());
  }

  get manager(): RealManager {
    if (this.#manager === undefined) throw new Error("The manager is there within tests only.");
    return this.#manager;
  }

  /** A node that has registered. Flags that are said twice count as said last. */
  async node(id: string, flags: readonly string[] = []): Promise<SupervisedNode> {
    const own = ["--id", id, "--model", "m", "--image", this.image, "--manager", this.manager.urls.coap];
    const trust = this.#signs ? ["--anchors", this.anchors] : [];
    const node = new SupervisedNode(join(this.folder, id), [...own, ...trust, ...flags]);
    this.nodes.push(node);
    await node.line(/registered as/);
    return node;
  }

  /** A node that trusts nobody's key. */
  async distrustingNode(id: string): Promise<SupervisedNode> {
    const own = ["--id", id, "--model", "m", "--image", this.image, "--manager", this.manager.urls.coap];
    const node = new SupervisedNode(join(this.folder, id), own);
    this.nodes.push(node);
    await node.line(/registered as/);
    return node;
  }

  /** The command line; its answer as data. */
  async coxswain(...args: readonly string[]): Promise<unknown> {
    return await coxswain(this.manager.urls, ...args);
  }

  /** Signs and uploads. */
  async createSigned({ id, file, version, sequence, model = "m", flags = [] }: SignedUpdate): Promise<void> {
    const about = ["--id", id, "--model", model, "--version", version, "--sequence", `${sequence}`];
    await this.coxswain("update", "create", file, ...about, "--key", this.key, ...flags);
  }

  /** Asks until it is so; the rollout as it is then. */
  async untilRollout(rollout: string, what: string, isSo: (view: RolloutView) => boolean): Promise<RolloutView> {
    const deadline = performance.now() + rolloutWaitMs;
    for (;;) {
      const view = await this.manager.get<RolloutView>(`/rollouts/${rollout}`);
      if (isSo(view)) return view;
      if (performance.now() > deadline)
        throw new Error(`not ${what} in ${rolloutWaitMs / 1000} s: ${JSON.stringify(view)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async #start(): Promise<void> {
    this.#manager = await RealManager.start(this.folder);
    if (!this.#signs) return;
    await this.coxswain("update", "keygen", this.key);
    await this.coxswain("update", "anchors", "add", this.key, "--name", "release key");
    await this.coxswain("update", "anchors", "export", "--out", this.anchors);
  }

  async #end(): Promise<void> {
    for (const node of this.nodes) {
      node.signal("SIGKILL");
      await node.exit;
    }
    await this.#manager?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
