import { connect, type IClientOptions, type MqttClient } from "mqtt";
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import { retrySchedule } from "../kernel/retry-schedule.ts";

/** A broker and who we are there. */
export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  /** PEM of the CA that the broker's certificate must be of; undefined: plain TCP. */
  readonly ca?: string | undefined;
  readonly clientId: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

export interface LinkMessage {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

export interface ClientLinkOptions {
  readonly broker: BrokerAddress;
  /** Published by the broker when the connection breaks. */
  readonly will?: LinkMessage | undefined;
  /** What the broker keeps for us while we are away goes on with the next connection. Default false: a clean session. */
  readonly keepsSession?: boolean;
  readonly subscriptions?: readonly string[];
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Subscribed, and ready to publish. */
  connected?(): void;
  lost?(reason: string): void;
  message?(topic: string, payload: Uint8Array, isRetained: boolean): void;
}

const retry = { baseMs: 1_000, capMs: 120_000 };
const keepaliveSeconds = 30;
const connectMs = 20_000;
const closeMs = 2_000;

/**
 * A client of a broker that comes back by itself, after pauses that grow and are partly random. It keeps nothing while it is away: what
 * can't be sent now the caller hears.
 */
export class ClientLink {
  readonly #options: ClientLinkOptions;
  #client: MqttClient | undefined;
  #timer: Timer | undefined;
  #pauses: Iterator<number>;
  /** Publishes that the broker hasn't acknowledged. */
  readonly #unanswered = new Set<(how: "down") => void>();
  #isUp: boolean = false;
  #isStopped: boolean = true;

  constructor(options: ClientLinkOptions) {
    this.#options = options;
    this.#pauses = this.#schedule();
  }

  get isConnected(): boolean {
    return this.#isUp;
  }

  start(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    this.#open();
  }

  /** Says goodbye first, so that the will isn't published. Resolves when the connection is closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    const client = this.#client;
    this.#client = undefined;
    this.#isUp = false;
    if (client === undefined) return;
    const { clock } = this.#options;
    client.once("close", () => this.#giveUp());
    await new Promise<void>((resolve) => {
      const timer = clock.after(closeMs, () => {
        client.end(true);
        resolve();
      });
      client.end(false, {}, () => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** `sent`: with QoS 1 the broker has it. */
  publish({ topic, payload, qos = 0, retain = false }: LinkMessage): Promise<"sent" | "down"> {
    const client = this.#client;
    if (client === undefined || !this.#isUp) return Promise.resolve("down");
    return new Promise((resolve) => {
      // Its own copy: MQTT.js writes it later.
      const bytes = typeof payload === "string" ? payload : Buffer.from(payload);
      const ended = (how: "sent" | "down"): void => {
        this.#unanswered.delete(ended);
        resolve(how);
      };
      this.#unanswered.add(ended);
      client.publish(topic, bytes, { qos, retain }, (error) => ended(error ? "down" : "sent"));
    });
  }

  /** For this connection alone. False: it is down, or the broker doesn't let us. */
  subscribe(filters: readonly string[]): Promise<boolean> {
    const client = this.#client;
    if (client === undefined || !this.#isUp) return Promise.resolve(false);
    return new Promise((resolve) => {
      const ended = (): void => {
        this.#unanswered.delete(ended);
        resolve(false);
      };
      this.#unanswered.add(ended);
      client.subscribe([...filters], { qos: 1 }, (error, granted) => {
        this.#unanswered.delete(ended);
        resolve(!error && granted !== undefined && granted.every(({ qos }) => qos < 128));
      });
    });
  }

  #open(): void {
    const { broker, will, log, keepsSession = false, subscriptions = [] } = this.#options;
    const { host, port, ca, clientId, user, password } = broker;
    const options: IClientOptions = {
      ...{ host, port, clientId, protocol: ca === undefined ? "mqtt" : "mqtts" },
      ...{ clean: !keepsSession, keepalive: keepaliveSeconds, reconnectPeriod: 0, connectTimeout: connectMs },
      ...{ protocolVersion: 4, resubscribe: false, queueQoSZero: false, rejectUnauthorized: true },
      ...(ca !== undefined && { ca }),
      ...(user !== undefined && { username: user }),
      ...(password !== undefined && { password }),
      ...(will !== undefined && {
        will: {
          topic: will.topic,
          payload: Buffer.from(will.payload),
          qos: will.qos ?? 0,
          retain: will.retain ?? false,
        },
      }),
    };
    const client = connect(options);
    this.#client = client;
    const isCurrent = (): boolean => this.#client === client && !this.#isStopped;
    let reason = "closed";
    client.on("error", (error) => {
      reason = error.message;
    });
    client.on("message", (topic, payload, packet) => {
      if (isCurrent()) this.#options.message?.(topic, new Uint8Array(payload), packet.retain);
    });
    client.on("connect", () => {
      if (!isCurrent()) return;
      const ready = (): void => {
        if (!isCurrent()) return;
        this.#isUp = true;
        this.#pauses = this.#schedule();
        log.info("broker-connected", { host, port });
        this.#options.connected?.();
      };
      if (subscriptions.length === 0) ready();
      else {
        client.subscribe([...subscriptions], { qos: 1 }, (error) => {
          if (error) client.end(true);
          else ready();
        });
      }
    });
    client.on("close", () => {
      if (!isCurrent()) return;
      const wasUp = this.#isUp;
      this.#isUp = false;
      this.#client = undefined;
      client.end(true);
      this.#giveUp();
      if (wasUp) this.#options.lost?.(reason);
      const pauseMs = this.#pauses.next().value ?? retry.capMs;
      log.debug("broker-away", { host, port, reason, pauseMs: Math.round(pauseMs) });
      this.#timer = this.#options.clock.after(pauseMs, () => this.#open());
    });
  }

  /** MQTT.js would say them again on a connection that we don't make with it. */
  #giveUp(): void {
    for (const ended of [...this.#unanswered]) ended("down");
  }

  #schedule(): Iterator<number> {
    return retrySchedule(retry, this.#options.entropy)[Symbol.iterator]();
  }
}
