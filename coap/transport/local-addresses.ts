import type { RemoteAddress } from "./remote-address.ts";

const addressWords = 9;
const slots = 16_384;

/**
 * Which of our addresses a peer talks to, so that everything it gets comes from there, answers that take long and notifications
 * too. One slot for each hash of a peer: where two meet, the later one stays and the kernel chooses for the other.
 */
export class LocalAddresses {
  readonly #keys = new Float64Array(slots).fill(-1);
  readonly #words = new Int32Array(slots * 4);

  /** `local` 0 says unknown, as after a multicast datagram, and leaves what is known. */
  rememberIpv4(key: number, local: number): void {
    if (local === 0) return;
    const slot = slotOf(key);
    this.#keys[slot] = key;
    this.#words[slot * 4] = local;
  }

  /** 0 when it isn't known. */
  ipv4(key: number): number {
    const slot = slotOf(key);
    return this.#keys[slot] === key ? this.#words[slot * 4]! : 0;
  }

  rememberIpv6({ key }: RemoteAddress, received: Int32Array, row: number): void {
    const from = row * addressWords + 4;
    if (received[from] === 0 && received[from + 3] === 0) return;
    const slot = slotOf(key);
    this.#keys[slot] = key;
    for (let i = 0; i < 4; i++) this.#words[slot * 4 + i] = received[from + i]!;
  }

  /** Writes the local address into the row, zeroes when it isn't known. */
  writeIpv6({ key }: RemoteAddress, sent: Int32Array, row: number): void {
    const slot = slotOf(key);
    const isKnown = this.#keys[slot] === key;
    for (let i = 0; i < 4; i++) sent[row * addressWords + 4 + i] = isKnown ? this.#words[slot * 4 + i]! : 0;
  }
}

function slotOf(key: number): number {
  const hash = Math.imul((key | 0) ^ Math.imul((key / 2 ** 32) | 0, 0x9e3779b1), 0x85ebca6b);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}
