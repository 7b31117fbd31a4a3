import type { Clock, Timer } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import { retrySchedule } from "../kernel/retry-schedule.ts";
import { type BridgeLimits, bridgeLimits } from "./bridge-limits.ts";
import { type Keeping, Outbox, type OutboxCounters } from "./outbox.ts";

/**
 * Which way a topic goes over the bridge. One function says it of each topic, so that none goes both ways; undefined: it stays where it is.
 */
export type BridgeWay = { readonly way: "out"; readonly keeping: Keeping } | { readonly way: "in" };

/** A connection to the other broker. */
export interface BridgeLink {
  /** Rejects when one of them isn't granted. */
  subscribe(filters: readonly string[]): Promise<void>;
  /** Resolves when the other broker has it. */
  publish(topic: string, payload: Uint8Array, retain: boolean): Promise<void>;
  /** Idempotent. Nothing of the link is heard afterwards. */
  close(): void;
}

export interface BridgeLinkEvents {
  /** `retain`: it lay there before the subscription. */
  message(topic: string, payload: Uint8Array, retain: boolean): void;
  /** It is over; heard once, and not after `close`. */
  closed(reason: string): void;
}

export interface BridgeOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits?: { readonly [Name in keyof BridgeLimits]?: number | undefined };
  wayOf(topic: string): BridgeWay | undefined;
  /** Subscribed to at the other broker. What comes on a topic that doesn't go in isn't passed on, whatever the filters are. */
  readonly subscribe: readonly string[];
  /** Opens a link; rejects when that fails. Whoever aborts wants no link any more. */
  open(events: BridgeLinkEvents, signal: AbortSignal): Promise<BridgeLink>;
  /** A message from the other broker, for this one. */
  deliver(topic: string, payload: Uint8Array): void;
  /** Whether messages stay retained at the other broker. */
  retains(): boolean;
  /** The link is there, or isn't any more. */
  onLink?(isUp: boolean): void;
}

export interface BridgeCounters extends OutboxCounters {
  links: number;
  linkFailures: number;
  sent: number;
  received: number;
  /** Retained, where nothing may be. */
  inboundRetained: number;
  /** On a topic that doesn't go in. */
  inboundForeign: number;
  inboundTooLarge: number;
  inboundTooFast: number;
}

/**
 * Joins this broker with another one: what is offered goes out when there is a link, what comes in is delivered. While there is none, messages wait in an
 * outbox, and the link is tried again with growing, jittered waits. What came in isn't sent back: a topic goes one way. A command that is asked for while there
 * is no link is nobody's: it isn't carried out later.
 */
