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
  read(shape: Shape, raw: WireValue, path: string): unknown {
    switch (shape.kind) {
      case "object":
        return raw instanceof Map ? this.#object(shape, raw, path) : this.#wrongType(path, "a map of properties");
      case "variants":
        return raw instanceof Map ? this.#variants(shape, raw, path) : this.#wrongType(path, "a map of properties");
      case "map":
        return raw instanceof Map ? this.#map(shape, raw, path) : this.#wrongType(path, "a map of texts");
      case "list":
        return Array.isArray(raw)
          ? this.#list(shape, raw as readonly WireValue[], path)
          : this.#wrongType(path, "a list");
      case "text":
        return this.#text(shape, raw, path);
      case "integer":
        if (typeof raw === "bigint")
          return this.#fail("invalid", path, `must be between ${shape.min} and ${shape.max}`);
        return typeof raw === "number" && Number.isInteger(raw) ? raw + 0 : this.#wrongType(path, "a whole number");
      case "number": {
        if (typeof raw !== "number" || !Number.isFinite(raw)) return this.#wrongType(path, "a number");
        return roundTo(raw, shape.decimals);
      }
      case "boolean":
        return typeof raw === "boolean" ? raw : this.#wrongType(path, "true or false");
    }
  }

  #fail(code: MessageFaultCode, path: string, rule: string): undefined {
    this.fault ??= { code, path, rule };
    return undefined;
  }

  #wrongType(path: string, expected: string): undefined {
    return this.#fail("wrong-type", path, `must be ${expected}`);
  }

  #object(shape: ObjectShape, raw: ReadonlyMap<CborKey, WireValue>, path: string): object | undefined {
    const table = lookupOf(shape);
    const values: unknown[] = new Array(shape.fields.length);
    for (const [key, item] of raw) {
      const index = table.get(key);
      if (index === undefined || item === null) continue;
      const field = shape.fields[index] as Field;
      if (values[index] !== undefined)
        return this.#fail("duplicate-property", `${path}/${field.name}`, "must be given once, under one of its names");
      const value = this.read(field.shape, item, `${path}/${field.name}`);
      if (value === undefined) return undefined;
      values[index] = value;
    }
    // Built in the schema's order, so that all objects of a kind have one hidden class per set of properties.
    const object: Record<string, unknown> = {};
    for (let i = 0; i < values.length; i++)
      if (values[i] !== undefined) object[(shape.fields[i] as Field).name] = values[i];
    return object;
  }

  #variants(shape: VariantsShape, raw: ReadonlyMap<CborKey, WireValue>, path: string): object | undefined {
    const tag = shape.variants[0]?.shape.fields.find((field) => field.name === shape.tag);
    const tagShape = tag?.shape as TextShape;
    const said = raw.get(shape.tag) ?? (tag && raw.get(tag.key));
    if (said === undefined) return this.#fail("invalid", path, `must have ${shape.tag}`);
    const word = typeof said === "number" ? wordOf(tagShape, said) : said;
    const variant = shape.variants.find(({ value }) => value === word);
    if (variant) return this.#object(variant.shape, raw, path);
    return this.#fail(
      "invalid",
      `${path}/${shape.tag}`,
      `must be one of ${Object.keys(tagShape.values ?? {}).join(", ")}`,
    );
  }

  #map(shape: MapShape, raw: ReadonlyMap<CborKey, WireValue>, path: string): object | undefined {
    if (raw.size > shape.max) return this.#fail("invalid", path, `must have at most ${shape.max} entries`);
    const object: Record<string, string> = {};
    for (const [key, item] of raw) {
      if (typeof key !== "string" || key === "__proto__")
        return this.#fail("invalid", path, "must have names that are plain words");
      if (typeof item !== "string") return this.#wrongType(`${path}/${key}`, "a text");
      if (item.length > shape.valueMax || byteLength(item) > shape.valueMax)
        return this.#fail("invalid", `${path}/${key}`, `must have at most ${shape.valueMax} bytes`);
      object[key] = item;
    }
    return object;
  }

  #list(shape: ListShape, raw: readonly WireValue[], path: string): unknown[] | undefined {
    if (raw.length > shape.max) return this.#fail("invalid", path, `must have at most ${shape.max} items`);
    const items: unknown[] = [];
    for (const [index, item] of raw.entries()) {
      const value = this.read(shape.items, item, `${path}/${index}`);
      if (value === undefined) return undefined;
      items.push(value);
    }
    return items;
  }

  #text(shape: TextShape, raw: WireValue, path: string): string | undefined {
    if (typeof raw === "string") {
      if (shape.form === "digest")
        return parseDigest(raw) ?? this.#fail("invalid", path, "must be sha256: and 64 hexadecimal digits");
      // The limit is of bytes, as on a node that keeps the text in a buffer; the second check is for texts beyond ASCII.
      if (raw.length > shape.max || byteLength(raw) > shape.max)
        return this.#fail("invalid", path, `must have at most ${shape.max} bytes`);
      return raw;
    }
    if (shape.form === "digest" && raw instanceof Uint8Array)
      return raw.length === 32 ? digestFromBytes(raw) : this.#fail("invalid", path, "must have 32 bytes");
    if (shape.form === "instant" && typeof raw === "number")
      return Number.isInteger(raw) && raw >= 0 && raw <= instantSecondsMax
        ? instantFromSeconds(raw)
        : this.#fail("invalid", path, "must be whole seconds since 1970");
    if (this.#isCbor && shape.values && typeof raw === "number")
      return (
        wordOf(shape, raw) ?? this.#fail("invalid", path, `must be one of ${Object.keys(shape.values).join(", ")}`)
      );
    return this.#wrongType(path, "a text");
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

function byteLength(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return utf8.encode(text).length;
  return text.length;
}

function wordOf(shape: TextShape, integer: number): string | undefined {
  for (const [word, value] of Object.entries(shape.values ?? {})) if (value === integer) return word;
  return undefined;
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
