import type { CborKey, CborValue } from "./cbor.ts";
import { digestFromBytes, parseDigest } from "./digest.ts";
import { instantFromSeconds, instantSecondsMax } from "./instant.ts";
import type { MessageFault, MessageFaultCode } from "./message-fault.ts";
import type { Field, ListShape, MapShape, ObjectShape, Shape, TextShape, VariantsShape } from "./shape.ts";

/** What a parser of JSON or CBOR hands over. */
export type WireValue = CborValue;

/**
 * Turns parsed JSON or CBOR into the object of a message: integer keys and early names become real names, integers that
 * stand for words become the words, 32 bytes become a digest, seconds become an instant, numbers are rounded to the
 * places that count. Unknown properties are left behind; null is absence. Rules beyond types are the validator's.
 */
export class FromWire {
  fault: MessageFault | undefined;
  readonly #isCbor: boolean;

  constructor(isCbor: boolean) {
    this.#isCbor = isCbor;
  }

  /** The value, or undefined with the fault set. */
  read(shape: Shape, raw: WireValue): unknown {
    switch (shape.kind) {
      case "object":
        return raw instanceof Map ? this.#object(shape, raw) : this.#wrongType("a map of properties");
      case "variants":
        return raw instanceof Map ? this.#variants(shape, raw) : this.#wrongType("a map of properties");
      case "map":
        return raw instanceof Map ? this.#map(shape, raw) : this.#wrongType("a map of texts");
      case "list":
        return Array.isArray(raw) ? this.#list(shape, raw as readonly WireValue[]) : this.#wrongType("a list");
      case "text":
        return typeof raw === "string" ? this.#text(shape, raw) : this.#formed(shape, raw);
      case "integer":
        if (typeof raw === "bigint") return this.#fail("invalid", `must be between ${shape.min} and ${shape.max}`);
        return typeof raw === "number" && Number.isInteger(raw) ? raw + 0 : this.#wrongType("a whole number");
      case "number":
        if (typeof raw !== "number" || !Number.isFinite(raw)) return this.#wrongType("a number");
        return roundTo(raw, shape.decimals);
      case "boolean":
        return typeof raw === "boolean" ? raw : this.#wrongType("true or false");
    }
  }

