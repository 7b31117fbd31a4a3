import type { CborKey, CborValue } from "../cbor.ts";
import { writeCbor } from "../cbor-writer.ts";
import { type Digest, digestToBytes } from "../digest.ts";
import {
  algorithm,
  command,
  commonKey,
  componentName,
  envelopeKey,
  manifestKey,
  parameter,
  payloadKind,
  policy,
} from "./suit-keys.ts";
import { payloadUri } from "./suit-parts.ts";
import type { PayloadVariant, UpdateManifest } from "./update-manifest.ts";

/** The content of the manifest's byte string. */
export function writeManifest(manifest: UpdateManifest): Uint8Array {
  const name = manifest.kind === "anchors" ? componentName.anchors : componentName.image;
  const members = new Map<CborKey, CborValue>([
    [manifestKey.version, 1],
    [manifestKey.sequence, manifest.sequence],
    [
      manifestKey.common,
      writeCbor(
        new Map<CborKey, CborValue>([
          [commonKey.components, [[new TextEncoder().encode(name)]]],
          [commonKey.sharedSequence, writeCbor(sharedSequence(manifest))],
        ]),
      ),
    ],
  ]);
  if (manifest.kind === "anchors") {
    members.set(
      manifestKey.install,
      writeCbor([
        command.overrideParameters,
        new Map([[parameter.uri, envelopeKey.anchors]]),
        command.fetch,
        policy.directive,
        command.imageMatch,
        policy.condition,
      ]),
    );
  } else {
    members.set(manifestKey.validate, writeCbor([command.imageMatch, policy.condition]));
    members.set(manifestKey.invoke, writeCbor([command.invoke, policy.directive]));
  }
  if (manifest.kind === "install") {
    members.set(manifestKey.payloadFetch, payloadFetch(manifest.variants));
    members.set(manifestKey.install, writeCbor([command.imageMatch, policy.condition]));
  }
  if (manifest.textDigest) members.set(manifestKey.text, suitDigest(manifest.textDigest));
  return writeCbor(members);
}

/** SUIT_Digest, as a value and in its byte string. */
export function suitDigest(digest: Digest): CborValue {
  return [algorithm.sha256, digestToBytes(digest)];
}

function sharedSequence({ vendor, class: classId, device, digest, size }: UpdateManifest): CborValue {
  const parameters = new Map<CborKey, CborValue>([
    [parameter.vendor, vendor],
    [parameter.class, classId],
    [parameter.imageDigest, writeCbor(suitDigest(digest))],
    [parameter.imageSize, size],
  ]);
  if (device) parameters.set(parameter.device, device);
  const conditions = [command.vendorIdentifier, command.classIdentifier, ...(device ? [command.deviceIdentifier] : [])];
  return [command.overrideParameters, parameters, ...conditions.flatMap((condition) => [condition, policy.condition])];
}

function payloadFetch(variants: readonly PayloadVariant[]): Uint8Array {
  const sequences = variants.map((variant) => writeCbor(variantSequence(variant)));
  const [first] = sequences;
  if (!first) throw new RangeError("an install manifest has a variant at least");
  return sequences.length === 1 ? first : writeCbor([command.tryEach, sequences]);
}

function variantSequence(variant: PayloadVariant): CborValue {
  const parameters = new Map<CborKey, CborValue>([
    [parameter.uri, payloadUri(variant.digest)],
    [parameter.payloadKind, payloadKind[variant.kind]],
    [parameter.payloadDigest, writeCbor(suitDigest(variant.digest))],
    [parameter.payloadSize, variant.size],
  ]);
  if (variant.encryptionInfo) parameters.set(parameter.encryptionInfo, variant.encryptionInfo);
  if (variant.kind === "deflate") parameters.set(parameter.window, variant.window);
  if (variant.kind === "delta") {
    parameters.set(parameter.base, writeCbor(suitDigest(variant.base)));
    parameters.set(parameter.format, variant.format);
    parameters.set(parameter.memory, variant.memory);
  }
  return [command.overrideParameters, parameters, command.canApply, policy.condition, command.fetch, policy.directive];
}
