import type { NativeUdp } from "../native/addon.ts";

const addressWords = 9;
const slots = 1024;
const remembered = 4096;

/**
 * Texts of IPv6 addresses and back, remembered: making one costs more than all else that is done for a datagram. Both memories are
 * of fixed size; an address that isn't in them is made again.
 */
export class Ipv6Texts {
  /** Address (4 words) and scope of each slot. */
  readonly #words = new Int32Array(slots * 5);
  readonly #texts: string[] = new Array<string>(slots).fill("");
  readonly #byText = new Map<string, Int32Array>();

  /** The text of the address in row `row` of what was received. */
  read(socket: NativeUdp, row: number): string {
    const { rxAddresses: from } = socket;
    const at = row * addressWords;
    const hash = Math.imul(from[at + 1]! ^ Math.imul(from[at + 2]!, 0x9e3779b1) ^ from[at + 3]!, 0x85ebca6b);
    const slot = (hash ^ (hash >>> 15)) & (slots - 1);
    const words = this.#words;
    const known = slot * 5;
    if (
      words[known] === from[at] &&
      words[known + 1] === from[at + 1] &&
      words[known + 2] === from[at + 2] &&
      words[known + 3] === from[at + 3] &&
      words[known + 4] === from[at + 8] &&
      this.#texts[slot] !== ""
    ) {
      return this.#texts[slot]!;
    }
    const text = socket.text(row);
    for (let i = 0; i < 4; i++) words[known + i] = from[at + i]!;
    words[known + 4] = from[at + 8]!;
    this.#texts[slot] = text;
    return text;
  }

  /** Writes the address into row `row` of what is sent, its local part empty; false when the text is no address. */
  write(text: string, socket: NativeUdp, row: number): boolean {
    const at = row * addressWords;
    const known = this.#byText.get(text);
    if (known !== undefined) {
      socket.txAddresses.set(known, at);
      return true;
    }
    if (!socket.aim(text, row)) return false;
    if (this.#byText.size >= remembered) this.#byText.clear();
    this.#byText.set(text, socket.txAddresses.slice(at, at + addressWords));
    return true;
  }
}
