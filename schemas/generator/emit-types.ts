import { compile } from "json-schema-to-typescript";
import type { Field, Shape } from "../wire/shape.ts";
import type { Json, Model } from "./model.ts";

/** TypeScript types of every message, by json-schema-to-typescript over a bundle with one definition per named shape. */
export async function emitTypes(model: Model, notice: string): Promise<string> {
  const definitions: Record<string, Json> = {};

  function lower(shape: Shape): Json {
    switch (shape.kind) {
      case "object": {
        if (!definitions[shape.title]) {
          const own: Record<string, unknown> = {};
          definitions[shape.title] = own;
          Object.assign(own, object(shape.fields), { title: shape.title });
        }
        return { tsType: shape.title };
      }
      case "variants": {
        definitions[shape.title] ??= {
          title: shape.title,
          oneOf: shape.variants.map((variant) =>
            lower({ ...variant.shape, fields: tagged(variant.shape.fields, shape.tag, variant.value) }),
          ),
        };
        return { tsType: shape.title };
      }
      case "map":
        return { type: "object", additionalProperties: { type: "string" } };
      case "list":
        return { type: "array", items: lower(shape.items) };
      case "text": {
        const brand = model.brandOf(shape);
        if (brand) return { type: "string", tsType: brand };
        const title = model.titleOf(shape);
        if (shape.values && title) {
          definitions[title] ??= { title, enum: Object.keys(shape.values) };
          return { tsType: title };
        }
        return shape.values ? { enum: Object.keys(shape.values) } : { type: "string" };
      }
      default:
        return { type: shape.kind === "boolean" ? "boolean" : "number" };
    }
  }

  function object(fields: readonly Field[]): Json {
    const properties: Record<string, Json> = {};
    for (const field of fields) properties[field.name] = { ...lower(field.shape), description: model.describe(field) };
    return {
      type: "object",
      properties,
      required: fields.filter((field) => field.isRequired).map((field) => field.name),
      additionalProperties: false,
    };
  }

  function tagged(fields: readonly Field[], tag: string, value: string): Field[] {
    return fields.map((field) => {
      if (field.name !== tag || field.shape.kind !== "text") return field;
      const narrowed: Field = { ...field, shape: { kind: "text", max: field.shape.max, values: { [value]: 0 } } };
      return narrowed;
    });
  }

  for (const kind of model.kinds) lower(kind.shape);
  const everything = {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(Object.keys(definitions).map((name) => [name, { $ref: `#/definitions/${name}` }])),
    definitions,
  };
  const compiled = await compile(everything as never, "Everything", {
    bannerComment: "",
    ignoreMinAndMaxItems: true,
    unknownAny: true,
    additionalProperties: false,
    style: { printWidth: 120 } as never,
  });
  const body = compiled
    .replace(/export interface Everything \{[^}]*\}\n/, "")
    .replaceAll(/\/\*\*\n\s*\* (.*)\n\s*\*\//g, "/** $1 */");
  const kinds = model.kinds.map((kind) => `  readonly ${JSON.stringify(kind.name)}: ${kind.title};\n`).join("");
  return `${notice}
import type { Digest } from "../wire/digest.ts";
import type { NodeId } from "../wire/node-id.ts";

${body.trim()}

/** The type of each kind of message. */
export interface Messages {
${kinds}}

export type MessageKind = keyof Messages;
`;
}
