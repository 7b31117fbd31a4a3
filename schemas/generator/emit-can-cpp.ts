import type { CanFieldShape } from "../wire/can-shape.ts";
import type { CanEnum, CanField, CanFrame, CanModel } from "./can-model.ts";
import { identifiers, unitOf } from "./emit-can-types.ts";

/** One header: enumerations, a struct for each kind of frame with `encode` and `decode`, and what kind a frame is. */
export function emitCanCpp(model: CanModel, notice: string): string {
  return [
    notice,
    "// Numbers are big-endian. A frame that isn't one of these, or holds what it can't, is refused by `decode`.",
    "#pragma once\n",
    "#include <cstddef>",
    "#include <cstdint>\n",
    "namespace cx::can {\n",
    `inline constexpr uint32_t kBitrate = ${model.bitrate};  // bit/s\n`,
    "// A classic data frame.",
    "struct Frame {",
    "  uint32_t id = 0;  // 11 bits, or 29 where isExtended",
    "  bool isExtended = false;",
    "  uint8_t length = 0;",
    "  uint8_t data[8] = {};",
    "};\n",
    "enum class Fault : uint8_t { none, otherFrame, wrongLength, outOfRange };\n",
    ...model.enums.map(enumeration),
    ...model.frames.map((frame) => struct(frame, model.enums)),
    kinds(model.frames),
    "}  // namespace cx::can\n",
  ].join("\n");
}

function enumeration({ name, about, values }: CanEnum): string {
  const lines = Object.entries(values).map(([word, value]) => `  ${camel(word)} = ${value},`);
  return `// ${about}\nenum class ${name} : uint8_t {\n${lines.join("\n")}\n};\n`;
}

