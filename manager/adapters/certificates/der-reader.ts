/** Something that isn't written as the Distinguished Encoding Rules say, or isn't what was expected there. */
export class DerError extends Error {}

/** Reads values one after the other: definite lengths in as few bytes as there can be, one byte of tag. Throws `DerError`. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Tag of the next value; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** Content of the next value, which must have this tag. */
  content(tag: number): Uint8Array {
    return this.#take(tag).content;
  }

  /** The next value with its tag and length. */
  whole(tag: number): Uint8Array {
    return this.#take(tag).whole;
  }

  /** A reader of what is inside of the next value. */
  inside(tag: number): DerReader {
    return new DerReader(this.content(tag));
  }

  end(): void {
    if (!this.isAtEnd) throw new DerError(`${this.#bytes.length - this.#at} bytes are left over`);
  }

  #take(tag: number): { readonly content: Uint8Array; readonly whole: Uint8Array } {
    const bytes = this.#bytes;
    const start = this.#at;
    if (bytes[start] !== tag) {
      throw new DerError(`a value of tag ${tag} is missing (found ${bytes[start] ?? "the end"})`);
    }
    const first = bytes[start + 1] ?? Number.NaN;
    const lengthBytes = first < 0x80 ? 0 : first - 0x80;
    // Longer ones, and the indefinite form, are none of what is read here.
    if (!(lengthBytes === 0 ? first < 0x80 : lengthBytes <= 3)) throw new DerError("a length can't be read");
    let length = lengthBytes === 0 ? first : 0;
    for (let at = 0; at < lengthBytes; at++) length = length * 256 + (bytes[start + 2 + at] ?? Number.NaN);
    const isShortest = lengthBytes === 0 || length >= (lengthBytes === 1 ? 0x80 : 256 ** (lengthBytes - 1));
    const contentAt = start + 2 + lengthBytes;
    if (!isShortest || !(contentAt + length <= bytes.length)) throw new DerError("a length is wrong");
    this.#at = contentAt + length;
    return { content: bytes.subarray(contentAt, this.#at), whole: bytes.subarray(start, this.#at) };
  }
}
