/** Why an update manifest, or what it leads to, is refused: API, the same on the node and in the manager (docs/reference/update-manifest.md). */
export type ManifestReason =
  | "manifest-too-large"
  | "manifest-truncated"
  | "manifest-too-deep"
  | "manifest-malformed"
  | "manifest-unsupported"
  | "manifest-unsigned"
  | "manifest-digest"
  | "unknown-signer"
  | "bad-signature"
  | "foreign-uri"
  | "wrong-vendor"
  | "wrong-class"
  | "wrong-device"
  | "sequence-too-low"
  | "sequence-reused"
  | "image-too-large"
  | "manifest-mismatch"
  | "no-payload-key"
  | "unsupported-variant"
  | "wrong-base"
  | "over-budget"
  | "no-previous-image"
  | "digest-mismatch";

/** A refusal with the place in the envelope that led to it, for people. */
export interface ManifestRefusal {
  readonly ok: false;
  readonly reason: ManifestReason;
  readonly where: string;
}
