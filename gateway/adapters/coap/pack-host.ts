import type { ActionEnd, NodeHost, UpdateJob } from "../../../agent/node-host.ts";
import type {
  CommandName,
  Configuration,
  Metrics,
  NodeManifest,
  StatusReport,
} from "../../../schemas/generated/types.ts";
import type { NodeId } from "../../../schemas/wire/node-id.ts";
import type { HardwareNumber, SiteCommandName } from "../../../schemas/wire/site-topics.ts";
import type { PackUpdates } from "../../app/pack-updates.ts";
import { packCommandsOf, packConfiguration } from "../../domain/pack-configuration.ts";
import type { PackFacts } from "../../domain/pack-facts.ts";
import { packManifest, packMetrics, packStatus } from "../../domain/pack-report.ts";
import type { PackCommands } from "../../ports/pack-commands.ts";
import type { SitePacks } from "../../ports/site-packs.ts";

export interface PackHostOptions {
  readonly id: NodeId;
  readonly pack: HardwareNumber;
  readonly model: string;
  readonly packs: SitePacks;
  readonly commands: PackCommands;
  readonly updates: Pick<PackUpdates, "update">;
}

const done: ActionEnd = { outcome: "done" };
const refused = (reason: string): ActionEnd => ({ outcome: "refused", reason });
const maxReason = 96;

/** A pack as a node of the manager: what it says is what the bus said, what it is told goes onto the bus. */
export class PackHost implements NodeHost {
  readonly id: NodeId;
  readonly #options: PackHostOptions;
  /** What was known last: the registry drops a pack that is silent for long, its child node stays. */
  #facts: PackFacts;

  constructor(options: PackHostOptions, facts: PackFacts) {
    this.#options = options;
    this.id = options.id;
    this.#facts = facts;
  }

  manifest(): Omit<NodeManifest, "id" | "parent" | "lastRev"> {
    return packManifest(this.#now(), this.#options.model);
  }

  report(): Omit<StatusReport, "id" | "lastRev" | "result"> {
    return packStatus(this.#now());
  }

  metrics(): Metrics {
    return packMetrics(this.#now());
  }

  configuration(): Configuration {
    return packConfiguration(this.#now());
  }

  isGone(): boolean {
    const { packs, pack } = this.#options;
    return packs.find(pack)?.isSilent !== false;
  }

  async configure(configuration: Configuration): Promise<ActionEnd> {
    const parsed = packCommandsOf(configuration);
    if (!parsed.ok) return refused(`bad-setting ${parsed.setting}`.slice(0, maxReason));
    for (const { name, payload } of parsed.commands) {
      const end = await this.#send(name, payload);
      if (end.outcome !== "done") return end;
    }
    return done;
  }

  async command(command: CommandName): Promise<ActionEnd> {
    if (command === "query-status") return await this.#send("request-status", {});
    return refused("unsupported");
  }

  async update(job: UpdateJob): Promise<ActionEnd> {
    return await this.#options.updates.update(this.#options.pack, job);
  }

  async #send(name: SiteCommandName, payload: Readonly<Record<string, unknown>>): Promise<ActionEnd> {
    const { commands, pack } = this.#options;
    const { outcome, result, reason } = await commands.send(pack, name, payload);
    if (outcome === "done") return done;
    // A NACK is the pack's word; the others never reached it, or it didn't say.
    if (outcome === "refused") return refused(result ?? "refused");
    return { outcome: "failed", reason: (reason ?? outcome).slice(0, maxReason) };
  }

  #now(): PackFacts {
    const { packs, pack } = this.#options;
    this.#facts = packs.find(pack) ?? this.#facts;
    return this.#facts;
  }
}
