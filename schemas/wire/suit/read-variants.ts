import type { Digest } from "../digest.ts";
import { ManifestFault } from "./manifest-fault.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { command, parameter, payloadKind } from "./suit-keys.ts";
import { suitLimits } from "./suit-limits.ts";
import { expectCommand, payloadUri, wrappedDigest } from "./suit-parts.ts";
import type { PayloadVariant } from "./update-manifest.ts";

/** payload-fetch: one variant, or a try-each over several. Throws a `ManifestFault`. */
export function readFetch(bytes: Uint8Array): readonly PayloadVariant[] {
  const cursor = new SuitCursor(bytes, "payload-fetch");
  const items = cursor.array("commands");
  const first = cursor.int("command");
  if (first !== command.tryEach) return [readVariant(bytes, "payload-fetch")];
  if (items !== 2) cursor.unsupported("number of commands");
  const count = cursor.array("variants");
  if (count < 2) cursor.malformed(`try-each of ${count}`);
  if (count > suitLimits.variantsMax) cursor.unsupported(`${count} variants`);
  const variants: PayloadVariant[] = [];
  for (let i = 0; i < count; i++) variants.push(readVariant(cursor.bytes("variant"), `variant ${i + 1}`));
  return variants;
}

function readVariant(bytes: Uint8Array, where: string): PayloadVariant {
  const cursor = new SuitCursor(bytes, where);
  if (cursor.array("commands") !== 6) cursor.unsupported("number of commands");
  if (cursor.int("command") !== command.overrideParameters) cursor.unsupported("first command");
  const variant = readParameters(cursor, where);
  expectCommand(cursor, command.canApply);
  expectCommand(cursor, command.fetch);
  return variant;
}

interface Found {
  kind?: number;
  digest?: Digest;
  size?: number;
  uri?: string;
  encryptionInfo?: Uint8Array;
  window?: number;
  base?: Digest;
  format?: number;
  memory?: number;
}

function readParameters(cursor: SuitCursor, where: string): PayloadVariant {
  const found: Found = {};
  const count = cursor.map("parameters");
  for (let i = 0; i < count; i++) {
    const key = cursor.key("parameter");
    if (key === parameter.encryptionInfo) found.encryptionInfo = cursor.bytes("encryption info");
    else if (key === parameter.uri) found.uri = cursor.text("uri");
    else if (key === parameter.payloadKind) found.kind = cursor.uint("payload kind");
    else if (key === parameter.payloadDigest) found.digest = wrappedDigest(cursor, "payload digest");
    else if (key === parameter.payloadSize) found.size = cursor.uint("payload size");
    else if (key === parameter.window) found.window = cursor.uint("window");
    else if (key === parameter.base) found.base = wrappedDigest(cursor, "base");
    else if (key === parameter.format) found.format = cursor.uint("delta format", 255);
    else if (key === parameter.memory) found.memory = cursor.uint("delta memory");
    else cursor.unsupported(`parameter ${key}`);
  }
  const { digest, size, uri, encryptionInfo } = found;
  if (digest === undefined || size === undefined || uri === undefined || found.kind === undefined)
    return cursor.malformed("a parameter is missing");
  if (uri !== payloadUri(digest)) throw new ManifestFault("foreign-uri", `${where}, uri`);
  if (encryptionInfo && encryptionInfo.length === 0) cursor.malformed("encryption info");
  if (encryptionInfo && encryptionInfo.length > suitLimits.encryptionInfoMax) cursor.unsupported("encryption info");
  return { digest, size, ...(encryptionInfo ? { encryptionInfo } : {}), ...readKind(cursor, found) };
}

type Kind =
  | { readonly kind: "full" }
  | { readonly kind: "deflate"; readonly window: number }
  | { readonly kind: "delta"; readonly base: Digest; readonly format: number; readonly memory: number };

function readKind(cursor: SuitCursor, { kind, window, base, format, memory }: Found): Kind {
  const hasDelta = base !== undefined || format !== undefined || memory !== undefined;
  if (kind === payloadKind.full) {
    if (window !== undefined || hasDelta) cursor.malformed("a parameter of another kind");
    return { kind: "full" };
  }
  if (kind === payloadKind.deflate) {
    if (window === undefined || hasDelta) return cursor.malformed("parameters of deflate");
    if (window < 256 || window > 32768 || (window & (window - 1)) !== 0) cursor.malformed("window");
    return { kind: "deflate", window };
  }
  if (kind !== payloadKind.delta) return cursor.unsupported("payload kind");
  if (window !== undefined || base === undefined || format === undefined || memory === undefined)
    return cursor.malformed("parameters of delta");
  return { kind: "delta", base, format, memory };
}
