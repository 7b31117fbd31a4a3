import type { Clock, Timer } from "../../kernel/clock.ts";
import type { SocketRequest, SocketState } from "../../schemas/generated/can.ts";
import type { SiteAck, SiteSocket } from "../../schemas/generated/types.ts";
import type { SocketDialect, SocketMessage } from "../domain/sockets/socket-dialect.ts";
import {
  isSocketStale,
  type SocketRecord,
  socketMessage,
  unheardSocket,
  withReading,
} from "../domain/sockets/socket-record.ts";

/** A smart socket of the household, as it is configured. */
export interface SocketSettings {
  readonly id: string;
  readonly name?: string;
  /** 0 to 127 on the CAN bus; absent: packs don't hear of it. */
  readonly number?: number;
  readonly dialect: SocketDialect;
}

export interface SocketLimits {
  /** A socket that hasn't confirmed a command after this is silent, ms. */
  readonly confirmWithinMs: number;
  /** Packs hear of each socket at least this often, ms. */
  readonly tellPacksEveryMs: number;
}

export const socketLimits: SocketLimits = { confirmWithinMs: 5000, tellPacksEveryMs: 10_000 };

export interface SiteSocketsOptions {
  readonly sockets: readonly SocketSettings[];
  readonly clock: Clock;
  /** Default `socketLimits`. */
  readonly limits?: SocketLimits;
  /** To the socket, by the local broker. */
  readonly send: (message: SocketMessage) => void;
  /** What people see of it, retained. */
  readonly publish: (socket: string, message: SiteSocket) => void;
  readonly tellPacks: (state: SocketState) => void;
  /** Whether wall time is valid. */
  readonly isTimeValid: () => boolean;
}

export type SocketAnswer = Pick<SiteAck, "outcome" | "reason" | "socket">;

interface Known {
  readonly settings: SocketSettings;
  record: SocketRecord;
  wasStale: boolean;
  waiting: Waiting | undefined;
}

interface Waiting {
  readonly isOn: boolean;
  readonly timer: Timer;
  readonly answer: (answer: SocketAnswer) => void;
}

/** The household's smart sockets: what they last said, and switching them. Nothing here throws on what a socket sends. */
export class SiteSockets {
  readonly #options: SiteSocketsOptions;
  readonly #limits: SocketLimits;
  readonly #known = new Map<string, Known>();
  readonly #topics = new Map<string, Known[]>();
  #timer: Timer | undefined;

  constructor(options: SiteSocketsOptions) {
    this.#options = options;
    this.#limits = options.limits ?? socketLimits;
    for (const settings of options.sockets) {
      const known: Known = { settings, record: unheardSocket, wasStale: true, waiting: undefined };
      if (this.#known.has(settings.id)) throw new RangeError(`two sockets are called ${settings.id}`);
      this.#known.set(settings.id, known);
      for (const topic of settings.dialect.topics) this.#topics.set(topic, [...(this.#topics.get(topic) ?? []), known]);
    }
  }

  /** What sockets speak on. */
  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Shows every socket as it is known and asks each how it is. */
  start(): void {
    for (const known of this.#known.values()) {
      this.#publish(known);
      const question = known.settings.dialect.ask();
      if (question) this.#options.send(question);
    }
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const known of this.#known.values()) this.#settle(known, { outcome: "not-sent", reason: "the gateway stops" });
  }

  /** undefined: there is no such socket. */
  isOnline(socket: string): boolean | undefined {
    return this.#known.get(socket)?.record.isOnline;
  }

  /** A message on one of the topics. */
  received(topic: string, payload: Uint8Array): void {
    const { clock } = this.#options;
    for (const known of this.#topics.get(topic) ?? []) {
      const reading = known.settings.dialect.read(topic, payload);
      if (reading === undefined) continue;
      const cameOnline = reading.isOnline === true && !known.record.isOnline;
      known.record = withReading(known.record, reading, clock.monotonicMs());
      if (known.waiting !== undefined && reading.isOn === known.waiting.isOn) this.#settle(known, { outcome: "done" });
      // It may have been switched by its button while it was away.
      const question = cameOnline && reading.isOn === undefined ? known.settings.dialect.ask() : undefined;
      if (question) this.#options.send(question);
      this.#publish(known);
      this.#tellPacks(known);
    }
  }

  /** Switches a socket; resolves once it has confirmed, or hasn't in time. A newer wish takes an older one's place. */
  switch(socket: string, isOn: boolean): Promise<SocketAnswer> {
    const known = this.#known.get(socket);
    if (known === undefined)
      return Promise.resolve({ socket, outcome: "invalid", reason: `there is no socket ${socket}` });
    this.#settle(known, { outcome: "refused", reason: "a newer command took its place" });
    const { clock, send } = this.#options;
    return new Promise((answer) => {
      const timer = clock.after(this.#limits.confirmWithinMs, () => {
        const reason = known.record.isOnline ? "the socket didn't confirm" : "the socket is offline";
        this.#settle(known, { outcome: "silent", reason });
      });
      known.waiting = { isOn, timer, answer };
      send(known.settings.dialect.command(isOn));
    });
  }

  /** The socket that a pack asks for; undefined: none has that number. */
  wantedBy({ socket }: SocketRequest): string | undefined {
    for (const { settings } of this.#known.values()) if (settings.number === socket) return settings.id;
    return undefined;
  }

  #arm(): void {
    const { clock } = this.#options;
    this.#timer = clock.after(this.#limits.tellPacksEveryMs, () => {
      for (const known of this.#known.values()) {
        if (isSocketStale(known.record, clock.monotonicMs()) !== known.wasStale) this.#publish(known);
        this.#tellPacks(known);
      }
      this.#arm();
    });
  }

  #settle(known: Known, answer: SocketAnswer): void {
    const { waiting } = known;
    if (waiting === undefined) return;
    known.waiting = undefined;
    waiting.timer.cancel();
    waiting.answer({ socket: known.settings.id, ...answer });
  }

  #publish(known: Known): void {
    const { clock, isTimeValid, publish } = this.#options;
    const nowMs = clock.monotonicMs();
    known.wasStale = isSocketStale(known.record, nowMs);
    const wallMs = isTimeValid() ? clock.wallMs() : undefined;
    publish(known.settings.id, socketMessage(known.record, known.settings, nowMs, wallMs));
  }

  /** Packs hear only of sockets whose state is known: a frame can't say "unknown". */
  #tellPacks({ settings, record }: Known): void {
    const { clock, tellPacks } = this.#options;
    if (settings.number === undefined || record.isOn === undefined || record.heardAtMs === undefined) return;
    tellPacks({
      frame: "SocketState",
      socket: settings.number,
      isOn: record.isOn,
      power: Math.min(0xffff, Math.round(record.power ?? 0)),
      age: Math.min(0xff, Math.floor((clock.monotonicMs() - record.heardAtMs) / 1000)),
    });
  }
}
