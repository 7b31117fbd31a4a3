import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import type { HardwareNumber, SiteId, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { SiteDay } from "../domain/site-day.ts";
import type { CanBus } from "../ports/can-bus.ts";
import type { Records } from "../ports/records.ts";
import type { SiteBroker, SiteMessage } from "../ports/site-broker.ts";
import { BusCommands } from "./bus-commands.ts";
import { GatewayStatus } from "./gateway-status.ts";
import { ImportRestorer } from "./import-restorer.ts";
import { LastValues } from "./last-values.ts";
import { PacksOnBus } from "./packs-on-bus.ts";
import { SiteDocuments } from "./site-documents.ts";
import { SitePublisher } from "./site-publisher.ts";
import { SiteRequests } from "./site-requests.ts";
import { TimeSender } from "./time-sender.ts";

export interface SiteOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly bus: CanBus;
  readonly broker: SiteBroker;
  readonly records: Records;
  readonly clock: Clock;
  readonly entropy: Pick<Entropy, "uint32">;
  readonly log: Log;
  /** A name of the IANA database. */
  readonly timeZone: string;
  readonly version: string;
  /** Whether the wall clock is right. */
  isTimeValid(): boolean;
  /** A pack's node id at the manager; undefined where there is none. */
  managedId?(pack: HardwareNumber): string | undefined;
}

/**
 * A household between its bus and its broker: the packs, what is published of them, what people ask for. It works without the manager and the
 * internet. What comes and goes elsewhere plugs in here: `requests.take` and `publisher.onPublished` (bridge), `requests.handlers` (sockets,
 * rules, updates), `packs` and `commands` (the manager's side), `status.report` (links).
 */
export class Site {
  readonly packs: PacksOnBus;
  readonly commands: BusCommands;
  readonly publisher: SitePublisher;
  readonly requests: SiteRequests;
  readonly status: GatewayStatus;
  readonly time: TimeSender;
  readonly imports: ImportRestorer;
  readonly #documents: SiteDocuments;
  readonly #day = new SiteDay();
  readonly #lastValues: LastValues;
  readonly #options: SiteOptions;
  #stopListening: () => void = () => {};
  #stopState: () => void = () => {};

  constructor(options: SiteOptions) {
    const { site, topics, bus, broker, records, clock, entropy, log, timeZone, version } = options;
    const isTimeValid = (): boolean => options.isTimeValid();
    this.#options = options;
    this.#lastValues = new LastValues({ records, clock, log });
    this.packs = new PacksOnBus({ bus, clock, log });
    this.commands = new BusCommands({ bus, packs: this.packs, clock, entropy });
    this.publisher = new SitePublisher({ site, topics, broker, lastValues: this.#lastValues, clock, log, isTimeValid });
    const shared = { site, topics, publisher: this.publisher, clock, isTimeValid };
    this.requests = new SiteRequests({ ...shared, commands: this.commands, log });
    this.status = new GatewayStatus({ ...shared, bus, version });
    const managedId = (pack: HardwareNumber): string | undefined => options.managedId?.(pack);
    this.#documents = new SiteDocuments({ ...shared, packs: this.packs, day: this.#day, managedId });
    this.time = new TimeSender({ bus, packs: this.packs, clock, timeZone, isTimeValid });
    this.imports = new ImportRestorer({
      ...{ packs: this.packs, commands: this.commands, time: this.time, topics, clock, log, timeZone, isTimeValid },
    });
  }

  /** The broker runs already. What was last known is published before the bus is opened. */
  async start(): Promise<void> {
    const { bus, broker, site, topics } = this.#options;
    const restored = await this.publisher.restore();
    this.imports.recall(restored);
    this.#day.recall(restored.get(topics.ofSite("history", site)));
    this.#stopListening = broker.onMessage((message: SiteMessage) => this.requests.take(message));
    this.packs.start();
    this.commands.start();
    this.imports.start();
    this.#documents.start();
    this.time.start();
    this.status.start();
    // A bus that comes back may bring packs that lost their time.
    this.#stopState = bus.onState(({ kind }) => {
      if (kind === "up") this.time.send();
    });
    bus.open();
  }

  async stop(): Promise<void> {
    this.#stopListening();
    this.#stopState();
    this.time.stop();
    this.#documents.stop();
    this.imports.stop();
    this.commands.stop();
    this.packs.stop();
    this.status.stop();
    await this.#options.bus.close();
    await this.#lastValues.stop();
  }
}
