import { isIP } from "node:net";
import type { Clock } from "../../../kernel/clock.ts";
import { ApiError } from "./api-error.ts";

const perAddress = { burst: 10, refillMs: 6_000 } as const;
const inAll = { burst: 200, refillMs: 300 } as const;
const maxAddresses = 4_096;
const maxFriends = 4_096;

interface Bucket {
  left: number;
  atMs: number;
}

/**
 * Failed sign-ins: ten at once from an address, then ten a minute; and a bound on all, for who has many addresses. Nobody's account is ever
 * locked, and an address from which somebody signed in stands outside of the bound on all: strangers can't shut it out.
 */
export class FailureLimiter {
  readonly #clock: Clock;
  /** Full: the address that failed first is forgotten; the bound on all stays. */
  readonly #addresses = new Map<string, Bucket>();
  /** Addresses from which somebody signed in. Full: the one that did so first is a stranger's again. */
  readonly #friends = new Set<string>();
  readonly #all: Bucket;

  constructor({ clock }: { readonly clock: Clock }) {
    this.#clock = clock;
    this.#all = { left: inAll.burst, atMs: clock.monotonicMs() };
  }

  /** Throws `too-many-failures` while the address has failed too often. */
  check(from: string): void {
    const address = networkOf(from);
    const own = this.#addresses.get(address);
    if (own !== undefined) this.#refill(own, perAddress);
    this.#refill(this.#all, inAll);
    const isOwnLeft = own === undefined || own.left >= 1;
    if (isOwnLeft && (this.#all.left >= 1 || this.#friends.has(address))) return;
    throw new ApiError("too-many-failures", { seconds: Math.ceil(perAddress.refillMs / 1000) });
  }

  failed(from: string): void {
    const address = networkOf(from);
    let own = this.#addresses.get(address);
    if (own === undefined) {
      const [oldest] = this.#addresses.keys();
      if (this.#addresses.size >= maxAddresses && oldest !== undefined) this.#addresses.delete(oldest);
      own = { left: perAddress.burst, atMs: this.#clock.monotonicMs() };
      this.#addresses.set(address, own);
    }
    own.left = Math.max(0, own.left - 1);
    if (!this.#friends.has(address)) this.#all.left = Math.max(0, this.#all.left - 1);
  }

  /** What was counted as a failure before it was known was none. */
  succeeded(from: string): void {
    const address = networkOf(from);
    const own = this.#addresses.get(address);
    if (own !== undefined) own.left = Math.min(perAddress.burst, own.left + 1);
    if (this.#friends.has(address)) return;
    this.#all.left = Math.min(inAll.burst, this.#all.left + 1);
    const [oldest] = this.#friends;
    if (this.#friends.size >= maxFriends && oldest !== undefined) this.#friends.delete(oldest);
    this.#friends.add(address);
  }

  #refill(bucket: Bucket, { burst, refillMs }: { readonly burst: number; readonly refillMs: number }): void {
    const nowMs = this.#clock.monotonicMs();
    bucket.left = Math.min(burst, bucket.left + (nowMs - bucket.atMs) / refillMs);
    bucket.atMs = nowMs;
  }
}

/** Whoever has an IPv6 network has each of its 2^64 addresses, so the network counts as one. */
function networkOf(address: string): string {
  if (isIP(address) !== 6 || address.toLowerCase().startsWith("::ffff:")) return address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").split("::");
  const groupsOf = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => "0");
  return [...first, ...zeros, ...last]
    .slice(0, 4)
    .map((each) => Number.parseInt(each, 16).toString(16))
    .join(":");
}
