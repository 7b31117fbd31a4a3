/** Writes one message after the other into the same bytes. The layout is drawn in `decode-message.ts`. */
export class MessageWriter {
  readonly bytes: Uint8Array;
  /** One past the last byte written. */
  end = 0;
  #lastOption = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
  }

  /** Header and token, which is copied from `source[tokenStart, tokenStart + tokenLength)`. */
  begin(
    type: number,
    code: number,
    messageId: number,
    source: Uint8Array,
    tokenStart: number,
    tokenLength: number,
  ): void {
    const { bytes } = this;
    bytes[0] = 0x40 | (type << 4) | tokenLength;
    bytes[1] = code;
    bytes[2] = messageId >> 8;
    bytes[3] = messageId;
    for (let i = 0; i < tokenLength; i++) bytes[4 + i] = source[tokenStart + i]!;
    this.end = 4 + tokenLength;
    this.#lastOption = 0;
  }

  /** A message without anything: empty ACK, Reset, ping. */
  empty(type: number, messageId: number): void {
    const { bytes } = this;
    bytes[0] = 0x40 | (type << 4);
    bytes[1] = 0;
    bytes[2] = messageId >> 8;
    bytes[3] = messageId;
    this.end = 4;
  }

  /** Options come in ascending order of their numbers. Throws a RangeError when the message outgrows the bytes. */
  option(number: number, source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#head(number, length);
    const { bytes } = this;
    let at = this.end;
    if (length > 32) bytes.set(source.subarray(start, end), at);
    else for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    this.end += length;
  }

  /** The shortest form: zero is no byte at all (RFC 7252 section 3.2). `value` is below 2^32. */
  uintOption(number: number, value: number): void {
    const length = value === 0 ? 0 : value < 0x100 ? 1 : value < 0x10000 ? 2 : value < 0x1000000 ? 3 : 4;
    this.#head(number, length);
    const { bytes } = this;
    let at = this.end;
    for (let shift = (length - 1) * 8; shift >= 0; shift -= 8) bytes[at++] = value >>> shift;
    this.end = at;
  }

  textOption(number: number, text: string): void {
    for (let i = 0; i < text.length; i++) {
      if (text.charCodeAt(i) > 0x7f) {
        const encoded = utf8.encode(text);
        this.option(number, encoded, 0, encoded.length);
        return;
      }
    }
    this.#head(number, text.length);
    const { bytes } = this;
    let at = this.end;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.end = at;
  }

  /** Nothing is written for an empty payload: a marker needs at least one byte behind it. */
  payload(source: Uint8Array, start: number, end: number): void {
    if (end <= start) return;
    this.#need(1 + end - start);
    this.bytes[this.end] = 0xff;
    const { bytes } = this;
    let at = this.end + 1;
    if (end - start > 64) bytes.set(source.subarray(start, end), at);
    else for (let i = start; i < end; i++) bytes[at++] = source[i]!;
    this.end += 1 + end - start;
  }

  /** A copy of what was written. */
  copy(): Uint8Array {
    return this.bytes.slice(0, this.end);
  }

  #head(number: number, length: number): void {
    this.#need(5 + length);
    const delta = number - this.#lastOption;
    if (delta < 0) throw new RangeError(`Option ${number} after option ${this.#lastOption}: numbers must ascend.`);
    this.#lastOption = number;
    const { bytes } = this;
    let at = this.end;
    const deltaNibble = delta < 13 ? delta : delta < 269 ? 13 : 14;
    const lengthNibble = length < 13 ? length : length < 269 ? 13 : 14;
    bytes[at++] = (deltaNibble << 4) | lengthNibble;
    if (deltaNibble === 13) bytes[at++] = delta - 13;
    else if (deltaNibble === 14) {
      bytes[at++] = (delta - 269) >> 8;
      bytes[at++] = delta - 269;
    }
    if (lengthNibble === 13) bytes[at++] = length - 13;
    else if (lengthNibble === 14) {
      bytes[at++] = (length - 269) >> 8;
      bytes[at++] = length - 269;
    }
    this.end = at;
  }

  #need(more: number): void {
    if (this.end + more > this.bytes.length) {
      throw new RangeError(`The message needs more than ${this.bytes.length} bytes.`);
    }
  }
}

const utf8 = new TextEncoder();

/** An option value of format `uint` in its shortest form. */
export function uintBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.from(bytes);
}
