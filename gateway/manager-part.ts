import { lookup } from "node:dns/promises";
import { mkdirSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { Agent } from "../agent/agent.ts";
import type { ManagerAddress } from "../agent/manager-address.ts";
import { type ManagerEndpoint, managerEndpoint } from "../agent/manager-endpoint.ts";
import type { NodeCredentials } from "../agent/node-credentials.ts";
import { fileLeases } from "../coap/package/file-leases.ts";
import { dgramTransport } from "../coap/transport/dgram.ts";
import { type Clock, sleep } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import { retrySchedule } from "../kernel/retry-schedule.ts";
import { nodeSuitCrypto } from "../schemas/crypto/node-suit-crypto.ts";
import type { SiteUpdateTrigger } from "../schemas/generated/types.ts";
import type { NodeId } from "../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../schemas/wire/site-topics.ts";
import { readKeySet, type TrustAnchor } from "../schemas/wire/suit/trust-anchor.ts";
import { GatewayHost, type GatewayHostOptions } from "./adapters/coap/gateway-host.ts";
import { keptMemories } from "./adapters/coap/kept-memories.ts";
import { ManagedSite } from "./adapters/coap/managed-site.ts";
import { artifactHttp } from "./adapters/http/artifact-http.ts";
import { NodePlane } from "./adapters/mqtt/node-plane.ts";
import { ArtifactFolder } from "./adapters/storage/artifact-folder.ts";
import { jsonRecords } from "./adapters/storage/json-records.ts";
import { HouseholdUpdates, type HouseholdUpdatesOptions, type WishAnswer } from "./app/household-updates.ts";
import { PackUpdates } from "./app/pack-updates.ts";
import type { SiteAnswer } from "./app/site-requests.ts";
import type { FirmwareCarrier } from "./ports/firmware-carrier.ts";
import type { PackCommands } from "./ports/pack-commands.ts";
import type { SitePacks } from "./ports/site-packs.ts";

export interface ManagerPartOptions extends Pick<GatewayHostOptions, "id" | "facts" | "end"> {
  readonly manager: ManagerAddress;
  /** Undefined: a manager under `--insecure`. */
  readonly credentials: NodeCredentials | undefined;
  /** What belongs to these credentials: sequence numbers, what nodes finished, images. */
  readonly folder: string;
  /** Of the gateway, and of its packs. */
  readonly model: string;
  readonly packModel: string;
  /** Of all images together. */
  readonly maxArtifactBytes: number;
  /** Where the household sees how updates go; it asks for them by `trigger`. */
  readonly household?: Pick<HouseholdUpdatesOptions, "site" | "topics" | "publisher" | "isTimeValid"> | undefined;
  readonly packs: SitePacks;
  readonly commands: PackCommands;
  readonly carrier: FirmwareCarrier;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

interface Association {
  readonly address: string;
  readonly made: ManagerEndpoint;
  readonly site: ManagedSite;
}

const resolving = { baseMs: 1_000, capMs: 60_000 };

/**
 * The gateway at its manager: registration of itself and its packs, data plane, updates. The gateway does without it: a manager that is away,
 * or whose name nobody knows yet, is tried again for ever.
 */
export class ManagerPart implements Part {
  readonly name = "manager-link";
  /** The gateway there. */
  readonly id: NodeId;
  readonly updates: PackUpdates;
  readonly plane: NodePlane;
  readonly #options: ManagerPartOptions;
  readonly #host: GatewayHost;
  readonly #household: HouseholdUpdates | undefined;
  #agent: Agent | undefined;
  #association: Association | undefined;
  #stopping = new AbortController();
  /** One change of the association after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(options: ManagerPartOptions) {
    this.#options = options;
    const { id, folder, maxArtifactBytes, credentials, packs, carrier } = options;
    this.id = id;
    const { ca = credentials?.certificate?.ca } = credentials ?? {};
    this.updates = new PackUpdates({
      ...options,
      ...{ packs, carrier, crypto: nodeSuitCrypto, anchors: anchorsOf(credentials) },
      source: artifactHttp({ ca }),
      store: new ArtifactFolder({ folder: join(folder, "artifacts"), maxBytes: maxArtifactBytes }),
      told: (pack, action, news) => this.#household?.told(pack, action, news),
    });
    this.#household =
      options.household &&
      new HouseholdUpdates({
        ...{ ...options.household, packs, clock: options.clock },
        current: () => this.updates.current,
        wish: (pack, update) => this.#wish(pack, update),
        stop: (pack) => {
          const child = this.childOf(pack);
          if (child !== undefined) this.#agent?.cancelUpdate(child);
        },
      });
    this.#host = new GatewayHost({
      ...options,
      speaksTls: ca !== undefined,
      environment: (environment) => this.plane.environment(environment),
      lost: () => this.#next(() => this.#moved()),
    });
    this.plane = new NodePlane({
      ...options,
      ...{ gateway: id, ca },
      report: () => this.#host.report(),
      updateWaits: (node) => this.#agent?.changed(node),
      post: (node, senml) => void this.#agent?.telemetry(node, senml),
      command: async (node, command) => {
        const end = await this.#agent?.command(node, command);
        if (end === undefined) return { result: "failed", reason: "not-now" };
        return { result: end.outcome, ...(end.reason !== undefined && { reason: end.reason }) };
      },
    });
  }

  /** It is registered with its manager now. */
  get isRegistered(): boolean {
    return this.#agent?.isRegistered === true;
  }

  /** The pack's node there. */
  childOf(pack: HardwareNumber): NodeId | undefined {
    return this.#association?.site.childOf(pack);
  }

  /** An update that somebody of the household asks for: the manager decides. */
  async trigger(trigger: SiteUpdateTrigger): Promise<SiteAnswer> {
    const absent: SiteAnswer = { outcome: "not-sent", reason: "This gateway isn't set up for it." };
    return (await this.#household?.trigger(trigger)) ?? absent;
  }

  async #wish(pack: HardwareNumber, update: string): Promise<WishAnswer> {
    const child = this.childOf(pack);
    if (this.#agent === undefined || child === undefined) return { kind: "wait", reason: "The manager is away." };
    const { kind, reason = "" } = await this.#agent.install(child, update);
    return kind === "begun" ? { kind } : { kind, reason };
  }

  start(): void {
    this.#household?.start();
    this.#next(() => this.#associate());
  }

  async stop(): Promise<void> {
    this.#household?.stop();
    this.#stopping.abort(new Error("The gateway stops."));
    await this.#work;
    await this.plane.stop();
    await this.#leave();
  }

  #next(work: () => Promise<void>): void {
    const { log } = this.#options;
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) log.error("manager-link-failed", { error });
    });
  }

  async #associate(): Promise<void> {
    const { manager, credentials, folder, clock, entropy, log, packs, commands, packModel, id } = this.#options;
    const address = await this.#resolved();
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const made = managerEndpoint({
      manager: { ...manager, host: address },
      ...{ credentials, serverName: manager.host, clock, entropy, log },
      leases: fileLeases(join(folder, "oscore-numbers")),
      transport: dgramTransport({ address: address.includes(":") ? "::" : "0.0.0.0", port: 0 }),
    });
    const agent = new Agent({
      ...{ ...made, clock, entropy, log, host: this.#host },
      memories: keptMemories(jsonRecords(join(folder, "nodes"))),
    });
    const site = new ManagedSite({
      ...{ gateway: id, agent, log, packs, commands, model: packModel, updates: this.updates },
      presence: (child, pack, isThere) => this.plane.presence(child, pack, isThere),
    });
    await made.endpoint.start();
    try {
      await site.start();
    } catch (error) {
      await made.endpoint.stop();
      throw error;
    }
    this.#agent = agent;
    this.#association = { address, made, site };
    log.info("manager-link", { manager: manager.host, address, secured: !made.isOpen });
  }

  /** The manager fell silent: if its name leads elsewhere now, so do we. */
  async #moved(): Promise<void> {
    if (isIP(this.#options.manager.host) !== 0 || this.#association === undefined) return;
    const address = await this.#resolved();
    if (address === this.#association.address) return;
    await this.#leave();
    await this.#associate();
  }

  async #leave(): Promise<void> {
    const association = this.#association;
    this.#association = undefined;
    this.#agent = undefined;
    if (association === undefined) return;
    await association.site.stop();
    await association.made.endpoint.stop();
  }

  async #resolved(): Promise<string> {
    const { manager, clock, entropy, log } = this.#options;
    const { signal } = this.#stopping;
    if (isIP(manager.host) !== 0) return manager.host;
    for (const pauseMs of retrySchedule(resolving, entropy)) {
      signal.throwIfAborted();
      try {
        return (await lookup(manager.host)).address;
      } catch (error) {
        const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
        log.warn("manager-name-unknown", { host: manager.host, reason });
        await sleep(clock, pauseMs, signal);
      }
    }
    throw new Error("There are no more tries.");
  }
}

/** Throws where the credentials' key set is none: who gave it meant updates to be checked. */
function anchorsOf(credentials: NodeCredentials | undefined): readonly TrustAnchor[] {
  if (credentials?.anchors === undefined) return [];
  const set = readKeySet(credentials.anchors, nodeSuitCrypto);
  if (!set.ok) throw new Error(`The trust anchors in the credentials are no good: ${set.reason}, ${set.where}.`);
  return set.anchors;
}
