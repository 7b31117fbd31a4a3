import type { ReasonOf } from "../../generated/attempt-reasons.ts";

/** Why an update manifest, or what it leads to, is refused: API, the same on the node and in the manager (docs/reference/update-manifest.md). */
export type ManifestReason = ReasonOf<"manifest"> | "digest-mismatch";

/** A refusal with the place in the envelope that led to it, for people. */
export interface ManifestRefusal {
  readonly ok: false;
  readonly reason: ManifestReason;
  readonly where: string;
}
