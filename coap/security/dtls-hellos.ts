import type { Clock } from "../../kernel/clock.ts";
import type { NativeDtls } from "../native/addon.ts";
import { ipv6KeyBase, type RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsLimits } from "./dtls-limits.ts";

/** A random key is replaced this many times at most after a long silence: then none of the old ones is left. */
const keysKept = 3;

/** Answers strangers without keeping anything of them, and renews by the clock what that takes: secrets of cookies, keys of tickets. */
export class DtlsHellos {
  readonly #native: NativeDtls;
  readonly #clock: Clock;
  readonly #limits: DtlsLimits;
  readonly #hasTickets: boolean;
  readonly #sharesTickets: boolean;
  readonly #text = new TextEncoder();
  readonly #number: DataView;
  #cookiesSinceMs: number;
  #ticketPeriod: number;

  constructor(options: {
    readonly native: NativeDtls;
    readonly clock: Clock;
    readonly limits: DtlsLimits;
    readonly hasTickets: boolean;
    readonly sharesTickets: boolean;
  }) {
    this.#native = options.native;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#hasTickets = options.hasTickets;
    this.#sharesTickets = options.sharesTickets;
    this.#number = new DataView(options.native.address.buffer);
    this.#cookiesSinceMs = options.clock.monotonicMs();
    this.#ticketPeriod = this.#period();
    if (this.#hasTickets) this.#native.rotateTickets(this.#ticketPeriod);
  }

  /** 0 no ClientHello, 1 a HelloVerifyRequest waits to be sent, 2 it carries a cookie of ours for its address. */
  judge(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): 0 | 1 | 2 {
    const now = this.#clock.monotonicMs();
    if (now - this.#cookiesSinceMs >= this.#limits.cookieMs) {
      this.#native.rotate();
      this.#cookiesSinceMs = now;
    }
    if (this.#hasTickets) this.#renewTickets();
    return this.#native.challenge(bytes, start, end, this.#writeAddress(source));
  }

  #renewTickets(): void {
    const period = this.#period();
    if (period === this.#ticketPeriod) return;
    const missed = this.#sharesTickets ? 1 : Math.min(Math.abs(period - this.#ticketPeriod), keysKept);
    for (let i = 0; i < missed; i++) this.#native.rotateTickets(period);
    this.#ticketPeriod = period;
  }

  /** Processes that share keys agree on the time of day; one alone needs no clock that may jump. */
  #period(): number {
    const now = this.#sharesTickets ? this.#clock.wallMs() : this.#clock.monotonicMs();
    // The two keys before the first have numbers too.
    return 2 + Math.floor(now / this.#limits.ticketKeyMs);
  }

  /** What a cookie is bound to; returns its length. */
  #writeAddress(source: RemoteAddress): number {
    this.#number.setFloat64(0, source.key);
    if (source.key < ipv6KeyBase) return 8;
    // The key of an IPv6 address is a hash that others may share.
    this.#number.setUint16(8, source.port);
    return 10 + this.#text.encodeInto(source.text(), this.#native.address.subarray(10)).written;
  }
}
