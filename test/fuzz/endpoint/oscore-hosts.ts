import { keepNewest } from "./keep-newest.ts";
import { PlainMessage } from "./plain-message.ts";
import { PlainOscore } from "./plain-oscore.ts";
import type { Random } from "./random.ts";

/** Hosts from here on have a security context, one for some of them each. */
export const firstOscoreHost = 151;
const contexts = 4;
const captured = 32;
/** Requests whose answers may still come; far more than can be open. */
const maxRemembered = 20_000;
/** Options that stay outside (RFC 8613 section 4.1): the host's address, and what is the proxy's. */
const isOuter = (number: number): boolean => [3, 7, 9, 16, 35, 39].includes(number);

/** By context: two with one sender ID must not share a secret, or they would share nonces. */
export const oscoreSecrets: readonly Uint8Array[] = Array.from({ length: contexts }, (_, context) =>
  Uint8Array.from({ length: 16 }, (_byte, at) => 16 * context + at),
);
export const oscoreServerId = Uint8Array.of(0x5e);
export const oscoreKids: readonly Uint8Array[] = Array.from({ length: contexts }, (_, at) => Uint8Array.of(0xc0 + at));

/** What a datagram that goes to the engine is, to whom can read it. */
export interface ProtectedRequest {
  readonly context: number;
  readonly sequence: number;
  /** Made just now and never seen before, with nothing on its outside that could be refused. */
  readonly isFresh: boolean;
  /** The request inside, as a message with the outer header. */
  readonly inner: PlainMessage;
}

/**
 * The OSCORE clients among the fuzzer's hosts. They protect requests before they are sent, spoil some of them inside, where only the owner of the
 * keys can, and play back what was captured; and they say of each datagram whether it is genuine.
 */
