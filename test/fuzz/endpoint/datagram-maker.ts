import { firstOscoreHost, type OscoreHosts } from "./oscore-hosts.ts";
import type { PlainMessage } from "./plain-message.ts";
import type { Random } from "./random.ts";

/** What the engine sent to a host that listens: to be acknowledged, answered or echoed. */
interface Heard {
  messageId: number;
  token: Uint8Array;
  echo: Uint8Array;
}

const paths: readonly (readonly string[])[] = [
  [".well-known", "core"],
  ["echo", "a"],
  ["echo", "b"],
  ["store", "a"],
  ["store", "long"],
  ["once", "a"],
  ["later", "x"],
  ["later", "x", "y"],
  ["body"],
  ["slow-body"],
  ["shared"],
  ["guarded"],
  ["group"],
  ["patch"],
];
const text = new TextEncoder();
const nothing = new Uint8Array(0);

/** Hosts above this hear what they are sent; the others are blind, as senders of forged addresses are. */
export const lastBlindHost = 100;
const hosts = 200;

/**
 * Makes datagrams into one buffer: requests, responses and empty messages that are nearly right, then spoilt byte by byte in every third
 * case, and now and then noise.
 */
export class DatagramMaker {
  readonly bytes = new Uint8Array(4096);
  end = 0;
  host = 1;
  isMulticast = false;
  readonly #random: Random;
  readonly #oscore: OscoreHosts | undefined;
  readonly #heard: Heard[] = Array.from({ length: hosts + 1 }, () => ({
    messageId: 0,
    token: nothing,
    echo: nothing,
  }));
  #lastOption = 0;

  constructor(random: Random, oscore: OscoreHosts | undefined) {
    this.#random = random;
    this.#oscore = oscore;
  }

  /** What the engine sent to a host. */
  heard(host: number, message: PlainMessage): void {
    if (host <= lastBlindHost || host > hosts) return;
    const heard = this.#heard[host]!;
    if (message.type <= 1) {
      heard.messageId = message.messageId;
      heard.token = message.bytes.slice(message.start + 4, message.start + 4 + message.tokenLength);
    }
    this.heardEcho(host, message);
  }

  /** The same of what was inside of a protected message. */
  heardEcho(host: number, message: PlainMessage): void {
    const echo = message.find(252);
    if (echo >= 0) this.#heard[host]!.echo = message.bytes.slice(message.starts[echo], message.ends[echo]);
  }

  make(): void {
    const random = this.#random;
    this.host = 1 + random.below(hosts);
    this.isMulticast = random.once(25);
    const kind = random.below(100);
    if (kind < 6) this.#noise();
    else if (kind < 16) this.#empty();
    else if (kind < 26) this.#response();
    else this.#request();
    const oscore = this.#oscore;
    if (oscore !== undefined && kind >= 26 && this.host >= firstOscoreHost) {
      this.isMulticast = false;
      this.end = oscore.protect(this.bytes, this.end, this.host);
    } else if (oscore !== undefined && this.host > lastBlindHost && random.once(25)) {
      // From whoever captured it. An address that something genuine came from counts as proven, which the blind hosts' never are.
      const length = oscore.replay(this.bytes);
      if (length > 0) this.end = length;
    }
    if (random.once(3)) this.#spoil();
  }

  #noise(): void {
    this.end = this.#random.below(60);
    for (let i = 0; i < this.end; i++) this.bytes[i] = this.#random.below(256);
    if (this.end > 0 && !this.#random.once(3)) this.bytes[0] = 0x40 | (this.bytes[0]! & 0x3f);
  }

  #empty(): void {
    const type = this.#random.pick([0, 2, 2, 2, 3, 1]);
    this.#header(type, 0, this.#known(this.#random.once(4)), nothing);
  }

  /** A message ID that the host was sent, or any. */
  #known(isAny: boolean): number {
    return isAny ? this.#random.below(65_536) : this.#heard[this.host]!.messageId;
  }

  #response(): void {
    const random = this.#random;
    const heard = this.#heard[this.host]!;
    const code = random.pick([0x45, 0x45, 0x45, 0x44, 0x41, 0x43, 0x5f, 0x80, 0x81, 0x84, 0x88, 0x8d, 0xa3, 0xbf]);
    this.#header(
      random.pick([0, 1, 2, 2]),
      code,
      this.#known(random.once(4)),
      random.once(6) ? this.#token() : heard.token,
    );
    if (random.once(4)) this.#option(4, this.#random.pick([1, 2, 8]));
    if (random.once(3)) this.#number(6, random.below(random.once(2) ? 8 : 0x1000000));
    if (random.once(3)) this.#number(12, random.pick([0, 40, 60]));
    if (random.once(3)) this.#number(23, this.#block());
    if (random.once(6)) this.#number(27, this.#block());
    if (random.once(9)) this.#option(252, 8);
    this.#rarely();
    this.#payload(random.pick([0, 4, 16, 64, 300, 1024]));
  }

  #request(): void {
    const random = this.#random;
    const code = random.pick([1, 1, 1, 1, 1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, random.below(32)]);
    const messageId = random.once(3) ? random.below(65_536) : random.below(24);
    this.#header(random.once(3) ? 1 : 0, code, messageId, this.#token());
    if (random.once(20)) this.#option(1, random.pick([0, 1, 8, 9]));
    if (random.once(20)) this.#bytesOption(3, text.encode("host"));
    if (random.once(12)) this.#option(4, random.pick([1, 2, 8, 9]));
    if (random.once(20)) this.#option(5, random.once(4) ? 1 : 0);
    if (random.once(3)) this.#number(6, random.pick([0, 0, 0, 1, 2, 0x1000000]));
    if (random.once(20)) this.#number(7, 5683);
    if (random.once(15)) this.#option(9, random.below(14));
    for (const segment of random.once(12) ? ["nowhere"] : random.pick(paths))
      this.#bytesOption(11, text.encode(segment));
    if (random.once(30)) this.#option(11, random.below(6));
    if (random.once(4)) this.#number(12, random.pick([0, 42, 60, 65_535]));
    for (let i = random.below(3); i > 0; i--)
      this.#bytesOption(15, text.encode(random.pick(["a=1", "b", "rt=echo", ""])));
    if (random.once(8)) this.#number(17, random.pick([0, 40, 42, 65_535]));
    if (random.once(12)) this.#number(19, this.#block());
    if (random.once(4)) this.#number(23, this.#block());
    const isUpload = code === 2 || code === 3 || code === 5 ? random.once(2) : random.once(20);
    const block = this.#block();
    if (isUpload) this.#number(27, block);
    if (random.once(20)) this.#number(28, random.below(10_000));
    if (random.once(20)) this.#number(31, this.#block());
    if (random.once(40)) this.#bytesOption(35, text.encode("coap://elsewhere/"));
    if (random.once(20)) this.#number(60, random.below(0x7fffffff));
    if (random.once(8)) this.#bytesOption(252, this.#heard[this.host]!.echo);
    if (random.once(12)) this.#number(258, random.pick([0, 2, 8, 16, 26, 255]));
    if (random.once(8)) this.#option(292, random.below(10));
    this.#rarely();
    const size = 16 << (block & 7);
    this.#payload(isUpload && size <= 1024 && !random.once(6) ? size : random.pick([0, 0, 5, 40, 200]));
  }

  #rarely(): void {
    if (this.#random.once(20)) this.#option(this.#lastOption + this.#random.below(400), this.#random.below(20));
  }

  #token(): Uint8Array {
    const random = this.#random;
    if (!random.once(4)) return Uint8Array.of(0x10 + random.below(6));
    const token = new Uint8Array(random.below(9));
    for (let i = 0; i < token.length; i++) token[i] = random.below(256);
    return token;
  }

  #block(): number {
    const random = this.#random;
    const number = random.once(8) ? random.below(0x100000) : random.below(4);
    return (number << 4) | (random.below(2) << 3) | random.pick([0, 1, 2, 2, 6, 6, 7]);
  }

  #header(type: number, code: number, messageId: number, token: Uint8Array): void {
    this.bytes[0] = 0x40 | (type << 4) | token.length;
    this.bytes[1] = code;
    this.bytes[2] = messageId >> 8;
    this.bytes[3] = messageId;
    this.bytes.set(token, 4);
    this.end = 4 + token.length;
    this.#lastOption = 0;
  }

  /** An option with random bytes. */
  #option(number: number, length: number): void {
    this.#optionHead(number, length);
    for (let i = 0; i < length; i++) this.bytes[this.end++] = this.#random.below(256);
  }

  #number(number: number, value: number): void {
    const length = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
    this.#optionHead(number, length);
    for (let i = length - 1; i >= 0; i--) this.bytes[this.end++] = Math.floor(value / 2 ** (8 * i));
  }

  #bytesOption(number: number, value: Uint8Array): void {
    this.#optionHead(number, value.length);
    this.bytes.set(value, this.end);
    this.end += value.length;
  }

  #optionHead(number: number, length: number): void {
    const delta = number - this.#lastOption;
    this.#lastOption = number;
    const at = this.end++;
    this.bytes[at] = (this.#nibble(delta) << 4) | this.#nibble(length);
    this.#extension(delta);
    this.#extension(length);
  }

  #nibble(value: number): number {
    return value < 13 ? value : value < 269 ? 13 : 14;
  }

  #extension(value: number): void {
    if (value >= 269) this.bytes[this.end++] = (value - 269) >> 8;
    if (value >= 13) this.bytes[this.end++] = value < 269 ? value - 13 : value - 269;
  }

  #payload(length: number): void {
    if (length === 0) return;
    this.bytes[this.end++] = 0xff;
    for (let i = 0; i < length; i++) this.bytes[this.end++] = this.#random.below(256);
  }

  #spoil(): void {
    const random = this.#random;
    for (let times = 1 + random.below(3); times > 0 && this.end > 0; times--) {
      const at = random.below(Math.min(this.end, random.once(2) ? 24 : this.end));
      switch (random.below(6)) {
        case 0:
          this.bytes[at] = this.bytes[at]! ^ (1 << random.below(8));
          break;
        case 1:
          this.bytes[at] = random.pick([0, 0xff, 0x7f, 0x80, 0xd0, 0xe0, 0xf0, 0x0d, 0x0e, 0x0f]);
          break;
        case 2:
          this.bytes.copyWithin(at, at + 1, this.end--);
          break;
        case 3:
          this.bytes.copyWithin(at + 1, at, this.end++);
          this.bytes[at] = random.below(256);
          break;
        case 4:
          this.end = at;
          break;
        default:
          this.bytes[at] = random.below(256);
      }
    }
  }
}
