import { digestFromBytes } from "../digest.ts";
import { toBeSigned } from "./cose-sign1.ts";
import { ManifestFault, refusing } from "./manifest-fault.ts";
import type { ManifestRefusal } from "./manifest-reason.ts";
import { type Envelope, readEnvelope } from "./read-envelope.ts";
import { readManifest } from "./read-manifest.ts";
import { readText } from "./read-text.ts";
import type { SuitCrypto } from "./suit-crypto.ts";
import { suitLimits } from "./suit-limits.ts";
import { equalBytes } from "./suit-parts.ts";
import { readKeySet, type TrustAnchor } from "./trust-anchor.ts";
import type { ManifestText, UpdateManifest } from "./update-manifest.ts";

export interface VerifiedManifest {
  readonly ok: true;
  readonly manifest: UpdateManifest;
  /** Whose signature was checked. */
  readonly signer: TrustAnchor;
  /** In each language; empty where the envelope came without. */
  readonly text: readonly ManifestText[];
  /** Those that a manifest of kind `anchors` brings. */
  readonly anchors: readonly TrustAnchor[];
}

/** Checks 1 to 7 of the profile, in this order: what any reader checks that trusts `anchors`, whoever it is. */
export function verifyManifest(
  bytes: Uint8Array,
  anchors: readonly TrustAnchor[],
  crypto: SuitCrypto,
  sizeMax: number = suitLimits.envelopeMax,
): VerifiedManifest | ManifestRefusal {
  return refusing(() => {
    const envelope = readEnvelope(bytes, sizeMax);
    const signer = verifySignature(envelope, anchors, crypto);
    return { ok: true as const, signer, ...readSigned(envelope, crypto) };
  });
}

/** What an envelope says, whoever signed it or nobody: for people who look at a file. Nothing may be done by it. */
export function inspectManifest(
  bytes: Uint8Array,
  crypto: SuitCrypto,
): (Omit<VerifiedManifest, "signer"> & { readonly keyIds: readonly Uint8Array[] }) | ManifestRefusal {
  return refusing(() => {
    const envelope = readEnvelope(bytes, suitLimits.envelopeMax);
    checkDigest(envelope, crypto);
    const keyIds = envelope.signatures.map(({ keyId }) => keyId);
    return { ok: true as const, keyIds, ...readSigned(envelope, crypto) };
  });
}

function verifySignature(envelope: Envelope, anchors: readonly TrustAnchor[], crypto: SuitCrypto): TrustAnchor {
  if (envelope.signatures.length === 0) throw new ManifestFault("manifest-unsigned", "authentication wrapper");
  checkDigest(envelope, crypto);
  for (const { keyId, protected: header, signature } of envelope.signatures) {
    const anchor = anchors.find((candidate) => equalBytes(candidate.keyId, keyId));
    if (!anchor) continue;
    if (crypto.verify(anchor, toBeSigned(header, envelope.signedPayload), signature)) return anchor;
    throw new ManifestFault("bad-signature", "authentication wrapper");
  }
  throw new ManifestFault("unknown-signer", "authentication wrapper");
}

function checkDigest(envelope: Envelope, crypto: SuitCrypto): void {
  if (!equalBytes(crypto.sha256(envelope.manifest.whole), envelope.claimedDigest))
    throw new ManifestFault("manifest-digest", "authentication wrapper, digest");
}

function readSigned(envelope: Envelope, crypto: SuitCrypto): Pick<VerifiedManifest, "manifest" | "text" | "anchors"> {
  const manifest = readManifest(envelope.manifest.content);
  const { text } = envelope;
  if (text) {
    if (!manifest.textDigest) throw new ManifestFault("manifest-malformed", "text that the manifest has no digest of");
    if (digestFromBytes(crypto.sha256(text.whole)) !== manifest.textDigest)
      throw new ManifestFault("manifest-digest", "text");
  }
  return { manifest, text: text ? readText(text.content) : [], anchors: readAnchors(envelope, manifest, crypto) };
}

function readAnchors(envelope: Envelope, manifest: UpdateManifest, crypto: SuitCrypto): readonly TrustAnchor[] {
  const { anchors: bytes } = envelope;
  if (manifest.kind !== "anchors") {
    if (bytes) throw new ManifestFault("manifest-unsupported", "envelope, #anchors");
    return [];
  }
  if (!bytes) throw new ManifestFault("manifest-malformed", "envelope, no #anchors");
  if (bytes.length !== manifest.size || digestFromBytes(crypto.sha256(bytes)) !== manifest.digest)
    throw new ManifestFault("digest-mismatch", "#anchors");
  const set = readKeySet(bytes, crypto);
  if (!set.ok) throw new ManifestFault(set.reason, set.where);
  return set.anchors;
}
