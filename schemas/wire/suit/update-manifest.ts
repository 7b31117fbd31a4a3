import type { Digest } from "../digest.ts";

/** One way in which the image can travel. */
export type PayloadVariant = PayloadCommon & (FullPayload | DeflatePayload | DeltaPayload);

interface PayloadCommon {
  /** Of the bytes as they travel, so of the artifact. */
  readonly digest: Digest;
  readonly size: number;
  /** COSE_Encrypt0 without its ciphertext, where the payload is encrypted. */
  readonly encryptionInfo?: Uint8Array;
}
interface FullPayload {
  readonly kind: "full";
}
interface DeflatePayload {
  readonly kind: "deflate";
  /** Largest distance, bytes: a power of two. */
  readonly window: number;
}
interface DeltaPayload {
  readonly kind: "delta";
  /** The image it is made against. */
  readonly base: Digest;
  readonly format: number;
  /** What the patcher needs, bytes. */
  readonly memory: number;
}

/** What an update manifest says (docs/reference/update-manifest.md). Identifiers are UUIDs of 16 bytes. */
export interface UpdateManifest {
  /** `install` is also what a revert manifest is. */
  readonly kind: "install" | "boot-previous" | "anchors";
  readonly sequence: number;
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
  /** The one node it is for. */
  readonly device?: Uint8Array;
  /** Of the installed image, or of the key set. */
  readonly digest: Digest;
  readonly size: number;
  /** In the order in which they are to be tried; of `install` alone. */
  readonly variants: readonly PayloadVariant[];
  /** Of the text, with the head of its byte string. */
  readonly textDigest?: Digest;
}

/** For people, in one language. */
export interface ManifestText {
  readonly language: string;
  readonly manifestDescription?: string;
  readonly updateDescription?: string;
  readonly vendorName?: string;
  readonly modelName?: string;
  readonly vendorDomain?: string;
  readonly modelInfo?: string;
  readonly componentDescription?: string;
  readonly version?: string;
}
