import { deflateRawSync } from "node:zlib";
import type { PayloadVariant } from "../../schemas/wire/suit/update-manifest.ts";
import { envelopeOf } from "../integration/signed-envelope.ts";
import { digestOf } from "./sim-artifacts.ts";
import { simVendor } from "./sim-release.ts";

/** A signed update with the payloads that it can travel as. */
export interface SiteRelease {
  readonly image: Uint8Array;
  readonly envelope: Uint8Array;
  readonly payloads: readonly Uint8Array[];
}

export async function siteRelease(
  image: Uint8Array,
  sequence: number,
  isCompressed = false,
  model = "pack",
): Promise<SiteRelease> {
  const full: PayloadVariant = { kind: "full", digest: digestOf(image), size: image.length };
  const packed = new Uint8Array(deflateRawSync(image, { windowBits: 12, memLevel: 5 }));
  const deflate: PayloadVariant = { kind: "deflate", digest: digestOf(packed), size: packed.length, window: 4096 };
  const envelope = await envelopeOf(
    { digest: digestOf(image), size: image.length, model, version: "2.0.0", sequence },
    isCompressed ? { variants: [deflate, full] } : {},
    ["vendor"],
    simVendor,
  );
  return { image, envelope, payloads: isCompressed ? [packed, image] : [image] };
}
