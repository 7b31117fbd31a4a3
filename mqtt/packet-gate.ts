import { Duplex } from "node:stream";
import type { Clock } from "../kernel/clock.ts";
import type { Counters } from "./counters.ts";
import type { MqttLimits } from "./limits.ts";
import { checkPacket, PacketType } from "./packet-check.ts";
import { type Packet, PacketFramer } from "./packet-framer.ts";
import {
  keepAliveOffset,
  mapFilters,
  publishLevels,
  readUint16,
  refusedPublish,
  refusedTopic,
} from "./packet-rewrite.ts";
import { isTopicFilter, levelCount } from "./topic-filter.ts";

/** The one timer a connection needs. */
export interface Deadline {
  arm(delayMs: number): void;
  cancel(): void;
}

export interface PacketGateOptions {
  /** The transport's stream: a socket, or one end of a pair in memory. */
  raw: Duplex;
  clock: Clock;
  limits: MqttLimits;
  counters: Counters;
  deadline: Deadline;
  /** What a filter of this client stands for (early device code's bare topics); asked for SUBSCRIBE and UNSUBSCRIBE. */
  ownFilter(filter: string, isSubscribe: boolean): string;
}

const connectStart = 0x10;
const refusedVersion = Uint8Array.of(0x20, 2, 0, 1);

/**
 * Stands between a transport and the broker's MQTT engine. Only whole, well-formed packets within the limits get through;
 * the engine is handed the next ones when it is ready for them, and its answers never make it wait. Connect timeout,
 * keep-alive and lingering run on our clock instead of the engine's real timers.
 */
export class PacketGate extends Duplex {
  readonly #raw: Duplex;
  readonly #clock: Clock;
  readonly #limits: MqttLimits;
  readonly #counters: Counters;
  readonly #deadline: Deadline;
  readonly #ownFilter: PacketGateOptions["ownFilter"];
  readonly #framer: PacketFramer;
  /** greeting: nothing has come; waiting: the engine looks at the CONNECT; open; lingering: over, the peer may read on. */
  #state: "greeting" | "waiting" | "open" | "lingering" = "greeting";
  #hasStarted: boolean = false;
  #isWanted: boolean = false;
  #isPumpDue: boolean = false;
  #isReadingPaused: boolean = false;
  #hasRawEnded: boolean = false;
  #inFlight = 0;
  #pledgedBytes = 0;
  #idleMs = 0;
  #lastPacketMs = 0;
  #sawDisconnect: boolean = false;

