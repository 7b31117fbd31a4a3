import { type Digest, digestFromBytes } from "../digest.ts";
import { ManifestFault } from "./manifest-fault.ts";
import { readFetch } from "./read-variants.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { command, commonKey, componentName, envelopeKey, manifestKey, parameter } from "./suit-keys.ts";
import { expectCommand, readDigest, wrappedDigest } from "./suit-parts.ts";
import type { PayloadVariant, UpdateManifest } from "./update-manifest.ts";

type Component = "image" | "anchors";
type Shared = Pick<UpdateManifest, "vendor" | "class" | "device" | "digest" | "size">;

/** The manifest in the content of its byte string; its signature was checked before. Throws a `ManifestFault`. */
export function readManifest(bytes: Uint8Array): UpdateManifest {
  const cursor = new SuitCursor(bytes, "manifest");
  const count = cursor.map("members");
  const found = new Set<number | string>();
  let sequence = 0;
  let common: { component: Component; shared: Shared } | undefined;
  let variants: readonly PayloadVariant[] = [];
  let install: "match" | "fetch" | undefined;
  let textDigest: Digest | undefined;
  for (let i = 0; i < count; i++) {
    const key = cursor.key("member");
    found.add(key);
    if (key === manifestKey.version) {
      if (cursor.uint("version") !== 1) cursor.unsupported("version");
    } else if (key === manifestKey.sequence) sequence = cursor.uint("sequence number");
    else if (key === manifestKey.common) common = readCommon(cursor.bytes("common"));
    else if (key === manifestKey.validate) readOne(cursor.bytes("validate"), command.imageMatch, "validate");
    else if (key === manifestKey.invoke) readOne(cursor.bytes("invoke"), command.invoke, "invoke");
    else if (key === manifestKey.payloadFetch) variants = readFetch(cursor.bytes("payload-fetch"));
    else if (key === manifestKey.install) install = readInstall(cursor.bytes("install"));
    else if (key === manifestKey.text) textDigest = digestFromBytes(readDigest(cursor, "digest of the text"));
    else cursor.unsupported(`member ${key}`);
  }
  if (!found.has(manifestKey.version)) cursor.malformed("no version");
  if (sequence === 0) cursor.malformed("no sequence number above 0");
  if (!common) return cursor.malformed("no common");
  const kind = kindOf(common.component, found, install);
  if (kind === undefined || (kind === "boot-previous" && !common.shared.device))
    return cursor.unsupported("sequences that are of no kind of manifest");
  return { kind, sequence, ...common.shared, variants, ...(textDigest ? { textDigest } : {}) };
}

function kindOf(
  component: Component,
  found: ReadonlySet<number | string>,
  install: "match" | "fetch" | undefined,
): UpdateManifest["kind"] | undefined {
  const hasBoot = found.has(manifestKey.validate) && found.has(manifestKey.invoke);
  const hasFetch = found.has(manifestKey.payloadFetch);
  if (component === "anchors") {
    const isBare = !found.has(manifestKey.validate) && !found.has(manifestKey.invoke) && !hasFetch;
    return isBare && install === "fetch" ? "anchors" : undefined;
  }
  if (!hasBoot) return undefined;
  if (hasFetch) return install === "match" ? "install" : undefined;
  return install === undefined ? "boot-previous" : undefined;
}

function readCommon(bytes: Uint8Array): { component: Component; shared: Shared } {
  const cursor = new SuitCursor(bytes, "common");
  const count = cursor.map("members");
  let component: Component | undefined;
  let shared: Shared | undefined;
  for (let i = 0; i < count; i++) {
    const key = cursor.key("member");
    if (key === commonKey.components) component = readComponents(cursor);
    else if (key === commonKey.sharedSequence) shared = readShared(cursor.bytes("shared sequence"));
    else cursor.unsupported(`member ${key}`);
  }
  if (!component) return cursor.malformed("no components");
  if (!shared) return cursor.malformed("no shared sequence");
  return { component, shared };
}

function readComponents(cursor: SuitCursor): Component {
  const count = cursor.array("components");
  if (count !== 1) cursor.unsupported(`${count} components`);
  return readComponent(cursor);
}

/** `['image']` or `['trust-anchors']`. */
function readComponent(cursor: SuitCursor): Component {
  if (cursor.array("component") !== 1) cursor.unsupported("component");
  const name = String.fromCharCode(...cursor.bytes("component").subarray(0, 32));
  if (name === componentName.image) return "image";
  return name === componentName.anchors ? "anchors" : cursor.unsupported("component");
}

function readShared(bytes: Uint8Array): Shared {
  const cursor = new SuitCursor(bytes, "shared sequence");
  const items = cursor.array("commands");
  if (cursor.int("command") !== command.overrideParameters) cursor.unsupported("first command");
  const count = cursor.map("parameters");
  let vendor: Uint8Array | undefined;
  let classId: Uint8Array | undefined;
  let device: Uint8Array | undefined;
  let digest: Digest | undefined;
  let size: number | undefined;
  for (let i = 0; i < count; i++) {
    const key = cursor.key("parameter");
    if (key === parameter.vendor) vendor = cursor.fixed(16, "vendor id");
    else if (key === parameter.class) classId = cursor.fixed(16, "class id");
    else if (key === parameter.imageDigest) digest = wrappedDigest(cursor, "image digest");
    else if (key === parameter.imageSize) size = cursor.uint("image size");
    else if (key === parameter.device) device = cursor.fixed(16, "device id");
    else cursor.unsupported(`parameter ${key}`);
  }
  if (!vendor || !classId || !digest || size === undefined) return cursor.malformed("a parameter is missing");
  const conditions = [command.vendorIdentifier, command.classIdentifier, ...(device ? [command.deviceIdentifier] : [])];
  if (items !== 2 + 2 * conditions.length) cursor.unsupported("number of commands");
  for (const condition of conditions) expectCommand(cursor, condition);
  return { vendor, class: classId, digest, size, ...(device ? { device } : {}) };
}

function readInstall(bytes: Uint8Array): "match" | "fetch" {
  const cursor = new SuitCursor(bytes, "install");
  const items = cursor.array("commands");
  if (items === 2) {
    expectCommand(cursor, command.imageMatch);
    return "match";
  }
  if (items !== 6) cursor.unsupported("number of commands");
  if (cursor.int("command") !== command.overrideParameters) cursor.unsupported("first command");
  if (cursor.map("parameters") !== 1 || cursor.key("parameter") !== parameter.uri) cursor.unsupported("parameters");
  if (cursor.text("uri") !== envelopeKey.anchors) throw new ManifestFault("foreign-uri", "install, uri");
  expectCommand(cursor, command.fetch);
  expectCommand(cursor, command.imageMatch);
  return "fetch";
}

function readOne(bytes: Uint8Array, expected: number, where: string): void {
  const cursor = new SuitCursor(bytes, where);
  if (cursor.array("commands") !== 2) cursor.unsupported("number of commands");
  expectCommand(cursor, expected);
}
