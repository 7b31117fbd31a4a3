import { readFile } from "node:fs/promises";
import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { retrySchedule } from "../../../kernel/retry-schedule.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import type { CanBus, CanBusState, CanCounters, CanEnd } from "../../ports/can-bus.ts";
import { BusFace } from "./bus-face.ts";
import { type CanLimits, canLimits } from "./can-limits.ts";

/** The part of npm's `socketcan` that is used here. */
export interface RawChannel {
  addListener(event: "onMessage", listener: (message: RawMessage) => void): void;
  addListener(event: "onStopped", listener: () => void): void;
  start(): void;
  stop(): void;
  /** Bytes that the interface took, negative where it took none. */
  send(message: RawMessage): unknown;
  setErrorFilters(mask: number): void;
  disableLoopback(): void;
}

export interface RawMessage {
  id: number;
  ext: boolean;
  rtr: boolean;
  data: Buffer;
  err?: boolean;
}

export interface SocketCanBusOptions {
  /** Of the interface: `can0`. */
  readonly name: string;
  readonly clock: Clock;
  readonly entropy: Pick<Entropy, "fraction">;
  readonly log: Log;
  readonly limits?: { readonly [Name in keyof CanLimits]?: number };
  /** Opens the interface; default: npm's `socketcan`. Rejects with what is wrong and what to do. */
  readonly channel?: (name: string) => Promise<RawChannel>;
  /** What the kernel says of the interface: "up", "down"..., undefined where there is none. */
  readonly interfaceState?: (name: string) => Promise<string | undefined>;
}

interface Waiting {
  readonly frame: CanFrame;
  readonly ended: ((end: CanEnd) => void) | undefined;
  /** The interface was full since then. */
  fullSinceMs: number | undefined;
}

/** Bits of an error frame's identifier, and of its byte 1 (linux/can/error.h). */
const errorBits = {
  timeout: 0x01,
  controller: 0x04,
  protocol: 0x08,
  noAck: 0x20,
  busOff: 0x40,
  restarted: 0x100,
} as const;
const allErrors = 0x1fffffff;
const passiveBits = 0x30;
const activeBit = 0x40;
/** The interface's queue gives room again within a frame's time. */
const fullPauseMs = 2;
/** Frames given to the interface in one go, so that a long queue doesn't hold up everything else. */
const burstFrames = 16;
/** Protocol errors without any frame between them that mean another bit rate. */
const errorsOfOtherRate = 20;

/**
 * A CAN bus by SocketCAN. The kernel owns the controller: its bit rate is whoever set the interface up's, and it comes back from
 * bus-off by `restart-ms`. A full interface (ENOBUFS) is tried again; one that is down, gone or comes back is noticed.
 */
export class SocketCanBus implements CanBus {
  readonly #options: SocketCanBusOptions;
  readonly #limits: CanLimits;
  readonly #face: BusFace;
  readonly #queue: Waiting[] = [];
  #channel: RawChannel | undefined;
  #pauses: Iterator<number>;
  #isClosed: boolean = true;
  #generation = 0;
  #pumpTimer: Timer | undefined;
  #reopenTimer: Timer | undefined;
  #lookTimer: Timer | undefined;
  #protocolErrors = 0;
  #hasOpenedBefore: boolean = false;

  constructor(options: SocketCanBusOptions) {
    this.#options = options;
    this.#limits = canLimits.resolve(options.limits ?? {});
    this.#face = new BusFace(options.log);
    this.#pauses = this.#freshPauses();
  }

  get state(): CanBusState {
    return this.#face.state;
  }

  get counters(): Readonly<CanCounters> {
    return this.#face.counters;
  }

