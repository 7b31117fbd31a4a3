import type { CanField, CanFrame, CanModel } from "./can-model.ts";

/** TypeScript types of every frame, and their shapes as a table for the codec. */
export function emitCanTypes(model: CanModel, notice: string): string {
  const enums = model.enums.map(({ name, about, values }) => {
    const words = Object.keys(values).map((word) => `"${word}"`);
    return `/** ${about} */\nexport type ${name} = ${words.join(" | ")};\n`;
  });
  const messages = model.frames.map((frame) => {
    const { index } = frame.shape;
    const lines = [
      `  readonly frame: "${frame.shape.name}";`,
      ...(index ? [`  readonly ${index.name}: number;`] : []),
      ...frame.fields.flatMap((field) => members(frame, field)),
    ];
    return `/** ${identifiers(frame)}: ${frame.about} */\nexport interface ${frame.shape.name} {\n${lines.join("\n")}\n}\n`;
  });
  const union = `/** Any frame of the bus. */\nexport type CanMessage =\n${model.frames.map(({ shape }) => `  | ${shape.name}`).join("\n")};\n`;
  const shapes = JSON.stringify(
    model.frames.map(({ shape }) => shape),
    null,
    2,
  );
  return [
    notice,
    "/* biome-ignore-all format: generated */",
    'import type { CanFrameShape } from "../wire/can-shape.ts";\n',
    ...enums,
    ...messages,
    union,
    `/** Of the bus, bit/s. */\nexport const canBitrate = ${model.bitrate};\n`,
    `/** Every kind of frame. */\nexport const canFrames: readonly CanFrameShape[] = ${shapes};\n`,
  ].join("\n");
}

/** `0x100 + 8 * node`. */
export function identifiers({ shape: { id, index, isExtended } }: CanFrame): string {
  const base = `0x${id
    .toString(16)
    .toUpperCase()
    .padStart(isExtended ? 8 : 3, "0")}`;
  if (!index) return base;
  return `${base} + ${index.stride === 1 ? "" : `${index.stride} * `}${index.name}`;
}

/** What a number on the wire means: `0.1 V`. */
export function unitOf({ unit, scale }: CanField): string {
  return unit === "" ? "" : scale === 1 ? unit : `${scale} ${unit}`;
}

function members({ shape: frame }: CanFrame, field: CanField): string[] {
  const { shape } = field;
  if (shape.kind === "reserved") return [];
  if (shape.kind === "bits") return shape.bits.map((bit) => `  readonly ${bit}: boolean;`);
  // What tells the frame from others is always the same.
  if (frame.select?.at === shape.at) return [];
  const said = [unitOf(field), field.about].filter((text) => text !== "").join(". ");
  const comment = said === "" ? [] : [`  /** ${said} */`];
  return [...comment, `  readonly ${shape.name}: ${typeOf(field)};`];
}

function typeOf({ shape, enum: words }: CanField): string {
  switch (shape.kind) {
    case "word":
      return words!;
    case "bool":
      return "boolean";
    case "bytes":
      return "Uint8Array";
    default:
      return "none" in shape ? "number | null" : "number";
  }
}
