import type { FastifyRequest } from "fastify";
import type { Messages } from "../../../schemas/generated/types.ts";
import { decode } from "../../../schemas/wire/codec.ts";
import { type Digest, digestFromHex } from "../../../schemas/wire/digest.ts";
import { type NodeId, parseNodeId } from "../../../schemas/wire/node-id.ts";
import { ApiError } from "./api-error.ts";

const json = 50;

/** The body as a message of that kind, with aliases and limits as everywhere else on the wire. */
export function bodyOf<K extends keyof Messages>(request: FastifyRequest, kind: K): Messages[K] {
  const decoded = decode(kind, bytesOf(request), json);
  if (decoded.ok) return decoded.value;
  const { path, rule } = decoded.fault;
  throw new ApiError("bad-body", { kind, path: path === "" ? "its top" : path, rule });
}

/** A body that is part of this API alone: an object with unknown properties. */
export function objectOf(request: FastifyRequest, kind: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytesOf(request)));
  } catch {
    throw new ApiError("bad-body", { kind, rule: "is not JSON", path: "its top" });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ApiError("bad-body", { kind, rule: "must be an object", path: "its top" });
  }
  return value as Readonly<Record<string, unknown>>;
}

export function bytesOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : new Uint8Array(0);
}

/** A list of node ids in a body, at most `max`. */
export function nodeIdsOf(value: unknown, property: string, kind: string, max: number): readonly NodeId[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > max) {
    throw new ApiError("bad-body", { kind, path: property, rule: `must be 1 to ${max} node ids` });
  }
  return value.map((each) => nodeIdOf(String(each)));
}

export function nodeIdOf(text: string): NodeId {
  const parsed = parseNodeId(text);
  if (!parsed.ok) throw new ApiError("bad-node-id", { node: text, rule: parsed.rule });
  return parsed.id;
}

export function digestOf(hex: string): Digest {
  const digest = digestFromHex(hex);
  if (digest === undefined) throw new ApiError("bad-digest", { digest: hex });
  return digest;
}

/** A parameter of the path, which the router has found. */
export function paramOf(request: FastifyRequest, name: string): string {
  return (request.params as Readonly<Record<string, string | undefined>>)[name] ?? "";
}

/** One text of the query; the first when it stands there twice. */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as Readonly<Record<string, string | string[] | undefined>>)[name];
  return Array.isArray(value) ? value[0] : value;
}

export function queryInteger(request: FastifyRequest, name: string, min: number, max: number): number | undefined {
  const text = queryText(request, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new ApiError("bad-query", { name, value: text, needed: `a whole number from ${min} to ${max}` });
  }
  return value;
}