  send(frame: CanFrame, ended?: (end: CanEnd) => void): "queued" | "full" {
    if (this.#queue.length >= this.#limits.queueFrames) {
      this.#face.counters.refused++;
      return "full";
    }
    this.#queue.push({ frame, ended, fullSinceMs: undefined });
    if (this.#queue.length === 1) this.#pumpLater(0);
    return "queued";
  }

  onFrame(listener: (frame: CanFrame) => void): () => void {
    return this.#face.onFrame(listener);
  }

  onState(listener: (state: CanBusState) => void): () => void {
    return this.#face.onState(listener);
  }

  open(): void {
    if (!this.#isClosed) return;
    this.#isClosed = false;
    this.#openChannel();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#reopenTimer?.cancel();
    this.#drop();
    this.#face.set("closed", "It was closed.");
    return Promise.resolve();
  }

  #openChannel(): void {
    const generation = ++this.#generation;
    const isCurrent = (): boolean => generation === this.#generation && !this.#isClosed;
    const { name, channel = npmChannel, interfaceState = kernelState } = this.#options;
    interfaceState(name)
      .then((state) => {
        if (state === undefined) throw new Error(`There is no CAN interface ${name}: plug the adapter in.`);
        if (state === "down") throw new Error(downWords(name));
        return channel(name);
      })
      .then(
        (opened) => {
          if (!isCurrent()) return;
          opened.addListener("onMessage", (message) => {
            if (isCurrent()) this.#message(message);
          });
          opened.addListener("onStopped", () => {
            if (isCurrent()) this.#lost(`The CAN interface ${name} is gone: plug the adapter in again.`);
          });
          // Tells of errors; what this program sends isn't echoed to it, but other programs here see it.
          opened.setErrorFilters(allErrors);
          opened.start();
          this.#channel = opened;
          if (this.#hasOpenedBefore) this.#face.counters.reopened++;
          this.#hasOpenedBefore = true;
          this.#pauses = this.#freshPauses();
          this.#protocolErrors = 0;
          this.#face.set("up");
          this.#lookLater();
          this.#pumpLater(0);
        },
        (error: unknown) => {
          if (isCurrent()) this.#lost(error instanceof Error ? error.message : String(error));
        },
      );
  }

  #lost(reason: string): void {
    this.#drop();
    this.#failAll();
    this.#face.set("unplugged", reason);
    const pauseMs: number = this.#pauses.next().value ?? this.#limits.reopenCapMs;
    this.#reopenTimer = this.#options.clock.after(pauseMs, () => this.#openChannel());
  }

  #drop(): void {
    this.#generation++;
    this.#pumpTimer?.cancel();
    this.#lookTimer?.cancel();
    const channel = this.#channel;
    this.#channel = undefined;
    try {
      channel?.stop();
    } catch {
      // It had stopped by itself.
    }
  }

