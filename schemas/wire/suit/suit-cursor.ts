import { ManifestFault } from "./manifest-fault.ts";
import { suitLimits } from "./suit-limits.ts";

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const majors = ["unsigned integer", "negative integer", "byte string", "text", "array", "map", "tag", "simple value"];

/**
 * Reads one CBOR item, token after token, where the shape is known in advance. `readCbor` of schemas/wire/cbor.ts has no tags and no
 * arrays as keys, both of which SUIT needs. The whole item was looked over before the first token is handed out: well-formed,
 * deterministic (RFC 8949 section 4.2.1), not too deep, nothing after it. So what is left to go wrong is its shape.
 */
export class SuitCursor {
  readonly #bytes: Uint8Array;
  readonly #where: string;
  #position = 0;

  /** `where` names the item in refusals. */
  constructor(bytes: Uint8Array, where: string) {
    this.#bytes = bytes;
    this.#where = where;
    const end = scan(bytes, 0, 0, where);
    if (end < bytes.length)
      throw new ManifestFault("manifest-malformed", `${where}: ${bytes.length - end} bytes too many`);
  }

  /** Where the next token begins: what lies between two such places is an item with its head. */
  get position(): number {
    return this.#position;
  }

  /** The bytes from `start` to here. */
  since(start: number): Uint8Array {
    return this.#bytes.subarray(start, this.#position);
  }

  /** Major type of the next token; undefined at the end. */
  get major(): number | undefined {
    const first = this.#bytes[this.#position];
    return first === undefined ? undefined : first >> 5;
  }

  uint(what: string, max = 0xffff_ffff): number {
    const value = this.#take(0, what);
    if (value > max) throw new ManifestFault("manifest-malformed", `${this.#at(what)}: over ${max}`);
    return value;
  }

  int(what: string): number {
    if (this.major !== 1) return this.uint(what);
    return -1 - this.#take(1, what);
  }

  bytes(what: string): Uint8Array {
    const length = this.#take(2, what);
    const start = this.#position;
    this.#position += length;
    return this.#bytes.subarray(start, this.#position);
  }

  /** Exactly `size` bytes. */
  fixed(size: number, what: string): Uint8Array {
    const bytes = this.bytes(what);
    if (bytes.length !== size)
      throw new ManifestFault("manifest-malformed", `${this.#at(what)}: ${bytes.length} bytes instead of ${size}`);
    return bytes;
  }

  text(what: string): string {
    const length = this.#take(3, what);
    const start = this.#position;
    this.#position += length;
    return strictUtf8.decode(this.#bytes.subarray(start, this.#position));
  }

  /** The key of a map that has both kinds. */
  key(what: string): number | string {
    return this.major === 3 ? this.text(what) : this.int(what);
  }

  array(what: string): number {
    return this.#take(4, what);
  }

  /** An array of exactly `count` items. */
  tuple(count: number, what: string): void {
    const found = this.array(what);
    if (found !== count)
      throw new ManifestFault("manifest-malformed", `${this.#at(what)}: ${found} items instead of ${count}`);
  }

  map(what: string): number {
    return this.#take(5, what);
  }

  tag(number: number, what: string): void {
    const found = this.#take(6, what);
    if (found !== number) throw new ManifestFault("manifest-unsupported", `${this.#at(what)}: tag ${found}`);
  }

  nil(what: string): void {
    if (this.#bytes[this.#position] !== 0xf6)
      throw new ManifestFault("manifest-malformed", `${this.#at(what)}: not nil`);
    this.#position++;
  }

  unsupported(what: string): never {
    throw new ManifestFault("manifest-unsupported", this.#at(what));
  }

  malformed(what: string): never {
    throw new ManifestFault("manifest-malformed", this.#at(what));
  }

  #at(what: string): string {
    return `${this.#where}, ${what}`;
  }

  #take(major: number, what: string): number {
    if (this.major !== major)
      throw new ManifestFault(
        "manifest-malformed",
        `${this.#at(what)}: ${majors[this.major ?? 7]} instead of ${majors[major]}`,
      );
    const head = headAt(this.#bytes, this.#position, this.#where);
    this.#position = head.next;
    return head.value;
  }
}

interface Head {
  readonly value: number;
  readonly next: number;
}

/** The head at `at`, in its shortest form; values beyond 2^53 are none of any manifest. */
function headAt(bytes: Uint8Array, at: number, where: string): Head {
  const info = (bytes[at] ?? 0) & 31;
  if (info < 24) return { value: info, next: at + 1 };
  if (info > 27) throw new ManifestFault("manifest-malformed", `${where}: indefinite or reserved length at ${at}`);
  const size = 1 << (info - 24);
  if (at + 1 + size > bytes.length) throw new ManifestFault("manifest-truncated", where);
  let value = 0;
  for (let i = 1; i <= size; i++) value = value * 256 + (bytes[at + i] ?? 0);
  const least = size === 1 ? 24 : 2 ** (4 * size);
  if (value < least) throw new ManifestFault("manifest-malformed", `${where}: head at ${at} isn't the shortest`);
  if (!Number.isSafeInteger(value))
    throw new ManifestFault("manifest-unsupported", `${where}: number at ${at} is too large`);
  return { value, next: at + 1 + size };
}

/** The end of the item at `at`, after a look at all of it. */
function scan(bytes: Uint8Array, at: number, depth: number, where: string): number {
  const first = bytes[at];
  if (first === undefined) throw new ManifestFault("manifest-truncated", where);
  const major = first >> 5;
  if (major === 7) {
    // false, true and nil; no manifest has floats or other simple values.
    if (first >= 0xf4 && first <= 0xf6) return at + 1;
    throw new ManifestFault("manifest-malformed", `${where}: simple value at ${at}`);
  }
  const { value, next } = headAt(bytes, at, where);
  if (major <= 1) return next;
  if (major <= 3) {
    if (value > bytes.length - next) throw new ManifestFault("manifest-truncated", where);
    if (major === 3) checkUtf8(bytes.subarray(next, next + value), `${where}: text at ${at}`);
    return next + value;
  }
  if (depth === suitLimits.depthMax) throw new ManifestFault("manifest-too-deep", `${where}, at ${at}`);
  if (major === 6) return scan(bytes, next, depth + 1, where);
  let end = next;
  if (major === 4) {
    for (let i = 0; i < value; i++) end = scan(bytes, end, depth + 1, where);
    return end;
  }
  let previous: Uint8Array | undefined;
  for (let i = 0; i < value; i++) {
    const keyStart = end;
    end = scan(bytes, end, depth + 1, where);
    const key = bytes.subarray(keyStart, end);
    if (previous && compareBytes(previous, key) >= 0)
      throw new ManifestFault("manifest-malformed", `${where}: keys of the map at ${at} aren't in order`);
    previous = key;
    end = scan(bytes, end, depth + 1, where);
  }
  return end;
}

function checkUtf8(bytes: Uint8Array, where: string): void {
  try {
    strictUtf8.decode(bytes);
  } catch {
    throw new ManifestFault("manifest-malformed", `${where} isn't UTF-8`);
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const size = Math.min(a.length, b.length);
  for (let i = 0; i < size; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
