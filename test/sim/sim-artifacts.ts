import { createHash } from "node:crypto";
import type { ArtifactInfo, Artifacts } from "../../manager/ports/artifacts.ts";
import { type Digest, digestFromBytes } from "../../schemas/wire/digest.ts";

const chunkBytes = 4096;

/** Artifacts that survive the manager: the disk of the simulation, filled before the run. */
export function simArtifacts(images: readonly Uint8Array[]): Artifacts {
  const byDigest = new Map<string, Uint8Array>(images.map((image) => [digestOf(image), image]));
  const infos = new Map(
    [...byDigest].map(([digest, image]): [string, ArtifactInfo] => [
      digest,
      { digest, size: image.length, storedAtMs: 0 },
    ]),
  );
  return {
    store: () => Promise.reject(new Error("Nothing is uploaded in the simulation.")),
    find: (digest) => infos.get(digest),
    list: () => [...infos.values()],
    open: (digest) => {
      const image = byDigest.get(digest);
      return image && { digest, size: image.length, read: (offset, length) => image.slice(offset, offset + length) };
    },
    stream: (digest, range) => {
      const image = byDigest.get(digest);
      return image && chunksOf(image, range?.start ?? 0, range?.end ?? image.length);
    },
    remove: () => Promise.resolve(false),
  };
}

async function* chunksOf(image: Uint8Array, start: number, end: number): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; at += chunkBytes) yield image.slice(at, Math.min(at + chunkBytes, end));
}

export function digestOf(image: Uint8Array): Digest {
  return digestFromBytes(createHash("sha256").update(image).digest());
}
