import type { CanField, CanModel } from "./can-model.ts";
import { identifiers, unitOf } from "./emit-can-types.ts";

/** The bus as tables for people. */
export function emitCanReference(model: CanModel, notice: string): string {
  const frames = model.frames.map((frame) => {
    const { minLength, maxLength } = frame.shape;
    const length = minLength === maxLength ? `${maxLength}` : `${minLength} to ${maxLength}`;
    const kind = frame.shape.isExtended ? "29-bit, " : "";
    const rows = frame.fields.map(
      (field) =>
        `| ${[place(field), `\`${field.shape.name}\``, field.type, unitOf(field), values(field), field.about].join(" | ")} |\n`,
    );
    const table = `| byte | field | type | unit | values | meaning |\n|---|---|---|---|---|---|\n${rows.join("")}`;
    const head = `### ${frame.shape.name}\n\n\`${identifiers(frame)}\`, ${kind}${length} bytes, from ${frame.from}. ${frame.about}\n`;
    return `${head}\n${table}`;
  });
  const enums = model.enums.map(({ name, about, values }) => {
    const rows = Object.entries(values).map(([word, value]) => `| ${value} | ${word} |\n`);
    return `### ${name}\n\n${about}\n\n| value | word |\n|---|---|\n${rows.join("")}`;
  });
  return `<!-- ${notice.slice(3)} -->

# CAN bus

${model.about} [alfaspark.dbc](alfaspark.dbc) is the same table for the tools of the field. Bits that aren't named and bytes that are reserved are sent as 0 and
not looked at. A frame of another length, or with a value that isn't listed, is refused whole.

## Frames

${frames.join("\n")}
## Words

${enums.join("\n")}`;
}

function place({ shape: { at, bytes } }: CanField): string {
  return bytes === 1 ? String(at) : `${at} to ${at + bytes - 1}`;
}

function values({ shape, enum: words }: CanField): string {
  switch (shape.kind) {
    case "word":
      return `[${words}](#${words?.toLowerCase()})`;
    case "bool":
      return "0 off, 1 on";
    case "bits":
      return shape.bits.map((bit, i) => `b${i} ${bit}`).join(", ");
    case "bytes":
    case "reserved":
      return "";
    default: {
      const also = shape.also === undefined ? "" : `, ${shape.also}`;
      const none = shape.none === undefined ? "" : `; ${shape.none} says none`;
      return `${shape.min} to ${shape.max}${also}${none}`;
    }
  }
}
