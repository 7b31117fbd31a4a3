import type { Clock, Timer } from "../../kernel/clock.ts";
import type { CanFrame } from "../../schemas/wire/can.ts";
import type { SiteId, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { frameBits } from "../domain/frame-bits.ts";
import { instantOf } from "../domain/local-time.ts";
import type { CanBus } from "../ports/can-bus.ts";
import type { SitePublisher } from "./site-publisher.ts";

export interface GatewayStatusOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly bus: CanBus;
  readonly publisher: SitePublisher;
  readonly clock: Clock;
  readonly version: string;
  readonly bitRate?: number;
  isTimeValid(): boolean;
}

export type LinkState = "off" | "down" | "up";

/** What the bridge and the manager's side report of themselves. */
export interface GatewayLinks {
  readonly internet: "unknown" | "down" | "up";
  readonly manager: LinkState;
  readonly serverBroker: LinkState;
  /** Messages kept until the server broker is back, and those that found the store full. */
  readonly waiting: number;
  readonly lost: number;
  /** The gateway's node id at the manager. */
  readonly node: string | undefined;
}

const everyMs = 10_000;

/** How the gateway and its links are, on the household's topics: each 10 s, and at once where a link or the bus changes. */
export class GatewayStatus {
  readonly #options: GatewayStatusOptions;
  readonly #bitRate: number;
  #links: GatewayLinks = {
    ...{ internet: "unknown", manager: "off", serverBroker: "off", waiting: 0, lost: 0, node: undefined },
  };
  readonly #stops: (() => void)[] = [];
  #timer: Timer | undefined;
  #isRunning = false;
  #startedMs = 0;
  /** Bits since the last look, of what was heard and sent. */
  #bits = 0;
  #sentBefore = 0;
  #lookedMs = 0;
  #load = 0;

  constructor(options: GatewayStatusOptions) {
    this.#options = options;
    this.#bitRate = options.bitRate ?? 500_000;
  }

  start(): void {
    this.#isRunning = true;
    const { bus, clock } = this.#options;
    this.#startedMs = this.#lookedMs = clock.monotonicMs();
    this.#stops.push(bus.onFrame((frame) => this.#heard(frame)));
    this.#stops.push(bus.onState(() => this.#publish()));
    this.#tick();
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
    for (const stop of this.#stops.splice(0)) stop();
    this.#publish(false);
  }

  /** Something of a link changed. */
  report(links: Partial<GatewayLinks>): void {
    const before = this.#links;
    this.#links = { ...before, ...links };
    const isOther = (["internet", "manager", "serverBroker", "node"] as const).some(
      (name) => before[name] !== this.#links[name],
    );
    // Links end after the last word, that the gateway is off: nothing may follow it.
    if (isOther && this.#isRunning) this.#publish();
  }

  /** Share of the bus's time in use over the last look, percent. */
  get canLoad(): number {
    return this.#load;
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(everyMs, () => this.#tick());
    const { bus, clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const spanMs = nowMs - this.#lookedMs;
    // What was sent isn't heard; its length is taken for that of a usual frame.
    const bits = this.#bits + (bus.counters.sent - this.#sentBefore) * usualBits;
    if (spanMs > 0) this.#load = Math.min(100, (bits * 100_000) / (this.#bitRate * spanMs));
    this.#bits = 0;
    this.#sentBefore = bus.counters.sent;
    this.#lookedMs = nowMs;
    this.#publish();
  }

  #heard(frame: CanFrame): void {
    this.#bits += frameBits(frame);
  }

  #publish(isOnline = true): void {
    const { site, topics, bus, publisher, clock, version, isTimeValid } = this.#options;
    const { internet, manager, serverBroker, waiting, lost, node } = this.#links;
    const { kind, reason } = bus.state;
    const isValid = isTimeValid();
    publisher.retain(topics.ofSite("gateway", site), "site-gateway", {
      online: isOnline,
      can: kind === "closed" ? "unplugged" : kind,
      ...(reason !== "" && { canReason: reason.slice(0, 96) }),
      canLoad: this.#load,
      ...{ version, internet, manager, serverBroker, waiting, lost, timeOk: isValid },
      ...(node !== undefined && { node }),
      ...(isValid && { time: instantOf(clock.wallMs()) }),
      uptime: Math.floor((clock.monotonicMs() - this.#startedMs) / 1000),
    });
  }
}

/** A frame of 8 bytes with some stuffing. */
const usualBits = 120;