export class Bridge {
  readonly limits: BridgeLimits;
  readonly #options: BridgeOptions;
  readonly #outbox: Outbox;
  readonly #counters = {
    ...{ links: 0, linkFailures: 0, sent: 0, received: 0 },
    ...{ inboundRetained: 0, inboundForeign: 0, inboundTooLarge: 0, inboundTooFast: 0 },
  };
  #delays: Iterator<number> | undefined;
  #attempt: AbortController | undefined;
  #link: BridgeLink | undefined;
  #timer: Timer | undefined;
  #deadline: Timer | undefined;
  #inFlight = 0;
  #acknowledgedAtMs = 0;
  #secondAtMs = Number.NEGATIVE_INFINITY;
  #inThisSecond = 0;
  #isRunning = false;
  #lastReason = "";

  constructor(options: BridgeOptions) {
    this.#options = options;
    this.limits = bridgeLimits.resolve(options.limits ?? {});
    this.#outbox = new Outbox(this.limits);
  }

  get isUp(): boolean {
    return this.#link !== undefined;
  }

  /** How many messages wait, those on their way included. */
  get waiting(): number {
    return this.#outbox.size;
  }

  counters(): Readonly<BridgeCounters> {
    return { ...this.#counters, ...this.#outbox.counters };
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#connect();
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#lose();
  }

  /** A message of this broker. It goes out when its topic does; otherwise nothing happens. The payload must not change. */
  offer(topic: string, payload: Uint8Array, retain: boolean): void {
    const way = this.#options.wayOf(topic);
    if (way?.way !== "out") return;
    const isTaken = this.#outbox.offer({
      topic,
      payload,
      retain: retain && this.#options.retains(),
      keeping: way.keeping,
    });
    if (!isTaken) this.#options.log.warn("bridge-full", { topic, waiting: this.#outbox.size });
    this.#send();
  }

  #connect(): void {
    const { clock, open, subscribe, log, onLink } = this.#options;
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#deadline = clock.after(this.limits.connectTimeoutMs, () => this.#failed(attempt, "timeout"));
    const events: BridgeLinkEvents = {
      message: (topic, payload, retain) => {
        if (this.#attempt === attempt) this.#received(topic, payload, retain);
      },
      closed: (reason) => this.#failed(attempt, reason),
    };
    const begin = async (): Promise<void> => {
      const link = await open(events, attempt.signal);
      if (this.#attempt !== attempt) {
        link.close();
        return;
      }
      attempt.signal.addEventListener("abort", () => link.close(), { once: true });
      await link.subscribe(subscribe);
      if (this.#attempt !== attempt) return;
      this.#deadline?.cancel();
      this.#link = link;
      this.#acknowledgedAtMs = clock.monotonicMs();
      this.#counters.links++;
      this.#lastReason = "";
      log.info("bridge-up", { waiting: this.#outbox.size });
      onLink?.(true);
      this.#timer = clock.after(this.limits.stableMs, () => {
        this.#delays = undefined;
      });
      this.#send();
    };
    begin().catch((error: unknown) => this.#failed(attempt, error instanceof Error ? error.message : String(error)));
  }

  /** The attempt or the link that came of it is over. */
  #failed(attempt: AbortController, reason: string): void {
    if (this.#attempt !== attempt) return;
    const { clock, log, entropy } = this.#options;
    this.#counters.linkFailures++;
    this.#timer?.cancel();
    this.#lose();
    if (!this.#isRunning) return;
    const { retryBaseMs, retryCapMs } = this.limits;
    const options = { baseMs: retryBaseMs, capMs: Math.max(retryBaseMs, retryCapMs) };
    this.#delays ??= retrySchedule(options, entropy)[Symbol.iterator]();
    const delayMs = Number(this.#delays.next().value);
    // The same reason again and again would fill the log.
    if (reason !== this.#lastReason) log.warn("bridge-down", { reason, retryMs: Math.round(delayMs) });
    this.#lastReason = reason;
    this.#timer = clock.after(delayMs, () => this.#connect());
  }

  #lose(): void {
    const wasUp = this.#link !== undefined;
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.#link = undefined;
    this.#inFlight = 0;
    this.#deadline?.cancel();
    this.#outbox.unsent();
    attempt?.abort();
    if (wasUp) this.#options.onLink?.(false);
  }

  #send(): void {
    const link = this.#link;
    const attempt = this.#attempt;
    if (link === undefined || attempt === undefined) return;
    while (this.#inFlight < this.limits.maxInFlight) {
      const next = this.#outbox.take();
      if (next === undefined) break;
      if (this.#inFlight === 0) this.#acknowledgedAtMs = this.#options.clock.monotonicMs();
      this.#inFlight++;
      link.publish(next.topic, next.payload, next.retain).then(
        () => {
          if (this.#attempt !== attempt) return;
          this.#outbox.sent(next);
          this.#inFlight--;
          this.#counters.sent++;
          this.#acknowledgedAtMs = this.#options.clock.monotonicMs();
          this.#send();
        },
        (error: unknown) => this.#failed(attempt, error instanceof Error ? error.message : String(error)),
      );
    }
    if (this.#inFlight > 0) this.#watch(attempt);
  }

  /** A link on which nothing is acknowledged for too long is none. */
  #watch(attempt: AbortController): void {
    const { clock } = this.#options;
    const { ackTimeoutMs } = this.limits;
    this.#deadline?.cancel();
    const leftMs = this.#acknowledgedAtMs + ackTimeoutMs - clock.monotonicMs();
    this.#deadline = clock.after(Math.max(0, leftMs), () => {
      if (this.#inFlight > 0) this.#failed(attempt, "unacknowledged");
    });
  }

  #received(topic: string, payload: Uint8Array, retain: boolean): void {
    const counters = this.#counters;
    if (this.#options.wayOf(topic)?.way !== "in") counters.inboundForeign++;
    else if (retain) counters.inboundRetained++;
    else if (payload.length > this.limits.maxInboundBytes) counters.inboundTooLarge++;
    else if (!this.#isInTime()) counters.inboundTooFast++;
    else {
      counters.received++;
      try {
        this.#options.deliver(topic, payload);
      } catch (error) {
        this.#options.log.error("bridge-listener-failed", { topic, error });
      }
    }
  }

  #isInTime(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs - this.#secondAtMs >= 1000) {
      this.#secondAtMs = nowMs;
      this.#inThisSecond = 0;
    }
    return this.#inThisSecond++ < this.limits.maxInboundPerSecond;
  }
}
