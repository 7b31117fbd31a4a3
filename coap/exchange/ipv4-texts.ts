import { RemoteAddress } from "../transport/remote-address.ts";

const slots = 16_384;

/** Texts of the IPv4 addresses that were asked for lately, one for each hash, so that a peer's is the same string each time. */
export class Ipv4Texts {
  readonly #addresses = new Float64Array(slots).fill(-1);
  readonly #texts: string[] = new Array<string>(slots).fill("");
  readonly #scratch = new RemoteAddress();

  /** `key` is a RemoteAddress's: address * 65536 + port. */
  of(key: number): string {
    const address = Math.floor(key / 65_536);
    const hash = Math.imul(address | 0, 0x9e3779b1);
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    if (this.#addresses[slot] === address) return this.#texts[slot]!;
    this.#scratch.setIpv4Key(key);
    const text = this.#scratch.text();
    this.#addresses[slot] = address;
    this.#texts[slot] = text;
    return text;
  }
}
