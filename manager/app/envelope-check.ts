import type { Update } from "../../schemas/generated/types.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import type { ManifestReason } from "../../schemas/wire/suit/manifest-reason.ts";
import { stripText } from "../../schemas/wire/suit/strip-text.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { equalBytes } from "../../schemas/wire/suit/suit-parts.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { type VerifiedManifest, verifyManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import type { Artifacts } from "../ports/artifacts.ts";
import type { ManifestCrypto } from "../ports/manifest-crypto.ts";
import type { TrustAnchors } from "./api/trust-anchors.ts";

/** Why an uploaded envelope is refused, besides what a node would refuse it for. */
export type EnvelopeReason =
  | ManifestReason
  /** The manager knows no key that it could be checked by. */
  | "no-trust-anchors"
  /** A class id is a model's. */
  | "update-without-model"
  | "missing-artifact"
  | "artifact-size";

export type EnvelopeVerdict =
  | { readonly kind: "good"; readonly verified: VerifiedManifest; readonly warnings: readonly UploadWarning[] }
  | { readonly kind: "refused"; readonly reason: EnvelopeReason; readonly where: string };

/** What the registered nodes of a model are, as far as it bounds an update. */
export interface ModelFacts {
  /** How many there are. */
  readonly nodes: number;
  /** The largest slot; undefined: no node said. */
  readonly slotSize: number | undefined;
  readonly smallestSlot: number | undefined;
  /** The highest sequence number that a node runs, and the image it runs it with. */
  readonly running: readonly { readonly sequence: number; readonly digest: string | undefined }[];
}

/** What an upload was taken with, though a check had nothing to go by. Codes are API. */
export interface UploadWarning {
  readonly code: "no-node-of-model" | "no-slot-size" | "some-slots-too-small";
  readonly text: string;
}

export interface EnvelopeCheckOptions {
  readonly anchors: Pick<TrustAnchors, "keys" | "vendor">;
  readonly crypto: ManifestCrypto;
  readonly artifacts: Pick<Artifacts, "find">;
  readonly sizeMax: number;
  /** Of these nodes alone, where there are any. */
  factsOf(model: string, nodes?: readonly string[]): Promise<ModelFacts>;
}

type Refusal = Extract<EnvelopeVerdict, { kind: "refused" }>;

/** The checks of docs/reference/update-manifest.md, in its order, with what the fleet reports in a node's place. */
export class EnvelopeCheck {
  readonly #options: EnvelopeCheckOptions;

  constructor(options: EnvelopeCheckOptions) {
    this.#options = options;
  }

  async check(envelope: Uint8Array, update: Update): Promise<EnvelopeVerdict> {
    const { anchors, crypto, sizeMax } = this.#options;
    const keys = anchors.keys();
    if (keys.length === 0) return refused("no-trust-anchors", "the manager");
    const verified = verifyManifest(envelope, keys, crypto, sizeMax);
    if (!verified.ok) return refused(verified.reason, verified.where);
    const { manifest } = verified;
    // What nodes are sent has no text, and a bound of its own.
    const sent = stripText(envelope).length;
    if (sent > suitLimits.nodeEnvelopeMax)
      return refused("manifest-too-large", `${sent} bytes without text, at most ${suitLimits.nodeEnvelopeMax}`);
    const other = this.#identity(manifest, update);
    if (other !== undefined) return other;
    const { model = "", targets } = update;
    const facts = await this.#options.factsOf(model, manifest.device === undefined ? undefined : targets);
    const against =
      outdated(manifest, model, facts) ??
      tooLarge(manifest, model, facts) ??
      mismatch(verified, update) ??
      this.#payloads(manifest);
    return against ?? { kind: "good", verified, warnings: warningsOf(manifest, model, facts) };
  }

  trusts(keyId: string): boolean {
    return this.#options.anchors.keys().some((each) => toHex(each.keyId) === keyId);
  }

  /** Which of the present keys signed it; undefined: none. */
  signerOf(envelope: Uint8Array): string | undefined {
    const { anchors, crypto, sizeMax } = this.#options;
    const keys = anchors.keys();
    const verified = keys.length === 0 ? undefined : verifyManifest(envelope, keys, crypto, sizeMax);
    return verified?.ok === true ? toHex(verified.signer.keyId) : undefined;
  }

  /** All that can be said of an update which nobody signed: whether it fits the nodes that are there. */
  async checkUnsigned({ model, size, targets }: Update): Promise<Refusal | undefined> {
    if (model === undefined) return undefined;
    const facts = await this.#options.factsOf(model, targets);
    return tooLarge({ kind: "install", size }, model, facts);
  }

  #identity(manifest: UpdateManifest, { model, targets }: Update): Refusal | undefined {
    const { anchors, crypto } = this.#options;
    if (model === undefined) return refused("update-without-model", "the update");
    const ids = crypto.ids(anchors.vendor, model);
    if (!equalBytes(manifest.vendor, ids.vendor)) return refused("wrong-vendor", `not that of ${anchors.vendor}`);
    if (!equalBytes(manifest.class, ids.class)) return refused("wrong-class", `not that of the model ${model}`);
    if (manifest.device === undefined) return undefined;
    const [node] = targets ?? [];
    const isIts = targets?.length === 1 && equalBytes(manifest.device, crypto.device(ids.vendor, node ?? ""));
    return isIts ? undefined : refused("wrong-device", "it is for one node, which must be the update's only target");
  }

  #payloads({ variants, digest, size }: UpdateManifest): Refusal | undefined {
    for (const variant of variants) {
      const stored = this.#options.artifacts.find(variant.digest);
      if (stored === undefined) return refused("missing-artifact", variant.digest);
      if (stored.size !== variant.size)
        return refused("artifact-size", `${variant.digest}: ${stored.size} bytes stored, ${variant.size} signed`);
      const isImage = variant.kind === "full" && variant.encryptionInfo === undefined;
      if (isImage && (variant.digest !== digest || variant.size !== size))
        return refused("manifest-mismatch", "the full payload isn't the image");
    }
    return undefined;
  }
}