function camel(word: string): string {
  return word.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function struct(frame: CanFrame, enums: readonly CanEnum[]): string {
  const { shape } = frame;
  const { name, index, select } = shape;
  const told = (field: CanFieldShape): boolean => select?.at === field.at;
  const constants = frame.fields.flatMap(({ shape: field, type }) =>
    "none" in field && field.none !== undefined
      ? [`  static constexpr ${numberType(type)} ${camel(`no-${field.name}`)} = ${field.none};`]
      : [],
  );
  const members = frame.fields.flatMap((field) => (told(field.shape) ? [] : membersOf(field)));
  return [
    `// ${identifiers(frame)}: ${frame.about}`,
    `struct ${name} {`,
    `  static constexpr uint32_t kId = 0x${shape.id.toString(16)};`,
    ...constants,
    ...(index ? [`  ${indexType(index.count)} ${index.name} = 0;`] : []),
    ...members,
    "};",
    `inline Fault decode(const Frame& frame, ${name}& out) {`,
    ...indent(isItsIdentifier(frame)),
    ...indent(isItsLength(frame)),
    ...(select ? indent([`if (frame.data[${select.at}] != ${select.value}) return Fault::otherFrame;`]) : []),
    ...(index ? [`  out.${index.name} = static_cast<${indexType(index.count)}>(${indexOf(frame)});`] : []),
    ...frame.fields.flatMap((field) => (told(field.shape) ? [] : indent(reads(field, enums)))),
    "  return Fault::none;",
    "}",
    `inline Frame encode(const ${name}& in) {`,
    "  Frame frame;",
    `  frame.id = ${name}::kId${index ? ` + static_cast<uint32_t>(in.${index.name})${index.stride === 1 ? "" : ` * ${index.stride}U`}` : ""};`,
    ...(shape.isExtended ? ["  frame.isExtended = true;"] : []),
    `  frame.length = ${lengthOf(frame)};`,
    ...frame.fields.flatMap((field) =>
      indent(told(field.shape) ? [`frame.data[${field.shape.at}] = ${select?.value};`] : writes(field)),
    ),
    "  return frame;",
    "}\n",
  ].join("\n");
}

function membersOf(field: CanField): string[] {
  const { shape, type } = field;
  const said = [unitOf(field), field.about].filter((text) => text !== "").join(". ");
  const comment = said === "" ? "" : `  // ${said}`;
  switch (shape.kind) {
    case "reserved":
      return [];
    case "bits":
      return shape.bits.map((bit) => `  bool ${bit} = false;`);
    case "bool":
      return [`  bool ${shape.name} = false;${comment}`];
    case "word":
      return [`  ${field.enum} ${shape.name}{};${comment}`];
    case "bytes": {
      const length = shape.minBytes === shape.bytes ? [] : [`  uint8_t ${shape.name}Length = ${shape.bytes};`];
      return [`  uint8_t ${shape.name}[${shape.bytes}] = {};${comment}`, ...length];
    }
    default:
      return [`  ${numberType(type)} ${shape.name} = 0;${comment}`];
  }
}

function isItsIdentifier({ shape: { name, index, isExtended } }: CanFrame): string[] {
  const kind = isExtended ? "!frame.isExtended" : "frame.isExtended";
  if (!index) return [`if (${kind} || frame.id != ${name}::kId) return Fault::otherFrame;`];
  const distance = `frame.id - ${name}::kId`;
  const step = index.stride === 1 ? "" : ` || (${distance}) % ${index.stride}U != 0`;
  return [
    `if (${kind} || frame.id < ${name}::kId || ${distance} > ${index.stride * (index.count - 1)}U${step}) return Fault::otherFrame;`,
  ];
}

function isItsLength({ shape: { minLength, maxLength } }: CanFrame): string[] {
  if (minLength === maxLength) return [`if (frame.length != ${maxLength}) return Fault::wrongLength;`];
  return [`if (frame.length < ${minLength} || frame.length > ${maxLength}) return Fault::wrongLength;`];
}

function indexOf({ shape: { name, index } }: CanFrame): string {
  return index?.stride === 1 ? `frame.id - ${name}::kId` : `(frame.id - ${name}::kId) / ${index?.stride}U`;
}

function lengthOf({ shape }: CanFrame): string {
  const last = shape.fields.at(-1);
  if (last?.kind !== "bytes" || last.minBytes === last.bytes) return String(shape.maxLength);
  return `static_cast<uint8_t>(${last.at} + in.${last.name}Length)`;
}

function reads({ shape, type, enum: words }: CanField, enums: readonly CanEnum[]): string[] {
  const { name, at, bytes } = shape;
  switch (shape.kind) {
    case "reserved":
      return [];
    case "bits":
      return shape.bits.map((bit, place) => `out.${bit} = (frame.data[${at}] & ${1 << place}U) != 0;`);
    case "bool":
      return [`if (frame.data[${at}] > 1) return Fault::outOfRange;`, `out.${name} = frame.data[${at}] == 1;`];
    case "word": {
      const values = Object.values(enums.find((each) => each.name === words)?.values ?? {});
      const isKnown = ranges(values).map(([least, most]) => within(`frame.data[${at}]`, least, most));
      return [
        `if (!(${isKnown.join(" || ")})) return Fault::outOfRange;`,
        `out.${name} = static_cast<${words}>(frame.data[${at}]);`,
      ];
    }
    case "bytes": {
      const isFixed = shape.minBytes === bytes;
      const length = isFixed ? [] : [`out.${name}Length = static_cast<uint8_t>(frame.length - ${at});`];
      const most = isFixed ? String(bytes) : `out.${name}Length`;
      return [...length, `for (size_t i = 0; i < ${most}; i++) out.${name}[i] = frame.data[${at} + i];`];
    }
    default: {
      const sum = Array.from({ length: bytes }, (_, i) => {
        const shift = 8 * (bytes - 1 - i);
        const byte = `static_cast<uint32_t>(frame.data[${at + i}])`;
        return shift === 0 ? byte : `${byte} << ${shift}`;
      }).join(" | ");
      const lines = [`out.${name} = ${fromUnsigned(sum, type, bytes)};`];
      const refusal = limits(`out.${name}`, shape);
      return refusal === "" ? lines : [...lines, `if (${refusal}) return Fault::outOfRange;`];
    }
  }
}

function fromUnsigned(sum: string, type: string, bytes: number): string {
  if (type === "i24") return `static_cast<int32_t>((${sum}) << 8) / 256`;
  if (type === "i16") return `static_cast<int16_t>(${sum})`;
  if (type === "i32") return `static_cast<int32_t>(${sum})`;
  return bytes < 3 ? `static_cast<${numberType(type)}>(${sum})` : sum;
}

function limits(value: string, shape: Extract<CanFieldShape, { kind: "unsigned" | "signed" }>): string {
  const { bytes, kind, min, max, also, none } = shape;
  const most = 2 ** (bytes * 8 - (kind === "signed" ? 1 : 0)) - 1;
  const least = kind === "signed" ? -(2 ** (bytes * 8 - 1)) : 0;
  const bounds = [
    ...(min > least && !(none === least && min === least + 1) ? [`${value} < ${min}`] : []),
    ...(max < most && !(none === most && max === most - 1) ? [`${value} > ${max}`] : []),
  ];
  if (bounds.length === 0) return "";
  const good = [also, none].flatMap((each) => (each === undefined ? [] : [`${value} != ${each}`]));
  return good.length === 0 ? bounds.join(" || ") : `(${bounds.join(" || ")}) && ${good.join(" && ")}`;
}

function writes({ shape, enum: words }: CanField): string[] {
  const { name, at, bytes } = shape;
  switch (shape.kind) {
    case "reserved":
      return [];
    case "bits": {
      const sum = shape.bits.map((bit, place) => `(in.${bit} ? ${1 << place} : 0)`).join(" | ");
      return [`frame.data[${at}] = static_cast<uint8_t>(${sum});`];
    }
    case "bool":
      return [`frame.data[${at}] = in.${name} ? 1 : 0;`];
    case "word":
      return [`frame.data[${at}] = static_cast<uint8_t>(in.${name});`];
    case "bytes": {
      const most = shape.minBytes === bytes ? String(bytes) : `in.${name}Length && i < ${bytes}`;
      return [`for (size_t i = 0; i < ${most}; i++) frame.data[${at} + i] = in.${name}[i];`];
    }
    default: {
      if (words !== undefined || bytes === 1) return [`frame.data[${at}] = static_cast<uint8_t>(in.${name});`];
      return Array.from({ length: bytes }, (_, i) => {
        const shift = 8 * (bytes - 1 - i);
        const number = `static_cast<uint32_t>(in.${name})`;
        return `frame.data[${at + i}] = static_cast<uint8_t>(${shift === 0 ? number : `${number} >> ${shift}`});`;
      });
    }
  }
}

/** What kind a frame is: the one question before `decode`. */
function kinds(frames: readonly CanFrame[]): string {
  const names = frames.map(({ shape }) => camel(shape.name[0]!.toLowerCase() + shape.name.slice(1)));
  // Those told by a byte are asked first.
  const asked = frames.map((frame, i) => ({ frame, kind: names[i]! }));
  asked.sort((a, b) => Number(!a.frame.shape.select) - Number(!b.frame.shape.select));
  const tests = asked.map(({ frame, kind }) => {
    const { shape } = frame;
    const { index, select } = shape;
    const top = shape.id + (index ? index.stride * (index.count - 1) : 0);
    const id = index
      ? within("frame.id", shape.id, top) +
        (index.stride === 1 ? "" : ` && (frame.id - ${shape.id}U) % ${index.stride}U == 0`)
      : `frame.id == 0x${shape.id.toString(16)}`;
    const length =
      shape.minLength === shape.maxLength
        ? `frame.length == ${shape.maxLength}`
        : within("frame.length", shape.minLength, shape.maxLength);
    const parts = [
      shape.isExtended ? "frame.isExtended" : "!frame.isExtended",
      id,
      length,
      ...(select ? [`frame.data[${select.at}] == ${select.value}`] : []),
    ];
    return `  if (${parts.join(" && ")}) return Kind::${kind};`;
  });
  return [
    "// Every kind of frame; `unknown` is an identifier or a length that none of them has.",
    `enum class Kind : uint8_t {\n  unknown,\n${names.map((name) => `  ${name},`).join("\n")}\n};`,
    "inline Kind kindOf(const Frame& frame) {",
    ...tests,
    "  return Kind::unknown;",
    "}\n",
    "// Decodes a frame of whatever kind and calls `visitor` with the message. otherFrame is an identifier or a length of none.",
    "template <typename Visitor>",
    "Fault visit(const Frame& frame, Visitor&& visitor) {",
    "  switch (kindOf(frame)) {",
    ...frames.flatMap(({ shape }, i) => [
      `    case Kind::${names[i]}: {`,
      `      ${shape.name} message;`,
      "      const Fault fault = decode(frame, message);",
      "      if (fault == Fault::none) visitor(message);",
      "      return fault;",
      "    }",
    ]),
    "    default:",
    "      return Fault::otherFrame;",
    "  }",
    "}\n",
  ].join("\n");
}

function within(value: string, least: number, most: number): string {
  if (least === most) return `${value} == ${least}`;
  return least === 0 ? `${value} <= ${most}` : `(${value} >= ${least} && ${value} <= ${most})`;
}

/** Neighbouring values as ranges. */
function ranges(values: readonly number[]): [number, number][] {
  const found: [number, number][] = [];
  for (const value of values.toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === value - 1) last[1] = value;
    else found.push([value, value]);
  }
  return found;
}

function numberType(type: string): string {
  const bits = type.slice(1) === "24" ? "32" : type.slice(1);
  return `${type.startsWith("i") ? "int" : "uint"}${bits}_t`;
}

function indexType(count: number): string {
  return count <= 256 ? "uint8_t" : "uint32_t";
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
