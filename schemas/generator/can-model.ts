import { readFileSync } from "node:fs";
import type { CanFieldShape, CanFrameShape } from "../wire/can-shape.ts";

/** What `schemas/can/bus.json` says, checked and with every place worked out. */
export interface CanModel {
  readonly about: string;
  readonly bitrate: number;
  readonly enums: readonly CanEnum[];
  readonly frames: readonly CanFrame[];
}

export interface CanEnum {
  readonly name: string;
  readonly about: string;
  readonly values: Readonly<Record<string, number>>;
}

/** A frame with what only people and other tools need besides its shape. */
export interface CanFrame {
  readonly shape: CanFrameShape;
  readonly about: string;
  readonly from: string;
  readonly fields: readonly CanField[];
}

export interface CanField {
  readonly shape: CanFieldShape;
  /** As in the table: u8, i16, bytes and so on. */
  readonly type: string;
  readonly about: string;
  readonly unit: string;
  readonly scale: number;
  /** Name of its words. */
  readonly enum?: string;
}

interface RawField {
  readonly name: string;
  readonly type: string;
  readonly about?: string;
  readonly unit?: string;
  readonly scale?: number;
  readonly enum?: string;
  readonly bits?: readonly string[];
  readonly min?: number;
  readonly max?: number;
  readonly also?: number;
  readonly none?: number;
  readonly length?: number;
  readonly minLength?: number;
}

interface RawFrame {
  readonly name: string;
  readonly id: string;
  readonly isExtended?: boolean;
  readonly index?: { readonly name: string; readonly stride: number; readonly count: number };
  readonly select?: { readonly field: string; readonly value: number };
  readonly from: string;
  readonly about: string;
  readonly fields?: readonly RawField[];
  readonly command?: readonly RawField[];
}

interface RawBus {
  readonly about: string;
  readonly bitrate: number;
  readonly enums: Readonly<Record<string, Omit<CanEnum, "name">>>;
  readonly frames: readonly RawFrame[];
}

/** Every command begins with these (0x7F is all packs). */
const commandHead: readonly RawField[] = [
  { name: "target", type: "u8", max: 31, also: 127, about: "The node; 127 is all." },
  { name: "sequence", type: "u8", about: "Comes back in the answer." },
];

const integers: Readonly<Record<string, { readonly bytes: number; readonly isSigned: boolean }>> = {
  u8: { bytes: 1, isSigned: false },
  u16: { bytes: 2, isSigned: false },
  u24: { bytes: 3, isSigned: false },
  u32: { bytes: 4, isSigned: false },
  i16: { bytes: 2, isSigned: true },
  i24: { bytes: 3, isSigned: true },
  i32: { bytes: 4, isSigned: true },
};

/** Reads and checks the table. Throws with the frame's name on one that can't be carried, or can't be told from another. */
export function readCanModel(path: string): CanModel {
  const raw = JSON.parse(readFileSync(path, "utf8")) as RawBus;
  const enums = Object.entries(raw.enums).map(([name, each]) => ({ name, ...each }));
  const frames = raw.frames.map((frame) => readFrame(frame, raw.enums));
  const seen = new Map<string, string>();
  for (const { shape } of frames) checkIsTold(shape, seen);
  return { about: raw.about, bitrate: raw.bitrate, enums, frames };
}

