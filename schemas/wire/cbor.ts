import { floatSize, readHalf } from "./half-float.ts";

/*
 * Strict CBOR (RFC 8949): what `writeCbor` (cbor-writer.ts) writes is all that `readCbor` takes.
 *
 *   byte  | 7 6 5 | 4 3 2 1 0 |   major type 0 unsigned, 1 negative, 2 bytes, 3 text, 4 array, 5 map, 7 simple and float
 *         | major | info      |   info < 24: the value; 24..27: the value follows in 1, 2, 4, 8 bytes; others refused
 *
 * Definite lengths, shortest form of every head and float, at most 8 levels, strict UTF-8, map keys (integers and texts)
 * ascending by their encoded bytes and so without duplicates (section 4.2.1), nothing after the item. Tags, undefined and
 * other simple values are not part of any message of ours and are refused.
 */

export type CborKey = number | string;
export type CborValue =
  | number
  | bigint
  | string
  | boolean
  | null
  | Uint8Array
  | readonly CborValue[]
  | ReadonlyMap<CborKey, CborValue>;

/** Arrays and maps that may be open at once. */
export const cborDepthMax = 8;

export type CborFault =
  | "truncated"
  | "trailing-bytes"
  | "not-shortest"
  | "indefinite-length"
  | "reserved"
  | "unsupported-tag"
  | "unsupported-simple"
  | "bad-utf8"
  | "bad-key"
  | "duplicate-key"
  | "key-order"
  | "too-deep";

export type CborResult =
  | { readonly ok: true; readonly value: CborValue }
  | { readonly ok: false; readonly code: CborFault; readonly offset: number };

/**
 * The one item in `bytes`. Integers beyond 2^53 come as bigint; byte strings are views into `bytes`. `isForeign` is for
 * formats that ask for less than section 4.2.1 (SenML): keys in any order, though still no duplicates, and wide floats.
 */
