import { messageShapes } from "../generated/cbor-keys.ts";
import type { MessageKind, Messages } from "../generated/types.ts";
import { type ValidationError, validators } from "../generated/validators.ts";
import { type CborValue, readCbor } from "./cbor.ts";
import type { Digest } from "./digest.ts";
import { FromWire, type WireValue } from "./from-wire.ts";
import { readJson } from "./json.ts";
import type { MessageFault, MessageResult } from "./message-fault.ts";
import type { NodeId } from "./node-id.ts";
import { toCbor, toPlain } from "./to-wire.ts";

/** CoAP Content-Formats of messages (RFC 7252 section 12.3). */
export const jsonFormat = 50;
export const cborFormat = 60;

/** A message to send: ids and digests may be plain text, absent properties may be undefined. They are checked all the same. */
export type Sendable<T> = T extends NodeId | Digest
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Sendable<Item>[]
    : T extends object
      ? { readonly [K in keyof T]: Sendable<T[K]> | Absent<T, K> }
      : T;

type Absent<T, K extends keyof T> = object extends Pick<T, K> ? undefined : never;

const utf8 = new TextEncoder();

/**
 * The message of this kind in `bytes`. The length is looked at first, then the syntax, then names and types, then the
 * schema; the first fault is the answer.
 */
export function decode<K extends MessageKind>(
  kind: K,
  bytes: Uint8Array,
  contentFormat: number,
): MessageResult<Messages[K]> {
  const { maxBytes } = messageShapes[kind];
  if (bytes.length > maxBytes) return refuse("too-large", "", `must have at most ${maxBytes} bytes`);
  if (contentFormat === jsonFormat) {
    const parsed = readJson(bytes);
    if (!parsed.ok) return refuse("malformed", "", `must be JSON: ${parsed.code} at ${parsed.offset}`);
    return take(kind, parsed.value, false);
  }
  if (contentFormat === cborFormat) {
    const parsed = readCbor(bytes);
    if (!parsed.ok) return refuse("malformed", "", `must be CBOR: ${parsed.code} at ${parsed.offset}`);
    return take(kind, parsed.value, true);
  }
  return refuse("unsupported-content-format", "", `must be in content format ${jsonFormat} or ${cborFormat}`);
}

/** The message of this kind in a value that some parser of JSON made, such as an HTTP framework's. */
export function admit<K extends MessageKind>(kind: K, value: unknown): MessageResult<Messages[K]> {
  const raw = fromPlain(value, 0);
  return raw === undefined ? refuse("malformed", "", "must be JSON of at most 8 levels") : take(kind, raw, false);
}

/** `value` in one of the two formats. Throws TypeError when the program made a message that its own schema refuses. */
export function encode<K extends MessageKind>(
  kind: K,
  value: Sendable<Messages[K]>,
  contentFormat: number,
): Uint8Array {
  if (contentFormat === jsonFormat) return encodeJson(kind, value);
  if (contentFormat === cborFormat) return encodeCbor(kind, value);
  throw new RangeError(`no message has content format ${contentFormat}`);
}

export function encodeJson<K extends MessageKind>(kind: K, value: Sendable<Messages[K]>): Uint8Array {
  const { shape } = messageShapes[kind];
  return checkedSize(kind, utf8.encode(JSON.stringify(toPlain(shape, checked(kind, value)))));
}

export function encodeCbor<K extends MessageKind>(kind: K, value: Sendable<Messages[K]>): Uint8Array {
  const { shape } = messageShapes[kind];
  return checkedSize(kind, toCbor(shape, checked(kind, value)));
}

function take<K extends MessageKind>(kind: K, raw: WireValue, isCbor: boolean): MessageResult<Messages[K]> {
  const reader = new FromWire(isCbor);
  const value = reader.read(messageShapes[kind].shape, raw);
  if (reader.fault) return { ok: false, fault: reader.fault };
  const isValid = validators[kind];
  if (isValid(value)) return { ok: true, value };
  return { ok: false, fault: faultOf(isValid.errors?.[0]) };
}

function refuse(code: MessageFault["code"], path: string, rule: string): { ok: false; fault: MessageFault } {
  return { ok: false, fault: { code, path, rule } };
}

function checked(kind: MessageKind, value: unknown): unknown {
  const isValid = validators[kind];
  if (isValid(value)) return value;
  const { path, rule } = faultOf((isValid as { errors?: readonly ValidationError[] | null }).errors?.[0]);
  throw new TypeError(`${kind} can't be sent: ${path || "it"} ${rule}`);
}

function checkedSize(kind: MessageKind, bytes: Uint8Array): Uint8Array {
  const { maxBytes } = messageShapes[kind];
  if (bytes.length > maxBytes) throw new TypeError(`${kind} can't be sent: ${bytes.length} bytes, at most ${maxBytes}`);
  return bytes;
}

function faultOf(error: ValidationError | undefined): MessageFault {
  const path = error?.instancePath ?? "";
  const params = error?.params ?? {};
  switch (error?.keyword) {
    case "required":
      return { code: "invalid", path: `${path}/${String(params["missingProperty"])}`, rule: "must be given" };
    case "enum":
      return { code: "invalid", path, rule: `must be one of ${(params["allowedValues"] as string[]).join(", ")}` };
    case "pattern":
      return { code: "invalid", path, rule: `must match ${String(params["pattern"])}` };
    case "not":
      return { code: "invalid", path, rule: "must not be a reserved word" };
    case "minimum":
    case "maximum":
      return { code: "invalid", path, rule: `must be ${String(params["comparison"])} ${String(params["limit"])}` };
    case "minLength":
    case "maxLength":
    case "maxItems":
    case "maxProperties":
      return { code: "invalid", path, rule: `must keep to ${error.keyword} ${String(params["limit"])}` };
    case "type":
      return { code: "wrong-type", path, rule: `must be of type ${String(params["type"])}` };
    default:
      return { code: "invalid", path, rule: `must keep to ${error?.keyword ?? "its schema"}` };
  }
}

function fromPlain(value: unknown, depth: number): CborValue | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number")
    return value;
  if (typeof value !== "object" || depth === 8) return undefined;
  if (Array.isArray(value)) {
    const items = value.map((item) => fromPlain(item, depth + 1));
    return items.includes(undefined) ? undefined : (items as CborValue[]);
  }
  const map = new Map<string, CborValue>();
  for (const [name, item] of Object.entries(value)) {
    if (item === undefined) continue;
    const raw = fromPlain(item, depth + 1);
    if (raw === undefined) return undefined;
    map.set(name, raw);
  }
  return map;
}