  #fail(code: MessageFaultCode, rule: string): undefined {
    this.fault ??= { code, path: "", rule };
    return undefined;
  }

  #wrongType(expected: string): undefined {
    return this.#fail("wrong-type", `must be ${expected}`);
  }

  /** A fault's path grows on the way out, so that a good message costs no texts. */
  #within(segment: string | number): undefined {
    if (this.fault) this.fault = { ...this.fault, path: `/${segment}${this.fault.path}` };
    return undefined;
  }

  #object(shape: ObjectShape, raw: ReadonlyMap<CborKey, WireValue>): object | undefined {
    const table = lookupOf(shape);
    const values: unknown[] = new Array(shape.fields.length);
    for (const [key, item] of raw) {
      const index = table.get(key);
      if (index === undefined || item === null) continue;
      const field = shape.fields[index] as Field;
      if (values[index] !== undefined) this.#fail("duplicate-property", "must be given once, under one of its names");
      else values[index] = this.read(field.shape, item);
      if (this.fault) return this.#within(field.name);
    }
    // Built in the schema's order, so that all objects of a kind have one hidden class per set of properties.
    const object: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++)
      if (values[i] !== undefined) object[(shape.fields[i] as Field).name] = values[i];
    return object;
  }

  #variants(shape: VariantsShape, raw: ReadonlyMap<CborKey, WireValue>): object | undefined {
    const tag = shape.variants[0]?.shape.fields.find((field) => field.name === shape.tag);
    const tagShape = tag?.shape as TextShape;
    const said = raw.get(shape.tag) ?? (tag && raw.get(tag.key));
    if (said === undefined) return this.#fail("invalid", `must have ${shape.tag}`);
    const word = typeof said === "number" && this.#isCbor ? wordsOf(tagShape)[said] : said;
    const variant = shape.variants.find(({ value }) => value === word);
    if (variant) return this.#object(variant.shape, raw);
    this.#notAWord(tagShape);
    return this.#within(shape.tag);
  }

  #map(shape: MapShape, raw: ReadonlyMap<CborKey, WireValue>): object | undefined {
    if (raw.size > shape.max) return this.#fail("invalid", `must have at most ${shape.max} entries`);
    const object: Record<string, string> = {};
    for (const [key, item] of raw) {
      if (typeof key !== "string" || key === "__proto__")
        return this.#fail("invalid", "must have names that are plain words");
      if (typeof item !== "string") this.#wrongType("a text");
      else if (isLonger(item, shape.valueMax)) this.#fail("invalid", `must have at most ${shape.valueMax} bytes`);
      else object[key] = item;
      if (this.fault) return this.#within(key);
    }
    return object;
  }

  #list(shape: ListShape, raw: readonly WireValue[]): unknown[] | undefined {
    if (raw.length > shape.max) return this.#fail("invalid", `must have at most ${shape.max} items`);
    const items: unknown[] = [];
    for (let index = 0; index < raw.length; index++) {
      items.push(this.read(shape.items, raw[index] as WireValue));
      if (this.fault) return this.#within(index);
    }
    return items;
  }

  #text(shape: TextShape, raw: string): string | undefined {
    if (shape.form === "digest")
      return parseDigest(raw) ?? this.#fail("invalid", "must be sha256: and 64 hexadecimal digits");
    // The limit is of bytes, as on a node that keeps the text in a buffer.
    return isLonger(raw, shape.max) ? this.#fail("invalid", `must have at most ${shape.max} bytes`) : raw;
  }

  /** A text that came in its short form. */
  #formed(shape: TextShape, raw: WireValue): string | undefined {
    if (shape.form === "digest" && raw instanceof Uint8Array)
      return raw.length === 32 ? digestFromBytes(raw) : this.#fail("invalid", "must have 32 bytes");
    if (shape.form === "instant" && typeof raw === "number")
      return Number.isInteger(raw) && raw >= 0 && raw <= instantSecondsMax
        ? instantFromSeconds(raw)
        : this.#fail("invalid", "must be whole seconds since 1970");
    if (this.#isCbor && shape.values && typeof raw === "number") return wordsOf(shape)[raw] ?? this.#notAWord(shape);
    return this.#wrongType("a text");
  }

  #notAWord(shape: TextShape): undefined {
    return this.#fail("invalid", `must be one of ${Object.keys(shape.values ?? {}).join(", ")}`);
  }
}

/** `value` at `decimals` places; a negative zero becomes zero. */
export function roundTo(value: number, decimals: number): number {
  const scale = 10 ** decimals;
  const rounded = Math.round(value * scale) / scale;
  // Beyond the range where whole steps fit a double the value is already coarser than its places.
  return (Number.isFinite(rounded) ? rounded : value) + 0;
}

const utf8 = new TextEncoder();

/** Whether `text` has more than `max` bytes; texts that can't have are not looked into. */
function isLonger(text: string, max: number): boolean {
  return text.length > max || (text.length * 3 > max && utf8.encode(text).length > max);
}

const wordLists = new WeakMap<TextShape, readonly (string | undefined)[]>();

/** The words of a text by the integers that stand for them. */
function wordsOf(shape: TextShape): readonly (string | undefined)[] {
  let words = wordLists.get(shape);
  if (!words) {
    const built: (string | undefined)[] = [];
    for (const [word, value] of Object.entries(shape.values ?? {})) built[value] = word;
    wordLists.set(shape, built);
    words = built;
  }
  return words;
}

const lookups = new WeakMap<ObjectShape, ReadonlyMap<CborKey, number>>();

/** Index of the field by its integer key, its name and its early names. */
function lookupOf(shape: ObjectShape): ReadonlyMap<CborKey, number> {
  let table = lookups.get(shape);
  if (!table) {
    const built = new Map<CborKey, number>();
    for (const [index, field] of shape.fields.entries())
      for (const word of [field.key, field.name, ...field.aliases]) built.set(word, index);
    lookups.set(shape, built);
    table = built;
  }
  return table;
}
