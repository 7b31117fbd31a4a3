import type { Agent } from "../../../agent/agent.ts";
import type { Log } from "../../../kernel/log.ts";
import { childNodeId, type NodeId } from "../../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../../schemas/wire/site-topics.ts";
import type { PackFacts } from "../../domain/pack-facts.ts";
import { packManifest, packStatus } from "../../domain/pack-report.ts";
import { PackHost, type PackHostOptions } from "./pack-host.ts";

export interface ManagedSiteOptions extends Omit<PackHostOptions, "id" | "pack"> {
  readonly gateway: NodeId;
  readonly agent: Pick<Agent, "start" | "stop" | "addChild" | "changed" | "registerAgain" | "fellSilent" | "returned">;
  readonly log: Log;
  /** A pack came, went, or came back. */
  presence(child: NodeId, pack: HardwareNumber, isThere: boolean): void;
}

/** Children of one run, four times what a bus holds: hardware numbers that somebody invents on the bus don't fill the manager. */
export const childrenMax = 128;

interface Child {
  readonly id: NodeId;
  isThere: boolean;
  /** What its registration said last. */
  manifest: string;
  /** What was said of it last, without what changes all the time. */
  status: string;
}

/**
 * Keeps the manager's children what the packs on the bus are: each pack that is heard becomes one, one that fell silent is said to be gone,
 * and what a pack runs is told as soon as it says so.
 */
export class ManagedSite {
  readonly name = "manager";
  readonly #options: ManagedSiteOptions;
  readonly #children = new Map<HardwareNumber, Child>();
  #unlisten: (() => void) | undefined;
  /** One change after the other: what is kept of a child is read before it is spoken for. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: ManagedSiteOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { agent, packs } = this.#options;
    await agent.start();
    this.#unlisten = packs.onChange((pack, what) => this.#changed(pack, what));
    for (const pack of packs.list()) this.#changed(pack, "presence");
  }

  async stop(): Promise<void> {
    this.#unlisten?.();
    this.#options.agent.stop();
    await this.#work;
  }

  /** The pack's node at the manager. */
  childOf(pack: HardwareNumber): NodeId | undefined {
    return this.#children.get(pack)?.id;
  }

  #changed(pack: HardwareNumber, what: "presence" | "firmware" | "state"): void {
    if (what === "presence" || !this.#children.has(pack)) {
      this.#work = this.#work.then(() => this.#looked(pack));
      return;
    }
    const { agent, packs, model } = this.#options;
    const child = this.#children.get(pack);
    const facts = packs.find(pack);
    if (child === undefined || facts === undefined || !child.isThere) return;
    const manifest = JSON.stringify(packManifest(facts, model));
    // Between its start and its first words a pack runs nothing that is known: that isn't worth a registration.
    const isKnown = facts.firmware.digests.running !== undefined;
    const status = statusOf(facts);
    const isNews = status !== child.status;
    child.status = status;
    if (isKnown && manifest !== child.manifest) {
      child.manifest = manifest;
      agent.registerAgain(child.id);
    } else if (isNews) agent.changed(child.id);
  }

  async #looked(pack: HardwareNumber): Promise<void> {
    const { agent, packs, log, presence, gateway, model } = this.#options;
    const facts = packs.find(pack);
    const isThere = facts !== undefined && !facts.isSilent;
    const known = this.#children.get(pack);
    try {
      if (known === undefined) {
        if (!isThere) return;
        if (this.#children.size >= childrenMax) {
          log.warn("pack-not-managed", { pack, reason: "too many packs were heard since the start" });
          return;
        }
        const id = childNodeId(gateway, pack);
        if (!id.ok) throw new Error(id.rule);
        await agent.addChild(new PackHost({ ...this.#options, id: id.id, pack }, facts));
        const manifest = JSON.stringify(packManifest(facts, model));
        this.#children.set(pack, { id: id.id, isThere: true, manifest, status: statusOf(facts) });
        presence(id.id, pack, true);
      } else if (known.isThere !== isThere) {
        known.isThere = isThere;
        if (isThere) await agent.returned(known.id);
        else agent.fellSilent(known.id);
        presence(known.id, pack, isThere);
      }
    } catch (error) {
      // The others go on; this one is tried again at its next change.
      log.error("pack-not-managed", { pack, error });
    }
  }
}

function statusOf(facts: PackFacts): string {
  const { battery: _, sensorErrors: __, ...status } = packStatus(facts);
  return JSON.stringify(status);
}
