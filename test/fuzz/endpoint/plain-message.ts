/**
 * A second reader of CoAP messages (RFC 7252 section 3), written from the text and sharing nothing with the engine's, so that what one
 * gets wrong the other sees. One object is filled again and again.
 */
export class PlainMessage {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** `foreign`: shorter than a header or of another version; `bad`: breaks the format; `good`. */
  state: "foreign" | "bad" | "good" = "foreign";
  type = 0;
  code = 0;
  messageId = 0;
  tokenLength = 0;
  readonly numbers: number[] = [];
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  payloadStart = 0;

  read(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.numbers.length = 0;
    this.starts.length = 0;
    this.ends.length = 0;
    this.payloadStart = end;
    this.state = "foreign";
    if (end - start < 4 || bytes[start]! >>> 6 !== 1) return;
    this.type = (bytes[start]! >>> 4) & 3;
    this.code = bytes[start + 1]!;
    this.messageId = bytes[start + 2]! * 256 + bytes[start + 3]!;
    this.tokenLength = bytes[start]! & 15;
    this.state = this.#isGood() ? "good" : "bad";
  }

  get isEmpty(): boolean {
    return this.code === 0;
  }

  get codeClass(): number {
    return this.code >>> 5;
  }

  /** As hexadecimal digits. */
  token(): string {
    let text = "";
    for (let i = 0; i < this.tokenLength; i++) text += this.bytes[this.start + 4 + i]!.toString(16).padStart(2, "0");
    return text;
  }

  /** Place of the first option with that number, -1 when there is none. */
  find(number: number): number {
    return this.numbers.indexOf(number);
  }

  uint(number: number): number {
    const at = this.find(number);
    if (at < 0) return -1;
    let value = 0;
    for (let i = this.starts[at]!; i < this.ends[at]!; i++) value = value * 256 + this.bytes[i]!;
    return value;
  }

  texts(number: number): string[] {
    const found: string[] = [];
    for (let i = 0; i < this.numbers.length; i++) {
      if (this.numbers[i] === number) found.push(utf8.decode(this.bytes.subarray(this.starts[i], this.ends[i])));
    }
    return found;
  }

  payload(): Uint8Array {
    return this.bytes.subarray(this.payloadStart, this.end);
  }

  hex(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + this.start, this.end - this.start).toString("hex");
  }

  /** Tells messages apart well enough for a test: FNV-1a. */
  digest(): number {
    let hash = 0x811c9dc5;
    for (let i = this.start; i < this.end; i++) hash = Math.imul(hash ^ this.bytes[i]!, 0x01000193);
    return hash >>> 0;
  }

  #isGood(): boolean {
    const { bytes, end } = this;
    if (this.code === 0) return end - this.start === 4 && this.tokenLength === 0;
    if (this.tokenLength > 8) return false;
    let at = this.start + 4 + this.tokenLength;
    if (at > end) return false;
    let number = 0;
    while (at < end) {
      const first = bytes[at]!;
      at++;
      if (first === 0xff) {
        this.payloadStart = at;
        return at < end;
      }
      const nibbles = [first >>> 4, first & 15];
      for (let i = 0; i < 2; i++) {
        const nibble = nibbles[i]!;
        if (nibble === 15) return false;
        const more = nibble === 13 ? 1 : nibble === 14 ? 2 : 0;
        if (at + more > end) return false;
        if (more === 1) nibbles[i] = 13 + bytes[at]!;
        if (more === 2) nibbles[i] = 269 + bytes[at]! * 256 + bytes[at + 1]!;
        at += more;
      }
      number += nibbles[0]!;
      if (number > 65_535 || at + nibbles[1]! > end) return false;
      this.numbers.push(number);
      this.starts.push(at);
      this.ends.push(at + nibbles[1]!);
      at += nibbles[1]!;
    }
    return true;
  }
}

const utf8 = new TextDecoder();
