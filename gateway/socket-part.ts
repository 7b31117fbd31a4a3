import type { Clock } from "../kernel/clock.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import type { SiteRule } from "../schemas/generated/types.ts";
import { encodeCan } from "../schemas/wire/can.ts";
import { admit } from "../schemas/wire/codec.ts";
import type { SiteId, SiteTopics } from "../schemas/wire/site-topics.ts";
import type { LocalBroker } from "./adapters/mqtt/local-broker.ts";
import { HouseRules } from "./app/house-rules.ts";
import type { Site } from "./app/site.ts";
import { SiteSockets } from "./app/site-sockets.ts";
import { timeFrame } from "./domain/local-time.ts";
import { staleMs } from "./domain/pack-documents.ts";
import { siteValues } from "./domain/rules/site-values.ts";
import type { CanBus } from "./ports/can-bus.ts";
import type { Records } from "./ports/records.ts";
import type { ConfiguredSocket } from "./read-socket-file.ts";

export interface SocketPartOptions {
  readonly site: Site;
  readonly siteId: SiteId;
  readonly topics: SiteTopics;
  readonly sockets: readonly ConfiguredSocket[];
  readonly broker: LocalBroker;
  readonly bus: CanBus;
  readonly records: Records;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeZone: string;
  isTimeValid(): boolean;
}

const rulesRecord = "rules";

/** The household's smart sockets and its rules, between local broker, packs and people. */
export class SocketPart implements Part {
  readonly name = "sockets-and-rules";
  readonly sockets: SiteSockets;
  readonly #options: SocketPartOptions;
  readonly #stops: (() => void)[] = [];
  #rules: HouseRules | undefined;

  constructor(options: SocketPartOptions) {
    const { site, siteId, topics, sockets, broker, bus, clock } = options;
    this.#options = options;
    this.sockets = new SiteSockets({
      ...{ sockets, clock },
      send: ({ topic, payload }) =>
        broker.publish({ topic, payload: new TextEncoder().encode(payload), isRetained: false }),
      publish: (socket, message) => site.publisher.retain(topics.socket(siteId, socket), "site-socket", message),
      // One that finds the queue full is told again soon anyway.
      tellPacks: (state) => void bus.send(encodeCan(state)),
      isTimeValid: () => options.isTimeValid(),
    });
  }

  async start(): Promise<void> {
    const { site, siteId, topics, sockets, broker, records, clock, log } = this.#options;
    const { sockets: known } = this;
    const logins = sockets.flatMap(({ login }) => (login === undefined ? [] : [{ ...login, clientId: login.user }]));
    broker.setCredentials(logins);
    this.#rules = new HouseRules({
      ...{ clock, sockets: known, rules: await this.#kept() },
      values: () => this.#values(),
      isTimeValid: () => this.#options.isTimeValid(),
      keep: (rules) => records.store(rulesRecord, { rules }),
      publishRules: (rules) => site.publisher.retain(topics.ofSite("rules", siteId), "site-rules", rules),
      publishStatus: (status) => {
        const topic = topics.ofSite("rules-status", siteId);
        // The answer to a test is for who asked.
        if (status.test === true) site.publisher.say(topic, "site-rules-status", status);
        else site.publisher.retain(topic, "site-rules-status", status);
      },
    });
    const rules = this.#rules;
    site.requests.handlers.socket = (socket, { on }) => known.switch(socket, on);
    site.requests.handlers.rules = (command) => rules.take(command);
    this.#stops.push(broker.onMessage(({ topic, payload }) => known.received(topic, payload)));
    this.#stops.push(
      site.packs.onMessage((message) => {
        if (message.frame !== "SocketRequest") return;
        void rules.packAsks(message).then(({ outcome, reason }) => {
          log.info("pack-asks-socket", { node: message.node, socket: message.socket, outcome, reason });
        });
      }),
    );
    known.start();
    rules.start();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#rules?.stop();
    this.sockets.stop();
  }

  /** Rules that can't be read any more are said and left out: the household goes on without them. */
  async #kept(): Promise<readonly SiteRule[]> {
    const { records, log } = this.#options;
    try {
      const record = await records.load(rulesRecord);
      if (record === undefined) return [];
      const read = admit("site-rules", record);
      if (read.ok) return read.value.rules;
      log.error("rules-unreadable", { path: read.fault.path, rule: read.fault.rule });
    } catch (error) {
      log.error("rules-unreadable", { error });
    }
    return [];
  }

  #values(): ReturnType<typeof siteValues> {
    const { site, clock, timeZone, isTimeValid } = this.#options;
    const now = isTimeValid() ? timeFrame(clock.wallMs(), timeZone) : undefined;
    const fresh = site.packs.registry.online().filter(({ hardware }) => {
      const at = site.packs.registry.telemetryAt(hardware);
      return at !== undefined && clock.monotonicMs() - at.monotonicMs <= staleMs;
    });
    return siteValues(fresh, now && now.hour * 60 + now.minute);
  }
}