export function readCbor(bytes: Uint8Array, { isForeign = false }: { isForeign?: boolean } = {}): CborResult {
  const reader = new Reader(bytes, isForeign);
  const value = reader.item(0);
  if (value === undefined) return { ok: false, code: reader.fault ?? "truncated", offset: reader.position };
  if (reader.position < bytes.length) return { ok: false, code: "trailing-bytes", offset: reader.position };
  return { ok: true, value };
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/** A fault is kept in a field and shows as undefined, so that garbage costs no exception. */
class Reader {
  fault: CborFault | undefined;
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isForeign: boolean;
  #info = 0;

  constructor(bytes: Uint8Array, isForeign: boolean) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isForeign = isForeign;
  }

  item(depth: number): CborValue | undefined {
    const first = this.#bytes[this.position];
    if (first === undefined) return this.#fail("truncated");
    const major = first >> 5;
    if (major === 7) return this.#simple(first & 31);
    const value = this.#head();
    if (value === undefined) return undefined;
    if (major === 0) return value;
    if (major === 1)
      return typeof value === "bigint" || value === Number.MAX_SAFE_INTEGER ? -1n - BigInt(value) : -1 - value;
    if (major === 6) return this.#fail("unsupported-tag");
    // Each item takes a byte at least, so a count over what is left is a lie and must not size anything.
    const left = this.#bytes.length - this.position;
    if (typeof value === "bigint" || value > left) return this.#fail("truncated");
    if (major === 2) return this.#take(value);
    if (major === 3) return this.#text(value);
    if (depth === cborDepthMax) return this.#fail("too-deep");
    return major === 4 ? this.#array(value, depth + 1) : this.#map(value, depth + 1);
  }

  #fail(code: CborFault): undefined {
    this.fault ??= code;
    return undefined;
  }

  #head(): number | bigint | undefined {
    const info = (this.#bytes[this.position] ?? 0) & 31;
    this.#info = info;
    if (info < 24) {
      this.position++;
      return info;
    }
    if (info === 31) return this.#fail("indefinite-length");
    if (info > 27) return this.#fail("reserved");
    const size = 1 << (info - 24);
    if (this.position + 1 + size > this.#bytes.length) return this.#fail("truncated");
    const at = this.position + 1;
    this.position = at + size;
    switch (info) {
      case 24: {
        const value = this.#view.getUint8(at);
        return value < 24 ? this.#fail("not-shortest") : value;
      }
      case 25: {
        const value = this.#view.getUint16(at);
        return value < 0x100 ? this.#fail("not-shortest") : value;
      }
      case 26: {
        const value = this.#view.getUint32(at);
        return value < 0x1_0000 ? this.#fail("not-shortest") : value;
      }
      default: {
        const high = this.#view.getUint32(at);
        if (high === 0) return this.#fail("not-shortest");
        return high < 0x20_0000 ? high * 0x1_0000_0000 + this.#view.getUint32(at + 4) : this.#view.getBigUint64(at);
      }
    }
  }

  #take(length: number): Uint8Array {
    const start = this.position;
    this.position += length;
    return this.#bytes.subarray(start, start + length);
  }

  #text(length: number): string | undefined {
    const start = this.position;
    const end = start + length;
    this.position = end;
    if (length > 48) return this.#decode(start, end);
    let text = "";
    for (let i = start; i < end; i++) {
      const byte = this.#bytes[i] ?? 0;
      if (byte > 127) return this.#decode(start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #decode(start: number, end: number): string | undefined {
    try {
      return strictUtf8.decode(this.#bytes.subarray(start, end));
    } catch {
      return this.#fail("bad-utf8");
    }
  }

  #array(count: number, depth: number): CborValue[] | undefined {
    const items: CborValue[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.item(depth);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #map(count: number, depth: number): Map<CborKey, CborValue> | undefined {
    const map = new Map<CborKey, CborValue>();
    let previous: CborKey | undefined;
    for (let i = 0; i < count; i++) {
      const key = this.item(depth);
      if (key === undefined) return undefined;
      if (typeof key !== "string" && !(typeof key === "number" && this.#info !== 31)) return this.#fail("bad-key");
      if (map.has(key)) return this.#fail("duplicate-key");
      if (!this.#isForeign && previous !== undefined && compareCborKeys(previous, key) > 0)
        return this.#fail("key-order");
      previous = key;
      const value = this.item(depth);
      if (value === undefined) return undefined;
      map.set(key, value);
    }
    return map;
  }

  #simple(info: number): CborValue | undefined {
    // A float must not pass for an integer key.
    this.#info = 31;
    if (info === 20 || info === 21 || info === 22) {
      this.position++;
      return info === 22 ? null : info === 21;
    }
    if (info === 31) return this.#fail("indefinite-length");
    if (info < 25) return this.#fail("unsupported-simple");
    if (info > 27) return this.#fail("reserved");
    const at = this.position + 1;
    const size = 1 << (info - 24);
    if (at + size > this.#bytes.length) return this.#fail("truncated");
    this.position = at + size;
    if (info === 25) {
      const bits = this.#view.getUint16(at);
      const half = readHalf(bits);
      return Number.isNaN(half) && bits !== 0x7e00 && !this.#isForeign ? this.#fail("not-shortest") : half;
    }
    const value = info === 26 ? this.#view.getFloat32(at) : this.#view.getFloat64(at);
    return floatSize(value) < size && !this.#isForeign ? this.#fail("not-shortest") : value;
  }
}

/** Order of two map keys by their encoded bytes: integers from 0 up, then from -1 down, then texts, shorter first. */
export function compareCborKeys(left: CborKey, right: CborKey): number {
  if (typeof left === "number") {
    if (typeof right !== "number") return -1;
    if (left < 0) return right < 0 ? right - left : 1;
    return right < 0 ? -1 : left - right;
  }
  if (typeof right === "number") return 1;
  const leftBytes = utf8.encode(left);
  const rightBytes = utf8.encode(right);
  if (leftBytes.length !== rightBytes.length) return leftBytes.length - rightBytes.length;
  for (let i = 0; i < leftBytes.length; i++) {
    const difference = (leftBytes[i] ?? 0) - (rightBytes[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
