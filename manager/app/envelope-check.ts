import type { Update } from "../../schemas/generated/types.ts";
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
  | { readonly kind: "good"; readonly verified: VerifiedManifest }
  | { readonly kind: "refused"; readonly reason: EnvelopeReason; readonly where: string };

/** What the registered nodes of a model are, as far as it bounds an update. */
export interface ModelFacts {
  /** The largest slot; undefined: no node said. */
  readonly slotSize: number | undefined;
  /** The highest sequence number that a node runs, and the image it runs it with. */
  readonly running: readonly { readonly sequence: number; readonly digest: string | undefined }[];
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
    const against =
      this.#identity(manifest, update) ??
      (await this.#fleet(manifest, update)) ??
      mismatch(verified, update) ??
      this.#payloads(manifest);
    return against ?? { kind: "good", verified };
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

  async #fleet(manifest: UpdateManifest, { model = "", targets }: Update): Promise<Refusal | undefined> {
    const { kind, sequence, digest, size, device } = manifest;
    // Their numbers are counted apart, and nodes say nothing of them.
    if (kind === "anchors") return undefined;
    const facts = await this.#options.factsOf(model, device === undefined ? undefined : targets);
    for (const each of facts.running) {
      const isAgain = kind === "install" && each.digest === digest;
      if (isAgain || each.sequence < sequence) continue;
      const where = `${sequence}, and a ${model} runs ${each.sequence}`;
      return refused(each.sequence === sequence ? "sequence-reused" : "sequence-too-low", where);
    }
    if (facts.slotSize === undefined || size <= facts.slotSize) return undefined;
    return refused("image-too-large", `${size} bytes; the largest slot of a ${model} has ${facts.slotSize}`);
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