  #message({ id, ext, rtr, data, err }: RawMessage): void {
    if (err === true) {
      this.#error(id, data);
      return;
    }
    this.#protocolErrors = 0;
    if (rtr) return;
    this.#face.set("up");
    this.#face.received({ id, isExtended: ext, data: new Uint8Array(data) });
  }

  /** What the controller's driver tells. */
  #error(id: number, data: Uint8Array): void {
    const { name } = this.#options;
    if ((id & errorBits.busOff) !== 0) {
      this.#face.set(
        "bus-off",
        `Too many errors on ${name}: check the wiring, the 120 ohm at both ends and the bit rate. The kernel brings it back with \`ip link set ${name} type can restart-ms 100\`.`,
      );
      this.#failAll();
      return;
    }
    if ((id & errorBits.restarted) !== 0) this.#face.set("up");
    if ((id & errorBits.protocol) !== 0 && ++this.#protocolErrors >= errorsOfOtherRate) {
      this.#face.set(
        "wrong-bit-rate",
        `There is traffic on ${name} that nobody understands: set its bit rate with \`ip link set ${name} type can bitrate 500000\`.`,
      );
    }
    const controller = (id & errorBits.controller) !== 0 ? (data[1] ?? 0) : 0;
    if ((controller & activeBit) !== 0) this.#face.set("up");
    else if ((id & errorBits.noAck) !== 0 || (controller & passiveBits) !== 0)
      if (this.#face.state.kind === "up")
        this.#face.set("error-passive", "Nobody on the CAN bus acknowledges: is a pack switched on and connected?");
  }

  #pumpLater(delayMs: number): void {
    this.#pumpTimer?.cancel();
    this.#pumpTimer = this.#options.clock.after(delayMs, () => this.#pump());
  }

  #pump(): void {
    if (this.#channel === undefined || this.#face.state.kind === "bus-off") {
      this.#failAll();
      return;
    }
    for (let left = burstFrames; left > 0 && this.#queue.length > 0; left--) {
      const next = this.#queue[0]!;
      if (!this.#give(this.#channel, next.frame)) {
        this.#full(next);
        return;
      }
      this.#queue.shift();
      this.#face.counters.sent++;
      next.ended?.("sent");
    }
    if (this.#queue.length > 0) this.#pumpLater(0);
  }

  #give(channel: RawChannel, { id, isExtended, data }: CanFrame): boolean {
    try {
      const taken = channel.send({ id, ext: isExtended, rtr: false, data: Buffer.from(data) });
      return typeof taken !== "number" || taken > 0;
    } catch {
      return false;
    }
  }

  /** The interface took nothing: its queue is full (ENOBUFS), or it is down, which the regular look finds. */
  #full(next: Waiting): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#face.counters.congested++;
    next.fullSinceMs ??= nowMs;
    if (nowMs - next.fullSinceMs < this.#limits.answerMs) {
      this.#pumpLater(fullPauseMs);
      return;
    }
    // Its queue has not moved at all: nobody acknowledges.
    this.#queue.shift();
    this.#face.counters.failed++;
    if (this.#face.state.kind === "up")
      this.#face.set("error-passive", "Nobody on the CAN bus acknowledges: is a pack switched on and connected?");
    next.ended?.("no-ack");
    if (this.#queue.length > 0) this.#pumpLater(fullPauseMs);
  }

  /** An interface that is set down or pulled says nothing to who doesn't send. */
  #lookLater(): void {
    const generation = this.#generation;
    this.#lookTimer = this.#options.clock.after(this.#limits.statusMs, () => {
      const { name, interfaceState = kernelState } = this.#options;
      void interfaceState(name).then((state) => {
        if (generation !== this.#generation || this.#isClosed) return;
        if (state === undefined) this.#lost(`The CAN interface ${name} is gone: plug the adapter in again.`);
        else if (state === "down") this.#lost(downWords(name));
        else this.#lookLater();
      });
    });
  }

  #failAll(): void {
    const failed = this.#queue.splice(0);
    this.#face.counters.failed += failed.length;
    for (const { ended } of failed) ended?.("lost");
  }

  #freshPauses(): Iterator<number> {
    const { reopenBaseMs: baseMs, reopenCapMs: capMs } = this.#limits;
    return retrySchedule({ baseMs, capMs: Math.max(baseMs, capMs) }, this.#options.entropy)[Symbol.iterator]();
  }
}

function downWords(name: string): string {
  return `The CAN interface ${name} is down: \`ip link set ${name} up type can bitrate 500000 restart-ms 100\`.`;
}

/** A vcan has no carrier and says "unknown": it is up as long as its flag is. */
async function kernelState(name: string): Promise<string | undefined> {
  try {
    const flags = Number(await readFile(`/sys/class/net/${name}/flags`, "latin1"));
    return (flags & 1) === 0 ? "down" : "up";
  } catch {
    return undefined;
  }
}

async function npmChannel(name: string): Promise<RawChannel> {
  // Named in a variable: it is optional, and where it isn't there its types aren't either.
  const library: string = "socketcan";
  let socketcan: { createRawChannelWithOptions(name: string, options: object): RawChannel };
  try {
    const loaded = (await import(library)) as { default?: typeof socketcan } & typeof socketcan;
    socketcan = loaded.default ?? loaded;
  } catch (error) {
    throw new Error(
      `SocketCAN needs the npm package socketcan, which isn't there or isn't built for this machine: \`npm rebuild socketcan --ignore-scripts=false\` builds it with a C++ compiler. A serial-line adapter or tcp://... needs none.`,
      { cause: error },
    );
  }
  try {
    // Sending never waits: a full interface says so, and is asked again.
    return socketcan.createRawChannelWithOptions(name, { non_block_send: true });
  } catch (error) {
    throw new Error(`The CAN interface ${name} can't be opened (${error instanceof Error ? error.message : error}).`, {
      cause: error,
    });
  }
}
