import { type CborKey, type CborValue, cborDepthMax, compareCborKeys } from "./cbor.ts";
import { floatSize, toHalf } from "./half-float.ts";

const utf8 = new TextEncoder();

/**
 * `value` as CBOR; keys are sorted here. A whole number is written as an integer, any other as the shortest float.
 * Throws on what the reader would refuse: a depth over 8, unpaired surrogates, integers over 64 bits.
 */
export function writeCbor(value: CborValue): Uint8Array {
  const writer = new CborWriter();
  writer.item(value);
  return writer.finish();
}

/** Writes item after item. Its user keeps map keys in order and gives each array and map as many items as it said. */
export class CborWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #size = 0;

  /** What was written since the last time, as a copy; the writer is then as new. */
  finish(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#size);
    this.#size = 0;
    return bytes;
  }

  /** Forgets what was written, after a failure in the middle. */
  reset(): void {
    this.#size = 0;
  }

  /** An array of `count` items follows. */
  array(count: number): void {
    this.#head(4, count);
  }

  /** A map of `count` pairs follows. */
  map(count: number): void {
    this.#head(5, count);
  }

  item(value: CborValue, depth = 0): void {
    if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xf5 : 0xf4);
    else if (value === null) this.#byte(0xf6);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (value instanceof Uint8Array) {
      this.#head(2, value.length);
      this.#raw(value);
    } else {
      if (depth === cborDepthMax) throw new RangeError(`CBOR deeper than ${cborDepthMax} levels`);
      if (value instanceof Map) this.#map(value, depth + 1);
      else this.#array(value as readonly CborValue[], depth + 1);
    }
  }

  #array(items: readonly CborValue[], depth: number): void {
    this.#head(4, items.length);
    for (const item of items) this.item(item, depth);
  }

  #map(map: ReadonlyMap<CborKey, CborValue>, depth: number): void {
    this.#head(5, map.size);
    for (const key of [...map.keys()].sort(compareCborKeys)) {
      if (typeof key === "number" && !Number.isSafeInteger(key)) throw new TypeError(`not an integer key: ${key}`);
      this.item(key, depth);
      this.item(map.get(key) ?? null, depth);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
      if (value >= 0) this.#head(0, value);
      else this.#head(1, -1 - value);
      return;
    }
    const size = floatSize(value);
    this.#room(9);
    if (size === 2) {
      this.#bytes[this.#size] = 0xf9;
      this.#view.setUint16(this.#size + 1, Number.isNaN(value) ? 0x7e00 : (toHalf(value) ?? 0));
    } else if (size === 4) {
      this.#bytes[this.#size] = 0xfa;
      this.#view.setFloat32(this.#size + 1, value);
    } else {
      this.#bytes[this.#size] = 0xfb;
      this.#view.setFloat64(this.#size + 1, value);
    }
    this.#size += 1 + size;
  }

  #bigint(value: bigint): void {
    const magnitude = value < 0n ? -1n - value : value;
    if (magnitude >= 1n << 64n) throw new RangeError("integer over 64 bits");
    if (magnitude <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#head(value < 0n ? 1 : 0, Number(magnitude));
      return;
    }
    this.#room(9);
    this.#bytes[this.#size] = value < 0n ? 0x3b : 0x1b;
    this.#view.setBigUint64(this.#size + 1, magnitude);
    this.#size += 9;
  }

  #text(text: string): void {
    if (this.#shortAscii(text)) return;
    if (!text.isWellFormed()) throw new TypeError("text with an unpaired surrogate has no UTF-8");
    const bytes = utf8.encode(text);
    this.#head(3, bytes.length);
    this.#raw(bytes);
  }

  /** Most texts of messages are short words, for which an encoder is slower than a loop. */
  #shortAscii(text: string): boolean {
    const length = text.length;
    if (length > 48) return false;
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) > 127) return false;
    this.#head(3, length);
    this.#room(length);
    for (let i = 0; i < length; i++) this.#bytes[this.#size++] = text.charCodeAt(i);
    return true;
  }

  #head(major: number, value: number): void {
    this.#room(9);
    const type = major << 5;
    if (value < 24) this.#bytes[this.#size++] = type | value;
    else if (value < 0x100) {
      this.#bytes[this.#size] = type | 24;
      this.#bytes[this.#size + 1] = value;
      this.#size += 2;
    } else if (value < 0x1_0000) {
      this.#bytes[this.#size] = type | 25;
      this.#view.setUint16(this.#size + 1, value);
      this.#size += 3;
    } else if (value < 0x1_0000_0000) {
      this.#bytes[this.#size] = type | 26;
      this.#view.setUint32(this.#size + 1, value);
      this.#size += 5;
    } else {
      this.#bytes[this.#size] = type | 27;
      this.#view.setUint32(this.#size + 1, Math.floor(value / 0x1_0000_0000));
      this.#view.setUint32(this.#size + 5, value % 0x1_0000_0000);
      this.#size += 9;
    }
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#size++] = byte;
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  #room(size: number): void {
    if (this.#size + size <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#size + size));
    grown.set(this.#bytes.subarray(0, this.#size));
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}
