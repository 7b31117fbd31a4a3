import { ContentFormat, noContentFormat } from "../../../coap/message.ts";
import type { CoapReplyFields, CoapRequest } from "../../../coap/route.ts";
import type { MessageKind, Messages } from "../../../schemas/generated/types.ts";
import { type CborValue, readCbor } from "../../../schemas/wire/cbor.ts";
import { writeCbor } from "../../../schemas/wire/cbor-writer.ts";
import { decode, encode, encodeCbor, encodeJson, type Sendable } from "../../../schemas/wire/codec.ts";
import { refusal } from "./refusal.ts";

const utf8 = new TextEncoder();
const utf8Text = new TextDecoder();

export type Format = typeof ContentFormat.json | typeof ContentFormat.cbor;

/** Content-Formats that carry our messages. */
export const messageFormats: readonly Format[] = [ContentFormat.json, ContentFormat.cbor];

/** What a route takes as a message: those, and a body that doesn't say what it is, for `bodyOf` to find out. */
export const bodyFormats: readonly number[] = [noContentFormat, ...messageFormats];

/**
 * The format of an answer: what Accept asks for, else the request's own, else that of the node's registration, else JSON.
 * Undefined when Accept asks for something there isn't (4.06).
 */
export function answerFormat(request: CoapRequest, registered?: number): Format | undefined {
  const { accept, contentFormat } = request;
  if (accept !== undefined) return asFormat(accept);
  return asFormat(contentFormat) ?? asFormat(registered) ?? ContentFormat.json;
}

function asFormat(number: number | undefined): Format | undefined {
  return number === ContentFormat.json || number === ContentFormat.cbor ? number : undefined;
}

export type Body<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly answer: CoapReplyFields };

/**
 * The request's body as a message. A body without Content-Format is read as JSON when it begins like a JSON object and as CBOR
 * otherwise: early device code leaves the option out.
 */
export function bodyOf<K extends MessageKind>(request: CoapRequest, kind: K): Body<Messages[K]> {
  const { payload } = request;
  const format = request.contentFormat ?? (payload[0] === 0x7b ? ContentFormat.json : ContentFormat.cbor);
  if (asFormat(format) === undefined) return { ok: false, answer: refusal("unsupported-format") };
  const decoded = decode(kind, payload, format);
  if (decoded.ok) return { ok: true, value: decoded.value };
  const { code, path, rule } = decoded.fault;
  if (code === "too-large") return { ok: false, answer: refusal("too-large", rule) };
  return { ok: false, answer: refusal("bad-body", path === "" ? rule : `${path}: ${rule}`) };
}

/** One message as the payload of an answer; 4.06 when the Accept of the request can't be met. */
export function message<K extends MessageKind>(
  request: CoapRequest,
  kind: K,
  value: Sendable<Messages[K]>,
  fields: CoapReplyFields = {},
  registered?: number,
): CoapReplyFields {
  const format = answerFormat(request, registered);
  if (format === undefined) return refusal("not-acceptable");
  return { ...fields, payload: encode(kind, value, format), contentFormat: format };
}

/** Several messages of one kind as an array. */
export function messages<K extends MessageKind>(
  request: CoapRequest,
  kind: K,
  values: readonly Sendable<Messages[K]>[],
  registered?: number,
): CoapReplyFields {
  const format = answerFormat(request, registered);
  if (format === undefined) return refusal("not-acceptable");
  const payload =
    format === ContentFormat.json
      ? utf8.encode(`[${values.map((each) => utf8Text.decode(encodeJson(kind, each))).join(",")}]`)
      : writeCbor(values.map((each) => plainCbor(encodeCbor(kind, each))));
  return { payload, contentFormat: format };
}

/**
 * A message that was reported some time ago, with its age in whole seconds: `age` in JSON, the integer key -1 in CBOR, which
 * no schema uses, so that whoever reads only the message isn't disturbed.
 */
export function agedMessage<K extends MessageKind>(
  request: CoapRequest,
  kind: K,
  { value, ageMs }: { readonly value: Sendable<Messages[K]>; readonly ageMs: number },
): CoapReplyFields {
  const format = answerFormat(request);
  if (format === undefined) return refusal("not-acceptable");
  const age = Math.floor(ageMs / 1000);
  if (format === ContentFormat.cbor) {
    const map = plainCbor(encodeCbor(kind, value));
    if (!(map instanceof Map)) throw new TypeError(`${kind} is no map`);
    return { payload: writeCbor(new Map([...map, [-1, age]])), contentFormat: format };
  }
  const text = utf8Text.decode(encodeJson(kind, value));
  const inner = text.slice(1, -1);
  return { payload: utf8.encode(`{${inner}${inner === "" ? "" : ","}"age":${age}}`), contentFormat: format };
}

/** A view that has no schema of its own, for operators: plain JSON, or CBOR with the same names as texts. */
export function view(request: CoapRequest, value: unknown, fields: CoapReplyFields = {}): CoapReplyFields {
  const format = answerFormat(request);
  if (format === undefined) return refusal("not-acceptable");
  const text = JSON.stringify(value);
  const payload = format === ContentFormat.json ? utf8.encode(text) : writeCbor(cborOf(JSON.parse(text)));
  return { ...fields, payload, contentFormat: format };
}

function cborOf(value: unknown): CborValue {
  if (Array.isArray(value)) return value.map(cborOf);
  if (typeof value === "object" && value !== null) {
    return new Map(Object.entries(value).map(([name, each]) => [name, cborOf(each)]));
  }
  return value as string | number | boolean | null;
}

/** What our own writer wrote. */
function plainCbor(bytes: Uint8Array): CborValue {
  const read = readCbor(bytes);
  if (!read.ok) throw new TypeError(`own CBOR is ${read.code}`);
  return read.value;
}