  constructor({ raw, clock, limits, counters, deadline, ownFilter }: PacketGateOptions) {
    super({ writableHighWaterMark: limits.maxOutboundBytes });
    this.#raw = raw;
    this.#clock = clock;
    this.#limits = limits;
    this.#counters = counters;
    this.#deadline = deadline;
    this.#ownFilter = ownFilter;
    this.#framer = new PacketFramer(limits.maxConnectBytes);
    deadline.arm(limits.connectTimeoutMs);
    raw.on("data", this.#onData);
    raw.on("end", () => {
      this.#hasRawEnded = true;
      this.#pump();
    });
    // What is wrong with a socket shows as its close.
    raw.on("error", () => {});
    raw.on("close", () => {
      if (this.#state === "lingering" || !this.#hasRawEnded) this.destroy();
      this.#hasRawEnded = true;
      this.#pump();
    });
  }

  /** Whether the peer said goodbye, so that its will isn't to be published. */
  get sawDisconnect(): boolean {
    return this.#sawDisconnect;
  }

  /** Bytes on their way to the peer that it hasn't taken. */
  get outboundBytes(): number {
    return this.#raw.writableLength + this.writableLength + this.#pledgedBytes;
  }

  /** The engine is about to write so many bytes: it does so a turn later, and many messages may be let through until then. */
  pledge(bytes: number): void {
    this.#pledgedBytes += bytes;
  }

  /** Resolves when the peer has taken what was written; undefined when there is no need to wait. */
  whenTaken(): Promise<void> | undefined {
    const raw = this.#raw;
    if (!raw.writableNeedDrain || raw.destroyed) return undefined;
    return new Promise((resolve) => {
      const taken = (): void => {
        raw.off("drain", taken);
        raw.off("close", taken);
        resolve();
      };
      raw.on("drain", taken);
      raw.on("close", taken);
    });
  }

  /** The engine has accepted the client. */
  open(): void {
    if (this.#state !== "waiting") return;
    this.#state = "open";
    this.#framer.maxPacketBytes = this.#limits.maxPacketBytes;
    this.#lastPacketMs = this.#clock.monotonicMs();
    this.#deadline.arm(this.#idleMs);
    this.#pumpSoon();
  }

  /** The engine has passed a publish on. */
  publishDone(): void {
    if (this.#inFlight > 0) this.#inFlight--;
    if (this.#isReadingPaused && this.#inFlight * 2 <= this.#limits.maxInFlight) this.#pumpSoon();
  }

  /** The deadline has come. */
  timeout(): void {
    switch (this.#state) {
      case "greeting":
      case "waiting":
        this.#fail("connectTimeouts");
        break;
      case "open":
        this.#checkIdle();
        break;
      case "lingering":
        this.#raw.destroy();
    }
  }

  override _read(): void {
    this.#isWanted = true;
    this.#pumpSoon();
  }

  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.#send(chunk);
    done();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    this.#raw.cork();
    for (const { chunk } of chunks) this.#send(chunk);
    this.#raw.uncork();
    done();
  }

  override _final(done: () => void): void {
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#linger();
    done(error);
  }

  #send(bytes: Uint8Array): void {
    if (this.#state === "lingering" || this.#raw.destroyed || this.#raw.writableEnded) return;
    this.#raw.write(bytes);
    this.#pledgedBytes = Math.max(0, this.#pledgedBytes - bytes.length);
    if (this.#raw.writableLength > this.#limits.maxOutboundBytes) {
      this.#fail("slowClientsDisconnected");
      // Nothing that still waits would be read in time.
      this.#raw.destroy();
    }
  }

  readonly #onData = (chunk: Uint8Array): void => {
    if (this.#state === "lingering") return;
    if (this.#state === "greeting" && !this.#hasStarted && chunk[0] !== connectStart) {
      this.#fail("packetsMalformed");
      return;
    }
    this.#hasStarted = true;
    this.#framer.append(chunk);
    this.#pump();
  };

  /**
   * As `#pump`, when the engine calls: it may do so from within its parser, which loses its place when more bytes can be
   * read before it has returned.
   */
  #pumpSoon(): void {
    if (this.#isPumpDue) return;
    this.#isPumpDue = true;
    queueMicrotask(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** Hands on what may be handed on, and reads or stops reading accordingly. */
  #pump(): void {
    if (this.#state === "lingering") return;
    for (;;) {
      if (this.#isHeld()) {
        this.#raw.pause();
        return;
      }
      const packet = this.#framer.next();
      if (packet === "incomplete") break;
      if (typeof packet === "string") {
        this.#fail(packet === "malformed" ? "packetsMalformed" : "packetsTooLarge");
        return;
      }
      if (!this.#take(packet)) return;
    }
    if (this.#hasRawEnded) this.push(null);
    else this.#raw.resume();
  }

  #isHeld(): boolean {
    if (this.#state === "waiting" || !this.#isWanted) return true;
    const limit = this.#limits.maxInFlight;
    if (this.#isReadingPaused) this.#isReadingPaused = this.#inFlight * 2 > limit;
    else if (this.#inFlight >= limit) {
      this.#isReadingPaused = true;
      this.#counters.readsPaused++;
    }
    return this.#isReadingPaused;
  }

  /** False when the connection is over. */
  #take(packet: Packet): boolean {
    const verdict = checkPacket(packet);
    if (verdict !== "well-formed") {
      if (verdict === "unsupported-version") this.#send(refusedVersion);
      this.#fail(verdict === "unsupported-version" ? "versionsRefused" : "packetsMalformed");
      return false;
    }
    const type = packet.bytes[0]! >> 4;
    if ((type === PacketType.connect) !== (this.#state === "greeting")) {
      this.#fail("packetsMalformed");
      return false;
    }
    this.#lastPacketMs = this.#clock.monotonicMs();
    this.#isWanted = this.push(this.#admit(type, packet));
    return true;
  }

  #admit(type: number, packet: Packet): Uint8Array {
    switch (type) {
      case PacketType.connect:
        this.#state = "waiting";
        return this.#takeKeepAlive(packet);
      case PacketType.publish:
        this.#inFlight++;
        this.#counters.publishesReceived++;
        if (publishLevels(packet) <= this.#limits.maxTopicLevels) return packet.bytes;
        this.#counters.publishesTooDeep++;
        return refusedPublish(packet);
      case PacketType.subscribe:
      case PacketType.unsubscribe:
        return mapFilters(packet, (filter, index) => {
          const isTooDeep = levelCount(filter) > this.#limits.maxTopicLevels;
          // The engine would close the connection. Numbered, since it answers equal filters once.
          if (isTooDeep || !isTopicFilter(filter)) return `${refusedTopic}/${index}`;
          return this.#ownFilter(filter, type === PacketType.subscribe);
        });
      case PacketType.disconnect:
        this.#sawDisconnect = true;
        return packet.bytes;
      default:
        return packet.bytes;
    }
  }

  /** Keeps the keep-alive for ourselves: the engine sees none and arms no timer. */
  #takeKeepAlive(packet: Packet): Uint8Array {
    const bytes = packet.bytes.slice();
    const at = keepAliveOffset(packet);
    const longest = this.#limits.maxKeepAliveSeconds;
    const seconds = Math.min(readUint16(bytes, at) || longest, longest);
    this.#idleMs = seconds * 1500;
    bytes[at] = 0;
    bytes[at + 1] = 0;
    return bytes;
  }

  #checkIdle(): void {
    const silentMs = this.#clock.monotonicMs() - this.#lastPacketMs;
    // While we don't read, silence is ours.
    if (this.#isReadingPaused) this.#deadline.arm(this.#idleMs);
    else if (silentMs >= this.#idleMs) this.#fail("keepAliveTimeouts");
    else this.#deadline.arm(this.#idleMs - silentMs);
  }

  #fail(counter: keyof Counters): void {
    this.#counters[counter]++;
    this.destroy();
  }

  /** Sends what is written and the end, and reads on without looking, so that a reset doesn't overtake our last packet. */
  #linger(): void {
    if (this.#state === "lingering") return;
    this.#state = "lingering";
    if (this.#raw.destroyed) {
      this.#deadline.cancel();
      return;
    }
    this.#raw.end();
    this.#raw.resume();
    this.#deadline.arm(this.#limits.lingerMs);
  }
}
