import type { RequestOptions } from "../client-types.ts";
import { faults } from "../faults.ts";
import { methodCode, OptionNumber } from "../message.ts";
import { type MessageWriter, uintBytes } from "../message-writer.ts";
import { requestOptionFault } from "../option-rules.ts";

interface OptionValue {
  readonly number: number;
  readonly value: Uint8Array;
}

const { uriHost, uriPort, uriPath, uriQuery, proxyUri, proxyScheme } = OptionNumber;
const uriOptions: readonly number[] = [uriHost, uriPort, uriPath, uriQuery, proxyUri, proxyScheme];

const utf8 = new TextEncoder();

/** The options of a request that are the same in each of its blocks, sorted; the block options are merged in. */
export class RequestMessage {
  readonly code: number;
  /** Encoded. */
  readonly optionBytes: number;
  readonly #options: readonly OptionValue[];

  /** Throws `coap.bad-request` for segments, queries or options that no message can carry. */
  constructor(options: Pick<RequestOptions, "method" | "path" | "queries" | "contentFormat" | "accept" | "options">) {
    this.code = methodCode(options.method);
    if (this.code < 1) throw faults("coap.bad-request", { what: `${options.method} is no method` });
    const all: OptionValue[] = [];
    for (const segment of options.path) {
      if (segment === "." || segment === "..") throw faults("coap.bad-request", { what: "a path has no dot segments" });
      all.push(textOption(OptionNumber.uriPath, segment));
    }
    for (const query of options.queries ?? []) all.push(textOption(OptionNumber.uriQuery, query));
    if (options.contentFormat !== undefined) {
      all.push({ number: OptionNumber.contentFormat, value: uintBytes(options.contentFormat) });
    }
    if (options.accept !== undefined) all.push({ number: OptionNumber.accept, value: uintBytes(options.accept) });
    all.push(...(options.options ?? []));
    if (options.method === "FETCH" && !all.some(({ number }) => number === OptionNumber.contentFormat)) {
      throw faults("coap.bad-request", { what: "FETCH names the Content-Format of its body (RFC 8132 section 2.3.1)" });
    }
    // Stable: repeated options keep their order.
    this.#options = all.sort((a, b) => a.number - b.number);
    checkOptions(this.#options);
    let bytes = 0;
    let last = 0;
    for (const { number, value } of this.#options) {
      bytes += 1 + extendedBytes(number - last) + extendedBytes(value.length) + value.length;
      last = number;
    }
    this.optionBytes = bytes;
  }

  /** Method and URI, as RFC 8516 compares requests. */
  uriKey(): string {
    const parts = this.#options.filter(({ number }) => uriOptions.includes(number));
    return JSON.stringify([this.code, ...parts.map(({ number, value }) => [number, ...value])]);
  }

  /**
   * Writes header and options; `more` holds further ones, ascending. The payload is the caller's. `isFirst` is false for what continues a
   * body: If-None-Match speaks of the moment before (RFC 7959 section 2.10), and ETag asks whether there is anything new (2.03), which
   * who gets blocks of it knows (RFC 9177 section 4.4).
   */
  write(
    writer: MessageWriter,
    type: number,
    messageId: number,
    token: Uint8Array,
    more: readonly { readonly number: number; readonly value: Uint8Array }[],
    isFirst = true,
  ): void {
    writer.begin(type, this.code, messageId, token, 0, token.length);
    let next = 0;
    for (const option of this.#options) {
      if (!isFirst && isOfBeginning(option.number)) continue;
      while (next < more.length && more[next]!.number < option.number) writeOption(writer, more[next++]!);
      writeOption(writer, option);
    }
    while (next < more.length) writeOption(writer, more[next++]!);
  }
}

/** RFC 7252 sections 5.4.5 and 5.10.2. */
function checkOptions(options: readonly OptionValue[]): void {
  const has = (number: number): boolean => options.some((each) => each.number === number);
  for (const [i, { number, value }] of options.entries()) {
    const what = requestOptionFault(number, value.length, options[i - 1]?.number === number);
    if (what !== undefined) throw faults("coap.bad-request", { what });
  }
  if (has(proxyUri) && [uriHost, uriPort, uriPath, uriQuery].some(has)) {
    throw faults("coap.bad-request", { what: "Proxy-Uri stands for the whole URI" });
  }
}

function isOfBeginning(number: number): boolean {
  return number === OptionNumber.ifNoneMatch || number === OptionNumber.eTag;
}

/** Of a delta or a length, behind the option's first byte. */
function extendedBytes(value: number): number {
  return value < 13 ? 0 : value < 269 ? 1 : 2;
}

function writeOption(writer: MessageWriter, { number, value }: OptionValue): void {
  writer.option(number, value, 0, value.length);
}

function textOption(number: number, text: string): OptionValue {
  const value = utf8.encode(text);
  if (value.length > 255) throw faults("coap.bad-request", { what: "a path segment or query is over 255 bytes" });
  return { number, value };
}
