import type { Entropy } from "../../kernel/entropy.ts";
import type { Log, LogData } from "../../kernel/log.ts";
import { EchoMemory } from "../client/echo-memory.ts";
import type { Counters } from "../counters.ts";
import type { CoapLimits } from "../limits.ts";
import { MessageType } from "../message.ts";
import { MessageWriter, uintBytes } from "../message-writer.ts";
import type { OscoreLayer } from "../security/oscore/oscore-layer.ts";
import type { Security } from "../security/security.ts";
import { RemoteAddress } from "../transport/remote-address.ts";
import type { PeerTable } from "./peer-table.ts";

export interface LinkOptions {
  readonly limits: CoapLimits;
  readonly counters: Counters;
  readonly entropy: Entropy;
  readonly peers: PeerTable;
  readonly security: Security;
  readonly oscore?: OscoreLayer | undefined;
  readonly log: Log;
}

/** What every part shares, and the way out: one writer that all fill, and sending of what stands in it. */
export class Link {
  readonly limits: CoapLimits;
  readonly counters: Counters;
  readonly entropy: Entropy;
  readonly peers: PeerTable;
  readonly writer: MessageWriter;
  /** Undefined when the endpoint has no contexts of OSCORE. */
  readonly oscore: OscoreLayer | undefined;
  readonly echoes: EchoMemory;
  #requestTag: number;
  readonly #security: Security;
  readonly #log: Log;
  readonly #destination = new RemoteAddress();
  readonly #control = new MessageWriter(4);

  constructor({ limits, counters, entropy, peers, security, oscore, log }: LinkOptions) {
    this.limits = limits;
    this.counters = counters;
    this.entropy = entropy;
    this.peers = peers;
    this.#security = security;
    this.oscore = oscore;
    this.#log = log;
    this.echoes = new EchoMemory(peers);
    this.#requestTag = entropy.uint32();
    // Room for the largest options around the largest message: too large is then an answer, not an exception.
    this.writer = new MessageWriter(Math.max(limits.maxMessage, 1_280) + 2_048);
  }

  /** Somebody else's code threw: counted and logged, and the stream goes on. */
  failed(event: string, error: unknown, data: LogData): void {
    this.counters.handlerFailed++;
    this.#log.error(event, { ...data, message: error instanceof Error ? error.message : String(error) });
  }

  /** A Request-Tag that no body of ours had: counted from a random number (RFC 9175 section 3.4). */
  nextRequestTag(): Uint8Array {
    this.#requestTag = (this.#requestTag + 1) >>> 0;
    return uintBytes(this.#requestTag);
  }

  /** Sends what stands in the writer. */
  sendWritten(peer: number): void {
    this.sendBytes(this.writer.bytes, this.writer.end, peer);
  }

  sendBytes(bytes: Uint8Array, end: number, peer: number): void {
    this.peers.locate(peer, this.#destination);
    this.sendTo(bytes, end, this.#destination);
  }

  sendTo(bytes: Uint8Array, end: number, destination: RemoteAddress): void {
    this.counters.datagramsSent++;
    this.#security.send(bytes, 0, end, destination);
  }

  /** An empty ACK or a Reset; the writer stays as it is. */
  sendEmpty(type: MessageType, messageId: number, destination: RemoteAddress): void {
    if (type === MessageType.reset) this.counters.resetsSent++;
    this.#control.empty(type, messageId);
    this.sendTo(this.#control.bytes, 4, destination);
  }

  sendEmptyToPeer(type: MessageType, messageId: number, peer: number): void {
    this.peers.locate(peer, this.#destination);
    this.sendEmpty(type, messageId, this.#destination);
  }
}
