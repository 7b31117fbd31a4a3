import { decodeMessage, Malformed } from "../../decode-message.ts";
import { OptionNumber } from "../../message.ts";
import { MessageView } from "../../message-view.ts";
import { MessageWriter } from "../../message-writer.ts";
import { aeadLayout } from "./aead.ts";
import { splitProxyUri } from "./proxy-uri.ts";

interface OptionValue {
  readonly number: number;
  readonly value: Uint8Array;
}

const textAt = aeadLayout.text;
const none = -1;
const lastSpecial = OptionNumber.proxyScheme;

/** Options that are not simply inner ones: Class U of RFC 8613 figure 5 and of RFC 8768, and Observe, which is both. */
const isSpecial = new Uint8Array(lastSpecial + 1);
for (const number of [
  OptionNumber.uriHost,
  OptionNumber.observe,
  OptionNumber.uriPort,
  OptionNumber.oscore,
  OptionNumber.hopLimit,
  OptionNumber.proxyUri,
  OptionNumber.proxyScheme,
]) {
  isSpecial[number] = 1;
}

/**
 * Takes a plain message apart (RFC 8613 sections 4.1 and 5.3): code, inner options and payload are the plaintext, the rest goes into the protected
 * message. Nearly all messages have inner options only, and those are copied as they stand.
 */
export class OscorePlaintext {
  /** Value of the Observe option of the message taken last, -1 without. */
  observe: number = none;
  /** Whether it has an Echo option. */
  hasEcho: boolean = false;
  readonly #text: Uint8Array;
  readonly #view: MessageView;
  readonly #inner: MessageWriter;
  #source = new Uint8Array(0);
  #outer: OptionValue[] = [];

  /** `bytes` are those of the AEAD. */
  constructor(bytes: Uint8Array, maxOptions: number) {
    this.#text = bytes;
    this.#view = new MessageView(maxOptions + 1);
    this.#inner = new MessageWriter(bytes.length);
  }

  /** Puts the plaintext of what stands in the writer where the AEAD wants it; returns its length. */
  take(writer: MessageWriter, isRequest: boolean, echo: Uint8Array | undefined): number {
    const { bytes, end } = writer;
    const start = 4 + (bytes[0]! & 15);
    this.observe = none;
    if (this.#outer.length > 0) this.#outer = [];
    this.hasEcho = echo !== undefined;
    if (this.#isSpecial(bytes, start, end) || echo !== undefined) return this.#split(writer, isRequest, echo);
    if (1 + end - start > this.#text.length - textAt) throw new RangeError("The message is too long to be protected.");
    return this.#put(bytes[1]!, bytes, start, end);
  }

  /** Writes the protected message: header and token of the plain one, outer options, ciphertext from where the plaintext was. */
  finish(
    writer: MessageWriter,
    code: number,
    value: Uint8Array,
    valueLength: number,
    textLength: number,
    block2 = none,
  ): void {
    const head = writer.bytes;
    writer.begin((head[0]! >> 4) & 3, code, (head[2]! << 8) | head[3]!, head, 4, head[0]! & 15);
    let next = 0;
    const outer = this.#outer;
    while (next < outer.length && outer[next]!.number < OptionNumber.oscore) writeOption(writer, outer[next++]!);
    writer.option(OptionNumber.oscore, value, 0, valueLength);
    while (next < outer.length && outer[next]!.number < OptionNumber.block2) writeOption(writer, outer[next++]!);
    if (block2 >= 0) writer.uintOption(OptionNumber.block2, block2);
    while (next < outer.length) writeOption(writer, outer[next++]!);
    writer.payload(this.#text, textAt, textAt + textLength);
  }

  #split(writer: MessageWriter, isRequest: boolean, echo: Uint8Array | undefined): number {
    // The writer's bytes are overwritten while outer options are still needed.
    this.#source = writer.bytes.slice(0, writer.end);
    const view = this.#view;
    if (decodeMessage(this.#source, 0, writer.end, view) !== Malformed.none) {
      throw new RangeError("The message has more options than can be protected.");
    }
    const options: OptionValue[] = [];
    for (let i = 0; i < view.optionCount; i++) options.push({ number: view.optionNumbers[i]!, value: view.valueAt(i) });
    const inner: OptionValue[] = echo === undefined ? [] : [{ number: OptionNumber.echo, value: echo }];
    for (const option of options) {
      // Nothing is protected twice (section 4.1.3.7).
      if (option.number === OptionNumber.oscore) throw new RangeError("The message has an OSCORE option already.");
      if (option.number === OptionNumber.echo && echo !== undefined) continue;
      if (option.number === OptionNumber.observe) {
        this.observe = view.uint(OptionNumber.observe);
        this.#outer.push(option);
        // An answer is ordered by its Partial IV, not by a number in it (section 4.1.3.5.2).
        inner.push(isRequest ? option : { number: OptionNumber.observe, value: new Uint8Array(0) });
      } else if (option.number === OptionNumber.proxyUri) {
        const { outer, path, queries } = splitProxyUri(option.value);
        this.#outer.push({ number: OptionNumber.proxyUri, value: outer });
        for (const value of path) inner.push({ number: OptionNumber.uriPath, value });
        for (const value of queries) inner.push({ number: OptionNumber.uriQuery, value });
      } else if (option.number <= lastSpecial && isSpecial[option.number] === 1) {
        this.#outer.push(option);
      } else {
        inner.push(option);
      }
    }
    // Stable: repeated options keep their order.
    inner.sort((a, b) => a.number - b.number);
    const plain = this.#inner;
    plain.begin(0, view.code, 0, this.#source, 0, 0);
    for (const option of inner) writeOption(plain, option);
    plain.payload(this.#source, view.payloadStart, view.end);
    return this.#put(view.code, plain.bytes, 4, plain.end);
  }

  #put(code: number, bytes: Uint8Array, start: number, end: number): number {
    const text = this.#text;
    text[textAt] = code;
    if (end - start > 96) text.set(bytes.subarray(start, end), textAt + 1);
    else for (let i = start, at = textAt + 1; i < end; i++, at++) text[at] = bytes[i]!;
    return 1 + end - start;
  }

  /** Whether a message of our own making has an option that isn't simply an inner one. */
  #isSpecial(bytes: Uint8Array, start: number, end: number): boolean {
    let at = start;
    let number = 0;
    let found = false;
    while (at < end) {
      const head = bytes[at++]!;
      if (head === 0xff) return found;
      let delta = head >> 4;
      let length = head & 15;
      if (delta === 13) delta = 13 + bytes[at++]!;
      else if (delta === 14) {
        delta = 269 + ((bytes[at]! << 8) | bytes[at + 1]!);
        at += 2;
      }
      if (length === 13) length = 13 + bytes[at++]!;
      else if (length === 14) {
        length = 269 + ((bytes[at]! << 8) | bytes[at + 1]!);
        at += 2;
      }
      number += delta;
      if (number <= lastSpecial && isSpecial[number] === 1) found = true;
      if (number === OptionNumber.echo) this.hasEcho = true;
      at += length;
    }
    return found;
  }
}

function writeOption(writer: MessageWriter, { number, value }: OptionValue): void {
  writer.option(number, value, 0, value.length);
}
