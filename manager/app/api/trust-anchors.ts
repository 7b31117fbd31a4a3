import type { TrustAnchor } from "../../../schemas/wire/suit/trust-anchor.ts";
import type { Actor } from "./registry.ts";

/** Keys by which update manifests are trusted: checked at upload, and handed to nodes that have none yet. */
export interface TrustAnchors {
  list(): readonly TrustAnchorView[];
  /** Durable when it resolves. `full`: a node holds no more than there are; `bad-key`: no point of P-256. */
  add(key: NewTrustAnchor, by: Actor): Promise<AddAnchorOutcome>;
  /** Nodes that have it keep it: they change by a manifest alone. */
  remove(keyId: string, by: Actor): Promise<"removed" | "unknown">;
  /** The keys themselves. */
  keys(): readonly TrustAnchor[];
  /** What a new node is handed (docs/reference/update-manifest.md); undefined: there is no anchor. */
  keySet(): Uint8Array | undefined;
  /** The domain that vendor ids are made of. */
  readonly vendor: string;
}

export interface NewTrustAnchor {
  readonly name: string;
  /** Coordinates, 32 bytes each. */
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

export interface TrustAnchorView {
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  readonly name: string;
  readonly addedAtMs: number;
  readonly addedBy: string;
}

export type AddAnchorOutcome =
  | { readonly kind: "added" | "known"; readonly anchor: TrustAnchorView }
  | { readonly kind: "full" }
  | { readonly kind: "bad-key" };
