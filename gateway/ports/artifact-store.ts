import type { Digest } from "../../schemas/wire/digest.ts";
import type { PayloadBytes } from "./firmware-carrier.ts";

/** An artifact that is being fetched or is here. What was appended and synced is there after a loss of power. */
export interface StoredArtifact extends PayloadBytes {
  /** Bytes that are here. */
  readonly length: number;
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when all that was appended is durable. */
  sync(): Promise<void>;
  /** Begins anew. */
  clear(): Promise<void>;
  /** Of what is on the disk, read back. */
  digest(): Promise<Digest>;
  close(): Promise<void>;
}

/** A bounded place for artifacts: the oldest go for a new one. */
export interface ArtifactStore {
  /** With the bytes that are here already. Undefined: it wouldn't fit even alone. */
  open(digest: Digest, size: number): Promise<StoredArtifact | undefined>;
}
