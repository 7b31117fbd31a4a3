import { type CanMessage, canFrames } from "../generated/can.ts";
import type { CanFieldShape, CanFrameShape } from "./can-shape.ts";

/** A classic CAN data frame. */
export interface CanFrame {
  /** 11 bits, or 29 where `isExtended`. */
  readonly id: number;
  readonly isExtended: boolean;
  /** At most 8 bytes. */
  readonly data: Uint8Array;
}

/** Why a frame isn't a message: nobody's identifier, a length that none of its kinds has, or a field outside its limits. */
export interface CanFault {
  readonly code: "unknown-identifier" | "wrong-length" | "out-of-range";
  /** The kind it would have been, where that is known. */
  readonly frame?: string;
  readonly field?: string;
}

export type CanDecoded =
  | { readonly ok: true; readonly value: CanMessage }
  | { readonly ok: false; readonly fault: CanFault };

type Values = Record<string, unknown>;

const byName = new Map(canFrames.map((shape) => [shape.name, shape]));

/** The kinds on each 11-bit identifier; those told by a byte stand before those told by their length. */
const standard: (readonly CanFrameShape[] | undefined)[] = new Array(0x800).fill(undefined);
const extended = canFrames.filter((shape) => shape.isExtended);
for (const shape of canFrames.filter(({ isExtended }) => !isExtended)) {
  for (let i = 0; i < (shape.index?.count ?? 1); i++) {
    const id = shape.id + i * (shape.index?.stride ?? 0);
    standard[id] = [...(standard[id] ?? []), shape].sort((a, b) => Number(!a.select) - Number(!b.select));
  }
}

/** Reads a frame as the bus's table says (`schemas/can/bus.json`). Never throws. */
export function decodeCan({ id, isExtended, data }: CanFrame): CanDecoded {
  const kinds = isExtended ? extended.filter((shape) => indexOf(shape, id) !== undefined) : standard[id];
  if (!kinds || kinds.length === 0) return { ok: false, fault: { code: "unknown-identifier" } };
  const shape = kinds.find((kind) => fits(kind, data));
  if (!shape) {
    const only = kinds.length === 1 ? kinds[0] : undefined;
    return { ok: false, fault: { code: "wrong-length", ...(only && { frame: only.name }) } };
  }
  const message: Values = { frame: shape.name };
  if (shape.index) message[shape.index.name] = indexOf(shape, id);
  for (const field of shape.fields) {
    if (shape.select?.at === field.at || field.kind === "reserved") continue;
    if (!read(field, data, message)) {
      return { ok: false, fault: { code: "out-of-range", frame: shape.name, field: field.name } };
    }
  }
  return { ok: true, value: message as unknown as CanMessage };
}

/** Writes a message. Throws a RangeError on a value outside its limits: who sends has checked what came from elsewhere. */
export function encodeCan(message: CanMessage): CanFrame {
  const values = message as unknown as Values;
  const shape = byName.get(message.frame);
  if (!shape) throw new RangeError(`there is no frame ${String(message.frame)}`);
  const last = shape.fields.at(-1);
  const variable = last?.kind === "bytes" ? last : undefined;
  const bytes = variable && values[variable.name];
  const length = variable && bytes instanceof Uint8Array ? variable.at + bytes.length : shape.maxLength;
  const data = new Uint8Array(Math.min(length, 8));
  for (const field of shape.fields) {
    if (shape.select?.at === field.at) put(data, field, shape.select.value);
    else if (!write(field, data, values))
      throw new RangeError(`${shape.name}: ${field.name} is ${String(values[field.name])}`);
  }
  return { id: identifier(shape, values), isExtended: shape.isExtended, data };
}

function identifier({ name, id, index }: CanFrameShape, values: Values): number {
  if (!index) return id;
  const value = values[index.name];
  if (!isWithin(value, 0, index.count - 1)) throw new RangeError(`${name}: ${index.name} is ${String(value)}`);
  return id + value * index.stride;
}

function indexOf({ id: first, index }: CanFrameShape, id: number): number | undefined {
  const distance = id - first;
  if (!index) return distance === 0 ? 0 : undefined;
  const value = distance / index.stride;
  return isWithin(value, 0, index.count - 1) ? value : undefined;
}

function fits({ minLength, maxLength, select }: CanFrameShape, data: Uint8Array): boolean {
  if (data.length < minLength || data.length > maxLength) return false;
  return !select || data[select.at] === select.value;
}

function read(field: CanFieldShape, data: Uint8Array, to: Values): boolean {
  const { name, at, bytes } = field;
  if (field.kind === "bytes") {
    to[name] = data.slice(at, at + bytes);
    return true;
  }
  let value = 0;
  for (let i = at; i < at + bytes; i++) value = value * 256 + data[i]!;
  switch (field.kind) {
    case "bool":
      to[name] = value === 1;
      return value <= 1;
    case "word":
      to[name] = Object.keys(field.words).find((word) => field.words[word] === value);
      return to[name] !== undefined;
    case "bits":
      for (const [bit, each] of field.bits.entries()) to[each] = Math.floor(value / 2 ** bit) % 2 === 1;
      return true;
    case "reserved":
      return true;
    default: {
      const number = field.kind === "signed" && value >= 2 ** (bytes * 8 - 1) ? value - 2 ** (bytes * 8) : value;
      to[name] = number === field.none ? null : number;
      return number === field.none || number === field.also || isWithin(number, field.min, field.max);
    }
  }
}

function write(field: CanFieldShape, data: Uint8Array, values: Values): boolean {
  const value = values[field.name];
  switch (field.kind) {
    case "bytes":
      if (!(value instanceof Uint8Array) || value.length < field.minBytes || value.length > field.bytes) return false;
      data.set(value, field.at);
      return true;
    case "bool":
      put(data, field, value ? 1 : 0);
      return typeof value === "boolean";
    case "word": {
      if (typeof value !== "string" || !Object.hasOwn(field.words, value)) return false;
      put(data, field, field.words[value]!);
      return true;
    }
    case "bits":
      put(
        data,
        field,
        field.bits.reduce((sum, bit, place) => sum + (values[bit] === true ? 2 ** place : 0), 0),
      );
      return field.bits.every((bit) => typeof values[bit] === "boolean");
    case "reserved":
      return true;
    default: {
      const number = value === null ? field.none : value;
      if (typeof number !== "number") return false;
      put(data, field, number);
      return (
        (value === null || number === field.also || isWithin(number, field.min, field.max)) &&
        !(value !== null && number === field.none)
      );
    }
  }
}

/** Big-endian; a negative number in two's complement. */
function put(data: Uint8Array, { at, bytes }: CanFieldShape, value: number): void {
  let rest = value < 0 ? value + 2 ** (bytes * 8) : value;
  for (let i = at + bytes - 1; i >= at; i--) {
    data[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max;
}
