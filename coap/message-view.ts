import { OptionNumber } from "./message.ts";

export interface SetAside {
  readonly number: number;
  /** The engine knows the option, but not with this length or so often. */
  readonly isKnown: boolean;
  /** Valid as long as the bytes are. */
  readonly value: Uint8Array;
}

const none: readonly SetAside[] = [];

/**
 * A decoded message as positions in the datagram's bytes: filled again for each datagram, so that receiving allocates nothing.
 * Valid as long as the bytes are.
 */
export class MessageView {
  bytes: Uint8Array = new Uint8Array(0);
  type = 0;
  code = 0;
  messageId = 0;
  tokenStart = 0;
  tokenLength = 0;
  /** Equal to `end` when there is no payload. */
  payloadStart = 0;
  end = 0;
  /** Number of the OSCORE context that it verified with, 0 for a message in the clear: what one sends is never mixed with what another does. */
  association = 0;
  optionCount = 0;
  /** Options that the rules took out, in order: unknown, of a forbidden length, or one too many. */
  setAside: readonly SetAside[] = none;
  readonly optionNumbers: Uint16Array;
  readonly optionStarts: Uint32Array;
  readonly optionLengths: Uint32Array;

  constructor(maxOptions: number) {
    this.optionNumbers = new Uint16Array(maxOptions);
    this.optionStarts = new Uint32Array(maxOptions);
    this.optionLengths = new Uint32Array(maxOptions);
  }

  /** Index of the first option with that number, -1 when absent. Numbers ascend. */
  find(number: number): number {
    for (let i = 0; i < this.optionCount; i++) {
      const at = this.optionNumbers[i]!;
      if (at === number) return i;
      if (at > number) return -1;
    }
    return -1;
  }

  /** An option of format `uint` (RFC 7252 section 3.2); -1 when absent. Values of more than 4 bytes don't occur. */
  uint(number: number): number {
    const index = this.find(number);
    return index < 0 ? -1 : this.uintAt(index);
  }

  uintAt(index: number): number {
    let value = 0;
    const start = this.optionStarts[index]!;
    const end = start + this.optionLengths[index]!;
    for (let i = start; i < end; i++) value = value * 256 + this.bytes[i]!;
    return value;
  }

  /** A view of the value, not a copy. */
  valueAt(index: number): Uint8Array {
    const start = this.optionStarts[index]!;
    return this.bytes.subarray(start, start + this.optionLengths[index]!);
  }

  /** A copy of the first value with that number. */
  copyOf(number: number): Uint8Array | undefined {
    const index = this.find(number);
    return index < 0 ? undefined : this.valueAt(index).slice();
  }

  textAt(index: number): string {
    const start = this.optionStarts[index]!;
    return decodeText(this.bytes, start, start + this.optionLengths[index]!);
  }

  /** All values with that number as text. */
  texts(number: number): string[] {
    const texts: string[] = [];
    for (let i = 0; i < this.optionCount; i++) if (this.optionNumbers[i] === number) texts.push(this.textAt(i));
    return texts;
  }

  /** Options that nobody here knows, in order. */
  unrecognized(): readonly SetAside[] {
    return this.setAside.filter(({ isKnown }) => !isKnown);
  }

  /** A view of the payload, not a copy. */
  payload(): Uint8Array {
    return this.bytes.subarray(this.payloadStart, this.end);
  }

  /** The token in bytes of its own, which outlive the turn. */
  tokenCopy(): Uint8Array {
    return this.bytes.slice(this.tokenStart, this.tokenStart + this.tokenLength);
  }

  /** The same message over bytes of its own, which outlive the turn. */
  copy(): MessageView {
    const start = this.tokenStart - 4;
    const copied = new MessageView(this.optionCount);
    copied.bytes = this.bytes.slice(start, this.end);
    copied.type = this.type;
    copied.code = this.code;
    copied.messageId = this.messageId;
    copied.tokenStart = this.tokenStart - start;
    copied.tokenLength = this.tokenLength;
    copied.payloadStart = this.payloadStart - start;
    copied.end = this.end - start;
    copied.association = this.association;
    copied.optionCount = this.optionCount;
    if (this.setAside.length > 0) {
      copied.setAside = this.setAside.map((each) => ({ ...each, value: each.value.slice() }));
    }
    for (let i = 0; i < this.optionCount; i++) {
      copied.optionNumbers[i] = this.optionNumbers[i]!;
      copied.optionStarts[i] = this.optionStarts[i]! - start;
      copied.optionLengths[i] = this.optionLengths[i]!;
    }
    return copied;
  }

  /** Takes out the options whose number the predicate names. Of a copy: the bytes stay. */
  drop(isDropped: (number: number) => boolean): void {
    let kept = 0;
    for (let i = 0; i < this.optionCount; i++) {
      if (isDropped(this.optionNumbers[i]!)) continue;
      this.optionNumbers[kept] = this.optionNumbers[i]!;
      this.optionStarts[kept] = this.optionStarts[i]!;
      this.optionLengths[kept] = this.optionLengths[i]!;
      kept++;
    }
    this.optionCount = kept;
  }

  /** Decoded Uri-Path segments. */
  path(): string[] {
    return this.texts(OptionNumber.uriPath);
  }
}

const utf8 = new TextDecoder("utf-8");

/** UTF-8; the usual short ASCII is quicker by hand. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte > 0x7f || i - start > 64) return utf8.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}
