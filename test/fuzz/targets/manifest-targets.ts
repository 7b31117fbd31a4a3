import { readFileSync } from "node:fs";
import { nodeSuitCrypto } from "../../../schemas/crypto/node-suit-crypto.ts";
import { refusing } from "../../../schemas/wire/suit/manifest-fault.ts";
import { readEnvelope } from "../../../schemas/wire/suit/read-envelope.ts";
import { readManifest } from "../../../schemas/wire/suit/read-manifest.ts";
import { readText } from "../../../schemas/wire/suit/read-text.ts";
import { stripText } from "../../../schemas/wire/suit/strip-text.ts";
import { suitLimits } from "../../../schemas/wire/suit/suit-limits.ts";
import { readKeySet, type TrustAnchor } from "../../../schemas/wire/suit/trust-anchor.ts";
import { inspectManifest, verifyManifest } from "../../../schemas/wire/suit/verify-manifest.ts";
import { writeManifest } from "../../../schemas/wire/suit/write-manifest.ts";
import { type FuzzTarget, fromHex, mustHold } from "./fuzz-target.ts";

interface Vectors {
  readonly envelopes: readonly Uint8Array[];
  readonly anchorBytes: Uint8Array;
  readonly anchors: readonly TrustAnchor[];
  /** Of the manifests that somebody signed, in hexadecimal. */
  readonly manifests: ReadonlySet<string>;
}

let kept: Vectors | undefined;

function vectors(): Vectors {
  if (kept !== undefined) return kept;
  const text = readFileSync(new URL("../../vectors/update-manifest.json", import.meta.url), "utf8");
  const { anchorsHex, good, bad } = JSON.parse(text) as Record<"good" | "bad", { hex: string }[]> & {
    anchorsHex: string;
  };
  const envelopes = [...good, ...bad].map(({ hex }) => fromHex(hex));
  const anchorBytes = fromHex(anchorsHex);
  const set = readKeySet(anchorBytes, nodeSuitCrypto);
  mustHold(set.ok, "the vectors' anchors can be read");
  const manifests = new Set(partsOf(envelopes).map(({ manifest }) => hexOf(manifest.content)));
  kept = { envelopes, anchorBytes, anchors: set.ok ? set.anchors : [], manifests };
  return kept;
}

function partsOf(envelopes: readonly Uint8Array[]) {
  return envelopes.flatMap((each) => {
    const read = refusing(() => ({ ok: true as const, ...readEnvelope(each, suitLimits.envelopeMax) }));
    return read.ok ? [read] : [];
  });
}

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Whole envelopes, as they are uploaded. */
export const envelopeTarget: FuzzTarget = {
  name: "update-envelope",
  seeds: () => vectors().envelopes,
  run(input) {
    const { anchors, manifests } = vectors();
    const verified = verifyManifest(input, anchors, nodeSuitCrypto);
    const inspected = inspectManifest(input, nodeSuitCrypto);
    if (!verified.ok) return;
    mustHold(inspected.ok, "what is verified can be inspected");
    const [parts] = partsOf([input]);
    mustHold(parts !== undefined && manifests.has(hexOf(parts.manifest.content)), "what is verified was signed");
    const stripped = verifyManifest(stripText(input), anchors, nodeSuitCrypto);
    mustHold(stripped.ok && stripped.text.length === 0, "without its text it stays good");
  },
};

/** What is behind the signature, which no fuzzer can make: the content of the manifest, of the text and of a key set. */
export const manifestTarget: FuzzTarget = {
  name: "update-manifest",
  seeds() {
    const { envelopes, anchorBytes } = vectors();
    const contents = partsOf(envelopes).flatMap(({ manifest, text, anchors }) => [
      manifest.content,
      ...(text ? [text.content] : []),
      ...(anchors ? [anchors] : []),
    ]);
    return [anchorBytes, ...contents.map((each) => each.slice())];
  },
  run(input) {
    const read = refusing(() => ({ ok: true as const, manifest: readManifest(input) }));
    if (read.ok) {
      // Reporting policies are written as is usual, whatever was read.
      const again = readManifest(writeManifest(read.manifest));
      mustHold(JSON.stringify(again) === JSON.stringify(read.manifest), "a manifest is read as it was written");
    }
    refusing(() => ({ ok: true as const, text: readText(input) }));
    const set = readKeySet(input, nodeSuitCrypto);
    mustHold(!set.ok || set.anchors.length <= suitLimits.anchorsMax, "a key set has as many keys as a node holds");
  },
};