function readFrame(raw: RawFrame, enums: RawBus["enums"]): CanFrame {
  const fail = (why: string): never => {
    throw new Error(`schemas/can/bus.json: ${raw.name}: ${why}`);
  };
  const given = raw.fields ?? [...commandHead, ...(raw.command ?? fail("neither fields nor a command"))];
  const fields: CanField[] = [];
  let at = 0;
  for (const field of given) {
    const shape = readField(field, at, enums, fail);
    if (fields.some((each) => each.shape.name === field.name)) fail(`two fields are named ${field.name}`);
    fields.push({
      shape,
      type: field.type,
      about: field.about ?? "",
      unit: field.unit ?? "",
      scale: field.scale ?? 1,
      ...(field.enum !== undefined && { enum: field.enum }),
    });
    at += shape.bytes;
  }
  if (at > 8) fail(`${at} bytes; a frame carries 8`);
  const last = fields.at(-1)?.shape;
  const id = Number(raw.id);
  const top = id + (raw.index ? raw.index.stride * (raw.index.count - 1) : 0);
  if (!Number.isInteger(id) || top > (raw.isExtended ? 0x1fff_ffff : 0x7ff))
    fail(`identifiers up to ${top.toString(16)}`);
  const selector = raw.select && fields.find(({ shape }) => shape.name === raw.select?.field)?.shape;
  if (raw.select && selector?.kind !== "unsigned") fail(`no number ${raw.select.field} to be told by`);
  const shape: CanFrameShape = {
    name: raw.name,
    id,
    isExtended: raw.isExtended ?? false,
    ...(raw.index && { index: { name: raw.index.name, stride: raw.index.stride, count: raw.index.count } }),
    ...(raw.select && selector && { select: { at: selector.at, value: raw.select.value } }),
    minLength: at - (last?.kind === "bytes" ? last.bytes - last.minBytes : 0),
    maxLength: at,
    fields: fields.map((field) => field.shape),
  };
  return { shape, about: raw.about, from: raw.from, fields };
}

function readField(raw: RawField, at: number, enums: RawBus["enums"], fail: (why: string) => never): CanFieldShape {
  const { name } = raw;
  if (raw.type === "bytes") {
    const bytes = raw.length ?? fail(`${name} has no length`);
    return { kind: "bytes", name, at, bytes, minBytes: raw.minLength ?? bytes };
  }
  if (raw.type === "bool") return { kind: "bool", name, at, bytes: 1 };
  const { bytes, isSigned } = integers[raw.type] ?? fail(`${name} is of no type that there is: ${raw.type}`);
  if (raw.enum !== undefined) {
    const words = enums[raw.enum]?.values ?? fail(`${name} has words that aren't listed: ${raw.enum}`);
    return { kind: "word", name, at, bytes, words };
  }
  if (raw.bits) {
    if (raw.bits.length > bytes * 8) fail(`${name} has more bits than room`);
    return { kind: "bits", name, at, bytes, bits: raw.bits };
  }
  if (name === "reserved") return { kind: "reserved", name, at, bytes };
  const least = isSigned ? -(2 ** (bytes * 8 - 1)) : 0;
  const most = 2 ** (bytes * 8 - (isSigned ? 1 : 0)) - 1;
  const min = raw.min ?? (raw.none === least ? least + 1 : least);
  const max = raw.max ?? (raw.none === most ? most - 1 : most);
  if (min < least || max > most || min > max) fail(`${name} has limits that ${raw.type} doesn't hold`);
  return {
    kind: isSigned ? "signed" : "unsigned",
    name,
    at,
    bytes,
    min,
    max,
    ...(raw.also !== undefined && { also: raw.also }),
    ...(raw.none !== undefined && { none: raw.none }),
  };
}

/** Two frames on one identifier differ in what they are selected by, or in their length. */
function checkIsTold(shape: CanFrameShape, seen: Map<string, string>): void {
  const { index, select } = shape;
  for (let i = 0; i < (shape.isExtended ? 1 : (index?.count ?? 1)); i++) {
    const id = shape.id + i * (index?.stride ?? 0);
    const selectors = select ? [`${select.at}=${select.value}`] : ["any"];
    for (let length = shape.minLength; length <= shape.maxLength; length++) {
      for (const selector of selectors) {
        const key = `${shape.isExtended} ${id} ${selector} ${length}`;
        const other = seen.get(key);
        if (other !== undefined) throw new Error(`schemas/can/bus.json: ${shape.name} looks like ${other}`);
        seen.set(key, shape.name);
      }
    }
  }
}
