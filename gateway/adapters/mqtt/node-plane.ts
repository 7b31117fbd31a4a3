import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { ClientLink } from "../../../mqtt/client-link.ts";
import type { Command, CommandAnswer, Environment, StatusReport } from "../../../schemas/generated/types.ts";
import { cborFormat, decode, encodeJson, jsonFormat } from "../../../schemas/wire/codec.ts";
import type { NodeId } from "../../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../../schemas/wire/site-topics.ts";
import { defaultTopicRoot, Topics } from "../../../schemas/wire/topics.ts";
import { packStatus } from "../../domain/pack-report.ts";
import { packSenml } from "../../domain/pack-senml.ts";
import type { SitePacks } from "../../ports/site-packs.ts";

export interface NodePlaneOptions {
  readonly gateway: NodeId;
  readonly packs: SitePacks;
  /** PEM: by which the manager's broker is checked, where it speaks TLS. */
  readonly ca?: string | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** The gateway's own report. */
  report(): Omit<StatusReport, "id" | "lastRev" | "result">;
  /** An update waits for that node: its action is to be asked for. */
  updateWaits(node: string): void;
  /** Telemetry of a node for whom the manager has no broker that we may speak to. */
  post(node: NodeId, senml: Uint8Array): void;
  /** A command for that node; each is done once, by its id. */
  command(node: string, command: Command): Promise<Pick<CommandAnswer, "result" | "reason">>;
}

const defaultReportSeconds = 30;

/**
 * The gateway and its packs on the manager's data plane: status reports and SenML telemetry at each report interval, availability when it
 * changes. The connection is the gateway's alone, with the account of its environment.
 */
export class NodePlane {
  readonly #options: NodePlaneOptions;
  readonly #children = new Map<HardwareNumber, { readonly id: NodeId; isThere: boolean }>();
  #topics = new Topics(defaultTopicRoot);
  #link: ClientLink | undefined;
  #access = "";
  #reportSeconds = defaultReportSeconds;
  #timer: Timer | undefined;
  #isStopped: boolean = false;
  /** Children whose topics the broker lets us hear; it does when the manager knows them. */
  readonly #heard = new Set<NodeId>();
  /** Connections after the first. */
  reconnects = -1;

  constructor(options: NodePlaneOptions) {
    this.#options = options;
  }

  get isConnected(): boolean {
    return this.#link?.isConnected === true;
  }

  /** As the manager says it; the same again changes nothing. */
  environment({ mqtt, topics, report }: Environment): void {
    const { ca, log } = this.#options;
    this.#reportSeconds = report ?? defaultReportSeconds;
    const access = JSON.stringify([mqtt, topics]);
    if (access === this.#access || this.#isStopped) return;
    this.#access = access;
    void this.#link?.stop();
    this.#link = undefined;
    this.#arm();
    // None that we may be told: telemetry goes by CoAP then.
    if (mqtt === undefined) return;
    const { host, port, tls = false, clientId, user, password } = mqtt;
    if (tls && ca === undefined) {
      // Never in the clear where the manager said TLS.
      log.error("broker-needs-ca", { host, port });
      return;
    }
    this.#topics = new Topics(topics?.root ?? defaultTopicRoot);
    const { gateway } = this.#options;
    const node = this.#topics;
    const link = new ClientLink({
      ...this.#options,
      broker: { host, port, ca: tls ? ca : undefined, clientId: clientId ?? gateway, user, password },
      will: { topic: node.of("availability", gateway), payload: "offline", qos: 1, retain: true },
      subscriptions: filtersOf(node, gateway),
      connected: () => {
        this.reconnects++;
        this.#heard.clear();
        this.#sayAvailability(gateway, true);
        this.#publishAll();
      },
      // A retained one is somebody's mistake.
      message: (topic, payload, isRetained) => {
        if (!isRetained) this.#take(topic, payload);
      },
    });
    this.#link = link;
    link.start();
  }

  presence(id: NodeId, pack: HardwareNumber, isThere: boolean): void {
    this.#children.set(pack, { id, isThere });
    this.#sayAvailability(id, isThere);
  }

  /** Says of all that they are offline: a clean end publishes no will. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const link = this.#link;
    if (link === undefined) return;
    const ids = [this.#options.gateway, ...[...this.#children.values()].map(({ id }) => id)];
    for (const id of ids) this.#sayAvailability(id, false);
    await link.stop();
  }

  #take(topic: string, payload: Uint8Array): void {
    const { updateWaits, command, log } = this.#options;
    const parsed = this.#topics.parse(topic);
    if (parsed?.kind === "update-start") updateWaits(parsed.node);
    if (parsed?.kind !== "command") return;
    const { node, name } = parsed;
    const format = (payload[0] ?? 0) >= 0x80 ? cborFormat : jsonFormat;
    const read = decode("command", payload, format);
    if (!read.ok || read.value.id === undefined || read.value.command !== name) {
      log.info("command-unreadable", { node, name });
      return;
    }
    const { id } = read.value;
    command(node, read.value).then(
      (end) => {
        const answer = encodeJson("command-answer", { id, ...end });
        void this.#link?.publish({ topic: this.#topics.commandAnswer(node, name), payload: answer, qos: 1 });
      },
      (error: unknown) => log.error("command-failed", { node, name, error }),
    );
  }

  #hear(child: NodeId): void {
    if (this.#heard.has(child)) return;
    void this.#link?.subscribe(filtersOf(this.#topics, child)).then((isGranted) => {
      if (isGranted) this.#heard.add(child);
    });
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.after(this.#reportSeconds * 1000, () => {
      this.#publishAll();
      this.#arm();
    });
  }

  #publishAll(): void {
    const { gateway, report, packs, clock } = this.#options;
    this.#sayStatus(gateway, report);
    for (const [pack, { id, isThere }] of this.#children) {
      // Each time: what was said before the manager knew the child was refused.
      this.#sayAvailability(id, isThere);
      this.#hear(id);
      const facts = packs.find(pack);
      if (!isThere || facts === undefined) continue;
      this.#sayStatus(id, () => packStatus(facts));
      const payload = packSenml(facts, clock.wallMs());
      if (payload === undefined) continue;
      if (this.#link === undefined) this.#options.post(id, payload);
      else this.#say("telemetry", id, payload, false);
    }
  }

  /** A report that can't be told is one node's, and keeps none of the others from theirs. */
  #sayStatus(id: NodeId, status: () => Omit<StatusReport, "id" | "lastRev" | "result">): void {
    try {
      this.#say("status", id, encodeJson("status-report", status()), true);
    } catch (error) {
      this.#options.log.error("status-not-told", { node: id, error });
    }
  }

  #sayAvailability(id: NodeId, isThere: boolean): void {
    this.#say("availability", id, isThere ? "online" : "offline", true);
  }

  #say(kind: "status" | "availability" | "telemetry", id: NodeId, payload: Uint8Array | string, retain: boolean): void {
    // What can't be said now is said anew when there is a connection, or is history.
    void this.#link?.publish({ topic: this.#topics.of(kind, id), payload, qos: 1, retain });
  }
}

/** What a node hears: that an update waits, and commands. */
function filtersOf(topics: Topics, node: NodeId): readonly string[] {
  return [topics.of("update-start", node), `${topics.command(node, "any").slice(0, -"any".length)}+`];
}
