import { readdirSync, readFileSync } from "node:fs";
import type { Field, ObjectShape, Shape, TextShape } from "../wire/shape.ts";

/** A JSON Schema as parsed; only `readShape` looks inside. */
export type Json = { readonly [key: string]: unknown };

/** A kind of message: one file under `schemas/json`. */
export interface Kind {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly maxBytes: number;
  readonly shape: Shape;
  readonly schema: Json;
}

/** Everything the emitters need, read once. */
export interface Model {
  readonly kinds: readonly Kind[];
  readonly definitions: Json;
  /** What a field is for, by field object. */
  describe(field: Field): string;
  /** The title of the definition an enumerated text came from, else undefined. */
  titleOf(shape: TextShape): string | undefined;
  /** The brand of a text, else undefined. */
  brandOf(shape: TextShape): string | undefined;
}

/** Reads `schemas/json`; throws with file and property when a schema leaves the subset or an unbounded thing appears. */
export function readModel(folder: string): Model {
  const files = new Map<string, Json>();
  for (const name of readdirSync(folder).sort()) {
    if (name.endsWith(".schema.json")) files.set(name, JSON.parse(readFileSync(`${folder}/${name}`, "utf8")) as Json);
  }
  const reader = new Reader(files);
  const kinds: Kind[] = [];
  for (const [file, schema] of files) {
    if (file === "definitions.schema.json") continue;
    const name = file.replace(".schema.json", "");
    const maxBytes = schema["x-max-bytes"];
    if (typeof maxBytes !== "number") throw new Error(`${file}: a message needs x-max-bytes`);
    kinds.push({
      name,
      title: String(schema["title"]),
      description: String(schema["description"]),
      maxBytes,
      shape: reader.shape(schema, name),
      schema,
    });
  }
  const definitions = files.get("definitions.schema.json") ?? {};
  return {
    kinds,
    definitions,
    describe: (field) => reader.descriptions.get(field) ?? "",
    titleOf: (shape) => reader.titles.get(shape),
    brandOf: (shape) => reader.brands.get(shape),
  };
}

class Reader {
  readonly descriptions = new Map<Field, string>();
  readonly titles = new Map<TextShape, string>();
  readonly brands = new Map<TextShape, string>();
  readonly #files: Map<string, Json>;
  readonly #known = new Map<unknown, Shape>();

  constructor(files: Map<string, Json>) {
    this.#files = files;
  }

  shape(schema: Json, where: string): Shape {
    const ref = schema["$ref"];
    if (typeof ref === "string") {
      const target = this.#resolve(ref, where);
      const known = this.#known.get(target);
      if (known) return known;
      const read = this.shape(target, ref);
      this.#known.set(target, read);
      return read;
    }
    if (Array.isArray(schema["oneOf"])) return this.#variants(schema, where);
    switch (schema["const"] === undefined ? schema["type"] : "string") {
      case "object":
        return schema["properties"] ? this.#object(schema, where) : this.#map(schema, where);
      case "array":
        return {
          kind: "list",
          max: bound(schema, "maxItems", where),
          items: this.shape(schema["items"] as Json, `${where}[]`),
        };
      case "string":
        return this.#text(schema, where);
      case "integer":
        return { kind: "integer", min: bound(schema, "minimum", where), max: bound(schema, "maximum", where) };
      case "number":
        return {
          kind: "number",
          min: bound(schema, "minimum", where),
          max: bound(schema, "maximum", where),
          decimals: bound(schema, "x-decimals", where),
        };
      case "boolean":
        return { kind: "boolean" };
      default:
        throw new Error(`${where}: type ${String(schema["type"])} is outside the subset`);
    }
  }

