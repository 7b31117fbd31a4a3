import type { Field, ObjectShape, Shape } from "../wire/shape.ts";
import type { Model } from "./model.ts";

/** The messages as tables for people. */
export function emitReference(model: Model, notice: string): string {
  const shared = new Map<string, ObjectShape>();
  const sections = model.kinds.map((kind) => {
    const head = `## ${kind.name}\n\n${kind.description} At most ${kind.maxBytes} bytes.\n`;
    if (kind.shape.kind === "object") return `${head}\n${table(kind.shape.fields)}`;
    if (kind.shape.kind !== "variants") return head;
    const { tag, variants } = kind.shape;
    const tables = variants.map(({ value, shape }) => `### ${tag}: ${value}\n\n${table(shape.fields)}`);
    return [`${head}\nOne of these, told apart by \`${tag}\`.\n`, ...tables].join("\n");
  });

  function table(fields: readonly Field[]): string {
    const rows = fields.map((field) => {
      const aliases = field.aliases.map((alias) => `\`${alias}\``).join(" ");
      const cells = [
        `\`${field.name}\`${field.isRequired ? " *" : ""}`,
        type(field.shape),
        String(field.key),
        limit(field.shape),
        aliases,
      ];
      return `| ${[...cells, model.describe(field)].join(" | ")} |\n`;
    });
    return `| property | type | CBOR key | limit | also read as | meaning |\n|---|---|---|---|---|---|\n${rows.join("")}`;
  }

  function type(shape: Shape): string {
    switch (shape.kind) {
      case "object":
      case "variants": {
        const kind = model.kinds.find((candidate) => candidate.title === shape.title);
        if (!kind && shape.kind === "object") shared.set(shape.title, shape);
        return `[${shape.title}](#${(kind?.name ?? shape.title).toLowerCase()})`;
      }
      case "list":
        return `list of ${type(shape.items)}`;
      case "map":
        return "map of text";
      case "text":
        if (shape.form === "digest") return "digest";
        if (shape.form === "instant") return "instant";
        return shape.values ? "word" : "text";
      case "integer":
        return "integer";
      case "number":
        return shape.decimals === 0 ? "number, rounded to whole" : "number";
      default:
        return shape.kind;
    }
  }

  // Shared shapes may name further ones, which then stand behind them in the map that is being walked.
  const sharedSections: string[] = [];
  for (const [title, shape] of shared) sharedSections.push(`### ${title}\n\n${table(shape.fields)}`);

  return `<!-- ${notice.slice(3)} -->
# Messages

Every message between a node, the manager and an operator. As JSON (content format 50) properties have their names; as CBOR
(60) their integer keys, digests are strings of 32 bytes, instants whole seconds since 1970, and words the integers given
behind them. A receiver ignores what it doesn't know and takes \`null\` for absence. Lengths of texts count bytes of UTF-8.
Numbers are rounded to three decimal places. An asterisk marks what must be there.

${sections.join("\n")}
## Shared parts

${sharedSections.join("\n")}`;
}

function limit(shape: Shape): string {
  switch (shape.kind) {
    case "list":
      return [`at most ${shape.max}`, limit(shape.items)].filter((text) => text !== "").join(", each: ");
    case "map":
      return `at most ${shape.max} entries, names ${shape.keyMax}, values ${shape.valueMax} bytes`;
    case "text":
      if (shape.values)
        return Object.entries(shape.values)
          .map(([word, value]) => `${word} (${value})`)
          .join(", ");
      return shape.form === undefined ? `${shape.max} bytes` : "";
    case "integer":
    case "number":
      return `${shape.min} to ${shape.max}`;
    default:
      return "";
  }
}
