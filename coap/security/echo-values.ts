import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Peer } from "../route.ts";

export interface EchoValuesOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** How old a value may be when it comes back. */
  readonly freshMs: number;
}

const keyBytes = 32;
const fullLength = 8;
/** What still fits into three times the smallest request there is. */
const shortLength = 6;

/**
 * Echo option values (RFC 9175 section 2 and appendix A, "integrity protected timestamp"): a truncated HMAC-SHA-256 over half a
 * lifetime's number, the peer's address and its identity, under a key that dies with the process. Nothing is kept for a value, and
 * nobody but the peer that it was sent to can use it. The clock is the monotonic one.
 */
export class EchoValues {
  readonly #clock: Clock;
  readonly #key: Uint8Array;
  readonly #stepMs: number;

  constructor({ clock, entropy, freshMs }: EchoValuesOptions) {
    this.#clock = clock;
    this.#key = entropy.bytes(keyBytes);
    this.#stepMs = freshMs / 2;
  }

  /** A value for this peer, 8 bytes; 6 where `isShort`. */
  make(peer: Peer, isShort = false): Uint8Array {
    return this.#value(peer, this.#step()).slice(0, isShort ? shortLength : fullLength);
  }

  /** Whether `value` was made here for this peer and is no older than `freshMs`. */
  accepts(value: Uint8Array, peer: Peer): boolean {
    if (value.length !== fullLength && value.length !== shortLength) return false;
    const step = this.#step();
    return this.#isOf(value, peer, step) || this.#isOf(value, peer, step - 1);
  }

  #isOf(value: Uint8Array, peer: Peer, step: number): boolean {
    return timingSafeEqual(this.#value(peer, step).subarray(0, value.length), value);
  }

  #step(): number {
    return Math.floor(this.#clock.monotonicMs() / this.#stepMs);
  }

  #value(peer: Peer, step: number): Buffer {
    const { identity } = peer;
    const who = identity.kind === "none" ? "" : `${identity.scheme} ${identity.kind} ${identity.id}`;
    return createHmac("sha256", this.#key).update(`${step}|${peer.address}|${peer.port}|${who}`).digest();
  }
}