  #resolve(ref: string, where: string): Json {
    const [file, pointer] = ref.split("#");
    let target: unknown = this.#files.get(file ?? "");
    for (const step of (pointer ?? "").split("/").slice(1)) target = (target as Json | undefined)?.[step];
    if (target === undefined) throw new Error(`${where}: nothing at ${ref}`);
    return target as Json;
  }

  #object(schema: Json, where: string): ObjectShape {
    const required = new Set((schema["required"] as string[] | undefined) ?? []);
    const names = new Set<string>();
    const keys = new Set<number>();
    const fields = Object.entries(schema["properties"] as Record<string, Json>).map(([name, property]): Field => {
      const key = property["x-cbor-key"];
      const aliases = (property["x-aliases"] as string[] | undefined) ?? [];
      if (typeof key !== "number" || keys.has(key))
        throw new Error(`${where}.${name}: x-cbor-key missing or used twice`);
      keys.add(key);
      for (const word of [name, ...aliases]) {
        if (names.has(word)) throw new Error(`${where}.${name}: "${word}" already names another property`);
        names.add(word);
      }
      const shape = this.shape(property, `${where}.${name}`);
      const field: Field = { name, key, aliases, isRequired: required.delete(name), shape };
      this.descriptions.set(field, String(property["description"] ?? ""));
      return field;
    });
    if (required.size > 0) throw new Error(`${where}: required but not declared: ${[...required].join(", ")}`);
    return { kind: "object", title: title(schema, where), fields };
  }

  #variants(schema: Json, where: string): Shape {
    const tag = (schema["discriminator"] as { propertyName?: string } | undefined)?.propertyName;
    if (tag === undefined) throw new Error(`${where}: oneOf needs a discriminator`);
    const variants = (schema["oneOf"] as Json[]).map((variant) => {
      const value = (variant["properties"] as Record<string, Json>)[tag]?.["const"];
      if (typeof value !== "string") throw new Error(`${where}: each variant needs a const ${tag}`);
      return { value, shape: this.#object(variant, `${where}(${value})`) };
    });
    const keyOf = new Map<string, number>();
    const nameOf = new Map<number, string>();
    for (const field of variants.flatMap(({ shape }) => shape.fields)) {
      if ((keyOf.get(field.name) ?? field.key) !== field.key || (nameOf.get(field.key) ?? field.name) !== field.name)
        throw new Error(`${where}: ${field.name} and key ${field.key} must belong together in every variant`);
      keyOf.set(field.name, field.key);
      nameOf.set(field.key, field.name);
    }
    return { kind: "variants", title: title(schema, where), tag, variants };
  }

  #map(schema: Json, where: string): Shape {
    return {
      kind: "map",
      max: bound(schema, "maxProperties", where),
      keyMax: bound(schema["propertyNames"] as Json, "maxLength", `${where} names`),
      valueMax: bound(schema["additionalProperties"] as Json, "maxLength", `${where} values`),
    };
  }

  #text(schema: Json, where: string): TextShape {
    const values = schema["x-cbor-values"] as Record<string, number> | undefined;
    const allowed =
      (schema["enum"] as string[] | undefined) ?? (schema["const"] ? [schema["const"] as string] : undefined);
    const form = schema["x-cbor-form"];
    let shape: TextShape;
    if (allowed) {
      if (!values || allowed.some((value) => values[value] === undefined))
        throw new Error(`${where}: x-cbor-values incomplete`);
      if (new Set(Object.values(values)).size !== Object.keys(values).length)
        throw new Error(`${where}: x-cbor-values not unique`);
      shape = { kind: "text", max: Math.max(...Object.keys(values).map((value) => value.length)), values };
    } else {
      const max = bound(schema, "maxLength", where);
      shape = form === "digest" || form === "instant" ? { kind: "text", max, form } : { kind: "text", max };
    }
    const title = schema["title"];
    if (typeof title === "string") this.titles.set(shape, title);
    else if (values) throw new Error(`${where}: words need a title, which becomes the name of their type`);
    if (typeof schema["x-brand"] === "string") this.brands.set(shape, schema["x-brand"]);
    return shape;
  }
}

function bound(schema: Json, keyword: string, where: string): number {
  const value = schema[keyword];
  if (typeof value !== "number") throw new Error(`${where}: ${keyword} is missing; everything has a limit`);
  return value;
}

function title(schema: Json, where: string): string {
  const value = schema["title"];
  if (typeof value !== "string") throw new Error(`${where}: an object needs a title`);
  return value;
}
