/**
 * How the answer to a request for bytes came out. `bytes` begin at `offset`, which is 0 where the content isn't the one that was asked to
 * go on with. A failure while the chunks are read is thrown by them.
 */
export type ArtifactAnswer =
  | { readonly kind: "bytes"; readonly offset: number; readonly chunks: AsyncIterable<Uint8Array> }
  /** An HTTP status, 400 to 599. */
  | { readonly kind: "status"; readonly status: number }
  | { readonly kind: "unreachable"; readonly reason: string };

/** Where artifacts come from: HTTP(S) with Range. */
export interface ArtifactSource {
  /** From `offset` on, if the content still has that entity tag. Never rejects. */
  fetch(
    uri: string,
    from: { readonly offset: number; readonly etag: string },
    signal: AbortSignal,
  ): Promise<ArtifactAnswer>;
}
