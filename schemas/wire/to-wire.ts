import type { CborKey, CborValue } from "./cbor.ts";
import { type Digest, digestToBytes } from "./digest.ts";
import { roundTo } from "./from-wire.ts";
import { instantToSeconds } from "./instant.ts";
import type { Field, ObjectShape, Shape, TextShape, VariantsShape } from "./shape.ts";

type Plain = Readonly<Record<string, unknown>>;

/** A valid message as the CBOR to send: integer keys, and integers for words. */
export function toCbor(shape: Shape, value: unknown): CborValue {
  switch (shape.kind) {
    case "object":
    case "variants": {
      const map = new Map<CborKey, CborValue>();
      for (const field of fieldsOf(shape, value as Plain)) {
        const item = (value as Plain)[field.name];
        if (item !== undefined) map.set(field.key, toCbor(field.shape, item));
      }
      return map;
    }
    case "map":
      return new Map(Object.entries(value as Record<string, string>));
    case "list":
      return (value as readonly unknown[]).map((item) => toCbor(shape.items, item));
    case "text":
      return textToCbor(shape, value as string);
    case "number":
      return roundTo(value as number, shape.decimals);
    default:
      return value as CborValue;
  }
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