export class OscoreHosts {
  readonly counts = { sealed: 0, replayed: 0, genuine: 0, forged: 0, verified: 0, notifications: 0 };
  readonly #random: Random;
  readonly #contexts = oscoreKids.map((kid, at) => new PlainOscore(oscoreSecrets[at]!, kid, oscoreServerId));
  readonly #sequences = oscoreKids.map(() => 0);
  /** The newest number by context that the engine was given in a genuine request. */
  readonly #seen = oscoreKids.map(() => -1);
  readonly #answered = new Map<string, true>();
  /** By host and token: usually one, but a token isn't protected, and may have been spoilt into that of another. */
  readonly #openByToken = new Map<string, readonly Pick<ProtectedRequest, "context" | "sequence">[]>();
  readonly #captured: Uint8Array[] = [];
  readonly #parsed = new PlainMessage();
  #nextToken = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  contextOf(host: number): number {
    return host % contexts;
  }

  /** Protects the request in `bytes`, in place; its new end, or the old one where it is none that can be protected. */
  protect(bytes: Uint8Array, end: number, host: number): number {
    const random = this.#random;
    const plain = this.#parsed;
    plain.read(bytes, 0, end);
    if (plain.state !== "good" || plain.isEmpty || plain.codeClass !== 0) return end;
    const inner = this.#innerOf(plain);
    if (random.once(6)) {
      for (let times = 1 + random.below(3); times > 0; times--) inner[random.below(inner.length)] = random.below(256);
      if (random.once(4)) inner.length = 1 + random.below(inner.length);
    }
    const context = this.contextOf(host);
    const sequence = this.#sequences[context]! + (random.once(20) ? random.below(80) : 1);
    this.#sequences[context] = sequence;
    const { option, ciphertext } = this.#contexts[context]!.sealRequest(Uint8Array.from(inner), sequence);
    const observe = plain.find(6) >= 0;
    const out: number[] = [];
    const token = random.once(3) ? bytes.slice(4, 4 + plain.tokenLength) : this.#token();
    out.push(0x40 | (plain.type << 4) | token.length, observe ? 5 : 2, bytes[2]!, bytes[3]!, ...token);
    let last = 0;
    if (observe) last = optionTo(out, last, 6, bytes.subarray(plain.starts[plain.find(6)], plain.ends[plain.find(6)]));
    last = optionTo(out, last, 9, option);
    // A proxy's blocks, options that were forgotten outside, and such as nobody knows.
    if (random.once(30)) last = optionTo(out, last, 11, Uint8Array.of(0x61));
    if (random.once(60)) last = optionTo(out, last, 27, Uint8Array.of(random.below(256)));
    if (random.once(60)) optionTo(out, last, 60 + random.below(40), Uint8Array.of(1));
    out.push(0xff, ...ciphertext);
    bytes.set(out);
    this.counts.sealed++;
    if (random.once(20)) this.#captured[random.below(captured)] = Uint8Array.from(out);
    return out.length;
  }

  /** Puts something that was sent before into `bytes`, under another message ID; its end, 0 when there is nothing. */
  replay(bytes: Uint8Array): number {
    const again = this.#captured[this.#random.below(captured)];
    if (again === undefined) return 0;
    bytes.set(again);
    bytes[2] = this.#random.below(256);
    bytes[3] = this.#random.below(256);
    this.counts.replayed++;
    return again.length;
  }

  /** What the message is, by keys alone: undefined when no client made it. */
  read(message: PlainMessage, host: number): ProtectedRequest | undefined {
    for (const [context, keys] of this.#contexts.entries()) {
      const opened = keys.openRequest(message);
      if (opened === undefined) continue;
      const { plaintext, sequence } = opened;
      const inner = new PlainMessage();
      const whole = withHeader(message, plaintext);
      inner.read(whole, 0, whole.length);
      const isNewest = sequence > this.#seen[context]!;
      if (isNewest) this.#seen[context] = sequence;
      // Another OSCORE option beside the one that is right is refused.
      const isClean = ["9", "6,9"].includes(message.numbers.join());
      this.counts.genuine++;
      if (message.tokenLength >= 4) {
        const key = `${host}/${message.token()}`;
        const asked = [{ context, sequence }, ...(this.#openByToken.get(key) ?? []).slice(0, 3)];
        keepNewest(this.#openByToken, key, asked, maxRemembered);
      }
      return { context, sequence, isFresh: isNewest && isClean, inner };
    }
    this.counts.forged++;
    return undefined;
  }

  /** The answer inside; undefined when it doesn't verify as one to that request. */
  openReply(
    said: PlainMessage,
    { context, sequence }: Pick<ProtectedRequest, "context" | "sequence">,
  ): PlainMessage | undefined {
    const plaintext = this.#contexts[context]!.openReply(said, sequence);
    if (plaintext === undefined) return undefined;
    this.counts.verified++;
    const inner = new PlainMessage();
    const whole = withHeader(said, plaintext);
    inner.read(whole, 0, whole.length);
    return inner;
  }

  /** Whether that request was answered before; from now on it was. */
  answers({ context, sequence }: ProtectedRequest): boolean {
    const key = `${context}/${sequence}`;
    const isAgain = this.#answered.has(key);
    keepNewest(this.#answered, key, true, maxRemembered);
    return isAgain;
  }

  /** What is wrong with a protected message that is sent at another time: it has to verify as an answer to what was asked with its token. */
  laterFault(said: PlainMessage, host: number): string | undefined {
    const asked = this.#openByToken.get(`${host}/${said.token()}`);
    // Short tokens are used again and again, so it isn't known which request it was.
    if (asked === undefined) return undefined;
    let inner: PlainMessage | undefined;
    for (const each of asked) inner ??= this.openReply(said, each);
    if (inner === undefined) return "sent later what doesn't verify";
    this.counts.notifications++;
    return inner.state === "good" ? undefined : "sent later what is no good message inside";
  }

  #token(): number[] {
    const token = this.#nextToken++;
    return [0x70, token >> 16, token >> 8, token].map((byte) => byte & 0xff);
  }

  #innerOf(plain: PlainMessage): number[] {
    const inner = [plain.code];
    let last = 0;
    for (const [at, number] of plain.numbers.entries()) {
      if (!isOuter(number))
        last = optionTo(inner, last, number, plain.bytes.subarray(plain.starts[at], plain.ends[at]));
    }
    const payload = plain.payload();
    if (payload.length > 0) inner.push(0xff, ...payload);
    return inner;
  }
}

/** Appends an option; its number. */
function optionTo(to: number[], last: number, number: number, value: Uint8Array): number {
  const parts = [number - last, value.length].map((part) => {
    if (part < 13) return { nibble: part, more: [] };
    return part < 269
      ? { nibble: 13, more: [part - 13] }
      : { nibble: 14, more: [(part - 269) >> 8, (part - 269) & 0xff] };
  });
  to.push((parts[0]!.nibble << 4) | parts[1]!.nibble, ...parts[0]!.more, ...parts[1]!.more, ...value);
  return number;
}

/** The message that a plaintext is, with the header of the one it came in. */
function withHeader({ bytes, start, tokenLength }: PlainMessage, plaintext: Uint8Array): Uint8Array {
  const whole = new Uint8Array(3 + tokenLength + plaintext.length);
  whole.set(bytes.subarray(start, start + 4 + tokenLength));
  whole[1] = plaintext[0]!;
  whole.set(plaintext.subarray(1), 4 + tokenLength);
  return whole;
}
