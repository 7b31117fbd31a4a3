/**
 * Bytes of firmware, stored once by SHA-256. Digests are text `sha256:<64 hex>`.
 * Streamed in and out: no implementation holds a whole artifact in memory.
 */
export interface Artifacts {
  /**
   * Stores what `source` yields. Faults: `artifacts.digest-mismatch`, `artifacts.size-mismatch`, `artifacts.too-large`,
   * `artifacts.empty`, `artifacts.disk-full`; nothing is kept then. Storing the same bytes again is no error.
   */
  store(source: AsyncIterable<Uint8Array>, options?: StoreOptions): Promise<ArtifactInfo>;
  /** Synchronous: the index of stored artifacts is in memory. */
  find(digest: string): ArtifactInfo | undefined;
  list(): readonly ArtifactInfo[];
  /** Random access for CoAP's Block2: any range at any time; short at the end. Undefined when the artifact is unknown. */
  open(digest: string): ArtifactReader | undefined;
  /** A range as a stream, for HTTP. `end` is exclusive; default the whole. */
  stream(
    digest: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> | undefined;
  remove(digest: string): Promise<boolean>;
}

export interface StoreOptions {
  /** Refused with `artifacts.digest-mismatch` when the bytes have another one. */
  readonly digest?: string;
  /** Refused with `artifacts.size-mismatch` when the length is another one. */
  readonly size?: number;
  readonly signal?: AbortSignal;
  /** Called with the bytes received so far, at most once per chunk. */
  progress?(bytes: number): void;
}

export interface ArtifactInfo {
  readonly digest: string;
  readonly size: number;
  readonly storedAtMs: number;
}

export interface ArtifactReader {
  readonly digest: string;
  readonly size: number;
  /** Bytes of [offset, offset+length), fewer at the end; the array is the caller's. */
  read(offset: number, length: number): Uint8Array | Promise<Uint8Array>;
}
