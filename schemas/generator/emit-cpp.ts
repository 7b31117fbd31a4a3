import type { Field, ObjectShape, Shape, TextShape, VariantsShape } from "../wire/shape.ts";
import type { Kind, Model } from "./model.ts";

/** Messages that only the manager and its operators exchange, and those of a household's topics: nodes have no use for them. */
const notForNodes = /^(update|attempt|install-request|site-.*)$/;

/** C++ headers by file name: the words, and a struct, its table and its two functions for each message that nodes know. */
export function emitCpp(model: Model, notice: string): Map<string, string> {
  const emitter = new CppEmitter(model, notice);
  return emitter.files(model.kinds.filter((kind) => !notForNodes.test(kind.name)));
}

const keywords = new Set([
  "class",
  "default",
  "delete",
  "operator",
  "register",
  "new",
  "this",
  "union",
  "private",
  "public",
]);

class CppEmitter {
  readonly #model: Model;
  readonly #notice: string;
  readonly #words = new Map<string, TextShape>();
  readonly #parts = new Map<string, string>();

  constructor(model: Model, notice: string) {
    this.#model = model;
    this.#notice = notice;
  }

  files(kinds: readonly Kind[]): Map<string, string> {
    const files = new Map<string, string>();
    for (const kind of kinds) {
      const includes = new Set<string>(["parts.hpp"]);
      const body = this.#struct(structOf(kind.shape), kind, includes);
      files.set(`${snake(kind.name)}.hpp`, this.#file(kind.description, [...includes].sort(), body));
    }
    const words = [...this.#words].map(([title, shape]) => wordsOf(title, shape)).join("\n");
    files.set(
      "parts.hpp",
      this.#file(
        "Words and parts that several messages share.",
        [],
        `${words}\n${[...this.#parts.values()].join("\n")}`,
      ),
    );
    return files;
  }

  #file(about: string, includes: readonly string[], body: string): string {
    const own = includes.map((name) => `#include "${name}"\n`).join("");
    return `${this.#notice}\n// ${about}\n#pragma once\n\n#include <cstddef>\n\n#include "message_codec.hpp"\n${own}\nnamespace cx::wire {\n\n${body}\n}  // namespace cx::wire\n`;
  }

  /** `kind` is undefined for a part of messages. */
  #struct(shape: Struct, kind: Kind | undefined, includes: Set<string>): string {
    const { title, variants } = shape;
    if (shape.fields.length > 32) throw new Error(`${title}: the codec counts at most 32 members`);
    const fields = [...shape.fields].sort((left, right) => left.key - right.key);
    const members = fields.map(
      (field) =>
        `  Optional<${this.#type(field.shape, includes)}> ${identifier(field.name)};  // ${this.#model.describe(field)}\n`,
    );
    const keys = fields.map((field) => `    static constexpr uint8_t ${identifier(field.name)} = ${field.key};\n`);
    const maxima = fields.flatMap((field) =>
      maximum(field.shape) === undefined
        ? []
        : [`    static constexpr size_t ${identifier(field.name)} = ${maximum(field.shape)};\n`],
    );
    const rows = fields.map((field) => `    ${this.#row(title, field, shape.isRequired(field))},\n`);
    const name = lowerFirst(title);
    const variantRows =
      variants?.rows.map(
        ({ tag, required, allowed }) => `    {${tag}, ${bits(fields, required)}, ${bits(fields, allowed)}},\n`,
      ) ?? [];
    const variantTable = variants
      ? `inline constexpr MessageVariant ${name}Variants[] = {\n${variantRows.join("")}};\n`
      : "";
    const tail = variants ? `${name}Variants, ${fields.findIndex((field) => field.name === variants.tag)}` : "{}, 0";
    const functions =
      kind === undefined
        ? ""
        : `
// As decodeMessage(); texts and digests are views into \`bytes\`, lists stand in \`scratch\`.
inline Status decode(ByteSpan bytes, ${title}& out, MutableSpan scratch = {}) { return decodeMessage(${name}Shape, bytes, &out, scratch); }
inline Expected<ByteSpan> encode(const ${title}& message, MutableSpan out) { return encodeMessage(${name}Shape, &message, out); }
`;
    return `struct ${title} {
  struct Key {
${keys.join("")}  };
  // Longest text in bytes, most items of a list.
  struct Max {
${maxima.join("")}  };

${members.join("")}};
inline constexpr Member ${name}Members[] = {
${rows.join("")}};
${variantTable}inline constexpr MessageShape ${name}Shape{${name}Members, sizeof(${title}), ${kind?.maxBytes ?? 0}, ${tail}};
${functions}`;
  }

  #type(shape: Shape, includes: Set<string>): string {
    switch (shape.kind) {
      case "object":
      case "variants":
        return this.#part(shape, includes);
      case "list":
        return `Span<const ${this.#type(shape.items, includes)}>`;
      case "map":
        return "Span<const TextPair>";
      case "text":
        if (shape.form !== undefined) return shape.form === "digest" ? "ByteSpan" : "uint64_t";
        return shape.values ? this.#word(shape) : "std::string_view";
      case "integer":
        return shape.min < 0 ? "int32_t" : "uint32_t";
      case "number":
        return "Decimal";
      case "boolean":
        return "bool";
    }
  }

  #word(shape: TextShape): string {
    const title = this.#model.titleOf(shape);
    if (title === undefined) throw new Error(`words need a title: ${Object.keys(shape.values ?? {}).join(", ")}`);
    this.#words.set(title, shape);
    return title;
  }

  #part(shape: ObjectShape | VariantsShape, includes: Set<string>): string {
    const kind = this.#model.kinds.find((candidate) => candidate.title === shape.title);
    if (kind) includes.add(`${snake(kind.name)}.hpp`);
    else if (!this.#parts.has(shape.title)) {
      const text = this.#struct(structOf(shape), undefined, includes);
      this.#parts.set(shape.title, text);
    }
    return shape.title;
  }

  #row(title: string, field: Field, isRequired: boolean): string {
    const { type, min = 0, max = 0, places = 0, shape } = row(field.shape);
    const pointer = shape === undefined ? "" : `, ${places}, &${lowerFirst(shape)}Shape`;
    const decimals = shape === undefined && places > 0 ? `, ${places}` : "";
    return `member(offsetof(${title}, ${identifier(field.name)}), ${field.key}, MemberType::${type}, ${isRequired}, ${unsigned(min)}, ${unsigned(max)}${pointer}${decimals})`;
  }
}

