import type { CborKey, CborValue } from "./cbor.ts";
import { CborWriter } from "./cbor-writer.ts";
import { type Digest, digestToBytes } from "./digest.ts";
import { roundTo } from "./from-wire.ts";
import { instantToSeconds } from "./instant.ts";
import type { Field, ObjectShape, Shape, TextShape, VariantsShape } from "./shape.ts";

type Plain = Readonly<Record<string, unknown>>;

/** A valid message as the CBOR to send: integer keys ascending, and integers for words. */
export function toCbor(shape: Shape, value: unknown): Uint8Array {
  try {
    write(shape, value);
    return writer.finish();
  } finally {
    writer.reset();
  }
}

/** One for all, since encoding never waits: its buffer grows to the longest message and stays. */
const writer = new CborWriter();

function write(shape: Shape, value: unknown): void {
  switch (shape.kind) {
    case "object":
    case "variants": {
      const fields = byKey(fieldsOf(shape, value as Plain));
      let count = 0;
      for (const field of fields) if ((value as Plain)[field.name] !== undefined) count++;
      writer.map(count);
      for (const field of fields) {
        const item = (value as Plain)[field.name];
        if (item === undefined) continue;
        writer.item(field.key);
        write(field.shape, item);
      }
      return;
    }
    case "map":
      writer.item(new Map<CborKey, CborValue>(Object.entries(value as Record<string, string>)));
      return;
    case "list": {
      const items = value as readonly unknown[];
      writer.array(items.length);
      for (const item of items) write(shape.items, item);
      return;
    }
    case "text":
      writer.item(textToCbor(shape, value as string));
      return;
    case "number":
      writer.item(roundTo(value as number, shape.decimals));
      return;
    default:
      writer.item(value as CborValue);
  }
}

const sorted = new WeakMap<readonly Field[], readonly Field[]>();

function byKey(fields: readonly Field[]): readonly Field[] {
  let ordered = sorted.get(fields);
  if (!ordered) {
    ordered = fields.toSorted((left, right) => left.key - right.key);
    sorted.set(fields, ordered);
  }
  return ordered;
}

/** A valid message as a plain object of real names: what `JSON.stringify` is to see. */
export function toPlain(shape: Shape, value: unknown): unknown {
  switch (shape.kind) {
    case "object":
    case "variants": {
      const object: Record<string, unknown> = {};
      for (const field of fieldsOf(shape, value as Plain)) {
        const item = (value as Plain)[field.name];
        if (item !== undefined) object[field.name] = toPlain(field.shape, item);
      }
      return object;
    }
    case "list":
      return (value as readonly unknown[]).map((item) => toPlain(shape.items, item));
    case "number":
      return roundTo(value as number, shape.decimals);
    default:
      return value;
  }
}

function fieldsOf(shape: ObjectShape | VariantsShape, value: Plain): readonly Field[] {
  if (shape.kind === "object") return shape.fields;
  return shape.variants.find((variant) => variant.value === value[shape.tag])?.shape.fields ?? [];
}

function textToCbor(shape: TextShape, text: string): CborValue {
  if (shape.form === "digest") return digestToBytes(text as Digest);
  if (shape.form === "instant") return instantToSeconds(text) ?? text;
  return shape.values?.[text] ?? text;
}