/** Nodes take a number above that of what they run, and the same one for the same image only. */
function outdated(
  { kind, sequence, digest }: UpdateManifest,
  model: string,
  { running }: ModelFacts,
): Refusal | undefined {
  // Their numbers are counted apart, and nodes say nothing of them.
  if (kind === "anchors") return undefined;
  for (const each of running) {
    const isAgain = kind === "install" && each.digest === digest;
    if (isAgain || each.sequence < sequence) continue;
    const where = `${sequence}, and a ${model} runs ${each.sequence}`;
    return refused(each.sequence === sequence ? "sequence-reused" : "sequence-too-low", where);
  }
  return undefined;
}

function tooLarge(
  { kind, size }: Pick<UpdateManifest, "kind" | "size">,
  model: string,
  { slotSize }: ModelFacts,
): Refusal | undefined {
  if (kind === "anchors" || slotSize === undefined || size <= slotSize) return undefined;
  return refused("image-too-large", `${size} bytes; the largest slot of a ${model} has ${slotSize}`);
}

/** An image is often made before the first node of its model is there: that is no reason to refuse it, but is said. */
function warningsOf(
  { kind, size }: UpdateManifest,
  model: string,
  { nodes, slotSize, smallestSlot }: ModelFacts,
): readonly UploadWarning[] {
  if (kind === "anchors") return [];
  if (nodes === 0) {
    const text = `No node of the model ${model} is registered: neither the slot's size nor the sequence number could be checked.`;
    return [{ code: "no-node-of-model", text }];
  }
  if (slotSize === undefined || smallestSlot === undefined)
    return [{ code: "no-slot-size", text: `No ${model} said how large its slots are: the size wasn't checked.` }];
  if (size <= smallestSlot) return [];
  const text = `The image has ${size} bytes, and a ${model} is there whose slots have ${smallestSlot}: a rollout leaves it out.`;
  return [{ code: "some-slots-too-small", text }];
}

function mismatch({ manifest, text }: VerifiedManifest, update: Update): Refusal | undefined {
  const { digest, size, sequence, version } = update;
  if (manifest.digest !== digest) return refused("manifest-mismatch", `the image is ${manifest.digest}`);
  if (manifest.size !== size) return refused("manifest-mismatch", `the image has ${manifest.size} bytes`);
  if (sequence !== undefined && sequence !== manifest.sequence)
    return refused("manifest-mismatch", `the sequence number is ${manifest.sequence}`);
  const said = text.find((each) => each.version !== undefined)?.version;
  if (said !== undefined && said !== version) return refused("manifest-mismatch", `the version is ${said}`);
  return undefined;
}

function refused(reason: EnvelopeReason, where: string): Refusal {
  return { kind: "refused", reason, where };
}