interface Row {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly places?: number;
  readonly shape?: string;
}

function row(shape: Shape): Row {
  switch (shape.kind) {
    case "object":
    case "variants":
      return { type: "object", shape: shape.title };
    case "list":
      if (shape.items.kind === "object") return { type: "objectList", max: shape.max, shape: shape.items.title };
      if (shape.items.kind === "text" && !shape.items.values && !shape.items.form)
        return { type: "textList", min: shape.items.max, max: shape.max };
      throw new Error(`no C++ list of ${shape.items.kind}`);
    case "map":
      return { type: "textMap", min: shape.keyMax * 65_536 + shape.valueMax, max: shape.max };
    case "text":
      if (shape.form !== undefined) return { type: shape.form };
      if (shape.values)
        return { type: "word", max: Object.values(shape.values).reduce((mask, value) => mask + 2 ** value, 0) };
      return { type: "text", max: shape.max };
    case "integer":
      return { type: shape.min < 0 ? "signedInteger" : "unsignedInteger", min: shape.min, max: shape.max };
    case "number":
      return { type: "decimal", min: shape.min, max: shape.max, places: shape.decimals };
    case "boolean":
      return { type: "boolean" };
  }
}

interface Struct {
  readonly title: string;
  readonly fields: readonly Field[];
  /** In every variant, where there are any. */
  isRequired(field: Field): boolean;
  readonly variants?: {
    readonly tag: string;
    readonly rows: readonly { tag: number; required: ReadonlySet<string>; allowed: ReadonlySet<string> }[];
  };
}

/** Variants become one struct with the members of all; which of them belong to which tag is in a table. */
function structOf(shape: Shape): Struct {
  if (shape.kind === "object")
    return { title: shape.title, fields: shape.fields, isRequired: (field) => field.isRequired };
  if (shape.kind !== "variants") throw new Error("a message is an object or one of several");
  const fields = new Map<string, Field>();
  const required = new Map<string, number>();
  for (const variant of shape.variants) {
    for (const field of variant.shape.fields) {
      fields.set(field.name, field);
      if (field.isRequired) required.set(field.name, (required.get(field.name) ?? 0) + 1);
    }
  }
  const tagShape = fields.get(shape.tag)?.shape as TextShape;
  return {
    title: shape.title,
    fields: [...fields.values()],
    isRequired: (field) => required.get(field.name) === shape.variants.length,
    variants: {
      tag: shape.tag,
      rows: shape.variants.map((variant) => ({
        tag: tagShape.values?.[variant.value] ?? 0,
        required: new Set(variant.shape.fields.filter((field) => field.isRequired).map((field) => field.name)),
        allowed: new Set(variant.shape.fields.map((field) => field.name)),
      })),
    },
  };
}

function bits(fields: readonly Field[], names: ReadonlySet<string>): string {
  return `0x${fields
    .reduce((mask, field, index) => mask + (names.has(field.name) ? 2 ** index : 0), 0)
    .toString(16)
    .toUpperCase()}`;
}

function maximum(shape: Shape): number | undefined {
  if (shape.kind === "list" || shape.kind === "map") return shape.max;
  return shape.kind === "text" && !shape.form && !shape.values ? shape.max : undefined;
}

function wordsOf(title: string, shape: TextShape): string {
  const entries = Object.entries(shape.values ?? {});
  const enumerators = entries.map(([word, value]) => `  ${identifier(camel(word))} = ${value},\n`).join("");
  const cases = entries.map(([word]) => `    case ${title}::${identifier(camel(word))}: return "${word}";\n`).join("");
  return `enum class ${title} : uint8_t {\n${enumerators}};\nconstexpr std::string_view wordOf(${title} value) {\n  switch (value) {\n${cases}  }\n  return {};\n}\n`;
}

/** The bits of a number as an unsigned literal. */
function unsigned(value: number): string {
  if (value < 0) return `static_cast<uint32_t>(${value})`;
  return value > 2 ** 31 - 1 ? `${value}U` : String(value);
}

function identifier(name: string): string {
  return keywords.has(name) ? `${name}_` : name;
}

function camel(word: string): string {
  return word.replace(/-(.)/g, (_whole, letter: string) => letter.toUpperCase());
}

function snake(name: string): string {
  return name.replaceAll("-", "_");
}

function lowerFirst(title: string): string {
  return title.charAt(0).toLowerCase() + title.slice(1);
}
