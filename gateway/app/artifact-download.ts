import { type Clock, sleep } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import { retrySchedule } from "../../kernel/retry-schedule.ts";
import { type Digest, digestHex } from "../../schemas/wire/digest.ts";
import type { ArtifactSource } from "../ports/artifact-source.ts";
import type { ArtifactStore, StoredArtifact } from "../ports/artifact-store.ts";

export interface ArtifactDownloadOptions {
  readonly source: ArtifactSource;
  readonly store: ArtifactStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

export interface DownloadRequest {
  readonly digest: Digest;
  readonly size: number;
  /** Where it is, now: links are renewed. */
  uris(): readonly string[];
  /** The links are too old. Rejects when there won't be others. */
  renew(): Promise<unknown>;
  readonly signal: AbortSignal;
  progress(bytes: number): void;
}

export type DownloadEnd =
  | { readonly kind: "here"; readonly artifact: StoredArtifact }
  | { readonly kind: "failed"; readonly reason: string };

/** A try that brought no new byte is followed by a pause; so many in a row end the download. */
const triesWithoutBytes = 12;
const renewalsInARow = 5;
const syncedBytes = 65_536;
const retry = { baseMs: 1_000, capMs: 60_000, attempts: triesWithoutBytes };

/**
 * Fetches an artifact into the store, on from the bytes that are there, also of an earlier life. It is there only when the digest of what is
 * on the disk is right. Rejects with the signal's reason.
 */
export async function downloadArtifact(
  { source, store, clock, entropy, log }: ArtifactDownloadOptions,
  request: DownloadRequest,
): Promise<DownloadEnd> {
  const { digest, size, signal } = request;
  const artifact = await store.open(digest, size);
  if (artifact === undefined) return { kind: "failed", reason: "no-space" };
  try {
    let pauses = retrySchedule(retry, entropy)[Symbol.iterator]();
    let renewals = 0;
    let isSecondRound = false;
    for (;;) {
      signal.throwIfAborted();
      if (artifact.length === size) {
        if ((await artifact.digest()) === digest) return { kind: "here", artifact };
        // What a cut left may be wrong: once more from the first byte, and no third time.
        if (isSecondRound) return await gone(artifact, "artifact-changed");
        isSecondRound = true;
        await artifact.clear();
      }
      const before = artifact.length;
      const outcome = await attempt(source, artifact, request);
      if (artifact.length > before) {
        pauses = retrySchedule(retry, entropy)[Symbol.iterator]();
        renewals = 0;
      }
      if (outcome === "whole") continue;
      if (outcome === "too-long") return await gone(artifact, "size-mismatch");
      if (outcome === "http-403") {
        if (++renewals > renewalsInARow) return await gone(artifact, "token-expired");
        await request.renew();
        continue;
      }
      const isFinal = outcome === "unknown-scheme" || (/^http-4/.test(outcome) && outcome !== "http-429");
      if (isFinal) return await gone(artifact, outcome);
      const pause = pauses.next();
      if (pause.done === true) return await gone(artifact, outcome);
      log.debug("artifact-cut", { digest, at: artifact.length, reason: outcome });
      await sleep(clock, pause.value, signal);
    }
  } catch (error) {
    await artifact.close();
    throw error;
  }
}

async function gone(artifact: StoredArtifact, reason: string): Promise<DownloadEnd> {
  await artifact.close();
  return { kind: "failed", reason };
}

/** `whole`, `too-long`, or why not more came. */
async function attempt(
  source: ArtifactSource,
  artifact: StoredArtifact,
  { digest, size, uris, signal, progress }: DownloadRequest,
): Promise<string> {
  const uri = uris().find((each) => /^https?:/.test(each));
  if (uri === undefined) return "unknown-scheme";
  const answer = await source.fetch(uri, { offset: artifact.length, etag: `"${digestHex(digest)}"` }, signal);
  if (answer.kind === "status") return `http-${answer.status}`;
  if (answer.kind === "unreachable") return answer.reason;
  if (answer.offset !== artifact.length) {
    if (answer.offset !== 0) return "http-range";
    await artifact.clear();
  }
  let unsynced = 0;
  try {
    for await (const chunk of answer.chunks) {
      signal.throwIfAborted();
      if (artifact.length + chunk.length > size) {
        await artifact.clear();
        return "too-long";
      }
      await artifact.append(chunk);
      unsynced += chunk.length;
      if (unsynced >= syncedBytes) {
        await artifact.sync();
        unsynced = 0;
      }
      progress(artifact.length);
    }
  } catch (error) {
    signal.throwIfAborted();
    await artifact.sync();
    return error instanceof Error ? "cut" : String(error);
  }
  await artifact.sync();
  return artifact.length === size ? "whole" : "cut";
}
