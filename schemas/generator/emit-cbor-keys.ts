import type { Shape } from "../wire/shape.ts";
import type { Model } from "./model.ts";

/** The shapes that the codec walks, one constant per named shape so that shared ones are written once. */
export function emitCborKeys(model: Model, notice: string): string {
  const constants = new Map<string, string>();

  function constant(title: string): string {
    return `${title.charAt(0).toLowerCase()}${title.slice(1)}Shape`;
  }

  function write(shape: Shape): string {
    switch (shape.kind) {
      case "object": {
        if (!constants.has(shape.title)) {
          const fields = shape.fields.map(
            (field) =>
              `    { name: ${quote(field.name)}, key: ${field.key}, aliases: ${JSON.stringify(field.aliases)}, isRequired: ${field.isRequired}, shape: ${write(field.shape)} },\n`,
          );
          constants.set(
            shape.title,
            `export const ${constant(shape.title)}: ObjectShape = {\n  kind: "object",\n  title: ${quote(shape.title)},\n  fields: [\n${fields.join("")}  ],\n};\n`,
          );
        }
        return constant(shape.title);
      }
      case "variants": {
        if (!constants.has(shape.title)) {
          const variants = shape.variants.map(
            (variant) => `    { value: ${quote(variant.value)}, shape: ${write(variant.shape)} },\n`,
          );
          constants.set(
            shape.title,
            `export const ${constant(shape.title)}: VariantsShape = {\n  kind: "variants",\n  title: ${quote(shape.title)},\n  tag: ${quote(shape.tag)},\n  variants: [\n${variants.join("")}  ],\n};\n`,
          );
        }
        return constant(shape.title);
      }
      case "list":
        return `{ kind: "list", max: ${shape.max}, items: ${write(shape.items)} }`;
      default:
        return JSON.stringify(shape);
    }
  }

  const kinds = model.kinds.map(
    (kind) => `  ${quote(kind.name)}: { maxBytes: ${kind.maxBytes}, shape: ${write(kind.shape)} },\n`,
  );
  return `${notice}
import type { ObjectShape, Shape, VariantsShape } from "../wire/shape.ts";
import type { MessageKind } from "./types.ts";

${[...constants.values()].join("\n")}
/** The shape of each kind of message and the longest body that is read or written as one. */
export const messageShapes: { readonly [K in MessageKind]: { readonly maxBytes: number; readonly shape: Shape } } = {
${kinds.join("")}};
`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
