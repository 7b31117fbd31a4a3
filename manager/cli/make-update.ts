import { readFileSync } from "node:fs";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { signEnvelope } from "../signing/sign-envelope.ts";
import type { ManifestSigner } from "../signing/signing-key.ts";
import { deviceId, suitIds } from "../signing/suit-ids.ts";
import type { MadeVariant, VariantOptions } from "../variants/make-variants.ts";
import { payloadKeySize } from "../variants/payload-encryption.ts";
import { variantsInThread } from "../variants/variants-in-thread.ts";
import { CommandFailure } from "./command-failure.ts";
import { signing } from "./manifest-signers.ts";
import { ProgressBar } from "./progress-bar.ts";
import type { ImageFlags } from "./update-image-flags.ts";

/** One signed update before it is uploaded. */
export interface MadeUpdate {
  readonly envelope: Uint8Array;
  readonly manifest: UpdateManifest;
  readonly version: string;
  readonly payloads: readonly MadeVariant[];
  /** Variants that saved nothing. */
  readonly useless: readonly string[];
}

export interface UpdatePlan {
  readonly flags: ImageFlags;
  readonly vendor: string;
  readonly sequence: number;
  readonly windows: readonly number[];
  readonly signers: readonly ManifestSigner[];
  readonly isShown: boolean;
}

/** Makes the payloads of an image and the envelope that lists them. */
export async function makeUpdate(image: string, version: string, plan: UpdatePlan): Promise<MadeUpdate> {
  const { flags, vendor, sequence, windows, signers } = plan;
  const bytes = readImage(image);
  const options: VariantOptions = {
    windows,
    bases: (flags.deltaFrom ?? []).map(readImage),
    ...(flags.encrypt === undefined ? {} : { encryption: { key: readKey(flags.encrypt), cipher: flags.cipher } }),
  };
  const bar = new ProgressBar({ label: "variants", total: bytes.length, isShown: plan.isShown });
  const made = await variantsInThread({ image: bytes, options }, ({ share }) =>
    bar.set(Math.round(share * bytes.length)),
  ).finally(() => bar.end());
  const payloads = withoutDoubles(made.variants);
  const ids = suitIds(vendor, flags.model);
  const manifest: UpdateManifest = {
    ...{ kind: "install", sequence, ...ids },
    ...(flags.node === undefined ? {} : { device: deviceId(ids.vendor, flags.node) }),
    ...imageOf(payloads, bytes),
    variants: payloads.map(({ variant }) => variant),
  };
  const { model, description } = flags;
  const text = {
    ...{ language: "en", modelName: model, vendorDomain: vendor, version },
    ...(description === undefined ? {} : { updateDescription: description }),
  };
  const envelope = await signing(() => signEnvelope({ manifest, text }, signers));
  return { envelope, manifest, version, payloads, useless: made.useless };
}

/** A small image comes out the same with each window: then the smallest window is for all. */
function withoutDoubles(variants: readonly MadeVariant[]): readonly MadeVariant[] {
  const windowOf = ({ variant }: MadeVariant): number => (variant.kind === "deflate" ? variant.window : 0);
  return variants.filter(
    (each) =>
      !variants.some((other) => other.variant.digest === each.variant.digest && windowOf(other) < windowOf(each)),
  );
}

/** Digest and size of the image itself, which isn't among the payloads where they are encrypted. */
function imageOf(variants: readonly MadeVariant[], image: Uint8Array): Pick<UpdateManifest, "digest" | "size"> {
  const full = variants.find(({ variant }) => variant.kind === "full" && variant.encryptionInfo === undefined);
  return { digest: full?.variant.digest ?? digestFromBytes(nodeSuitCrypto.sha256(image)), size: image.length };
}

function readImage(file: string): Uint8Array {
  const bytes = readFileOf(file, "Check the path.");
  if (bytes.length === 0) throw new CommandFailure("empty-file", `${file} is empty.`, "Build the image again.");
  return bytes;
}

function readKey(file: string): Uint8Array {
  const key = readFileOf(file, `Make one: head -c ${payloadKeySize} /dev/urandom > FILE`);
  if (key.length === payloadKeySize) return key;
  const message = `${file} has ${key.length} bytes; a payload key has ${payloadKeySize}.`;
  throw new CommandFailure("bad-key", message, `Make one: head -c ${payloadKeySize} /dev/urandom > FILE`);
}

export function readFileOf(file: string, next: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(file));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure("no-file", `${file} can't be read (${code}).`, next);
  }
}
