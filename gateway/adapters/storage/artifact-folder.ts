import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { type FileHandle, open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestFromBytes, digestHex } from "../../../schemas/wire/digest.ts";
import type { ArtifactStore, StoredArtifact } from "../../ports/artifact-store.ts";

export interface ArtifactFolderOptions {
  readonly folder: string;
  /** Of all artifacts together, those that are half here too. */
  readonly maxBytes: number;
}

const readBytes = 65_536;
const nameRule = /^[0-9a-f]{64}$/;

/** Artifacts as files named by their digest. One that is open isn't removed for another. */
export class ArtifactFolder implements ArtifactStore {
  readonly #options: ArtifactFolderOptions;
  readonly #open = new Map<string, number>();

  constructor(options: ArtifactFolderOptions) {
    this.#options = options;
  }

  async open(digest: Digest, size: number): Promise<StoredArtifact | undefined> {
    const { folder, maxBytes } = this.#options;
    const name = digestHex(digest);
    if (size > maxBytes) return undefined;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!(await this.#makeRoom(name, size))) return undefined;
    // Neither truncated nor appended to by the system: what is there is gone on with at its end.
    const file = await open(join(folder, name), "a+", 0o600).then(async (made) => {
      await made.close();
      return await open(join(folder, name), "r+");
    });
    const { size: length } = await file.stat();
    if (length > size) await file.truncate(0);
    this.#open.set(name, (this.#open.get(name) ?? 0) + 1);
    return new ArtifactFile(file, size, length > size ? 0 : length, () => {
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left === 0) this.#open.delete(name);
      else this.#open.set(name, left);
    });
  }

  /** Whether `size` bytes fit, after older ones went. */
  async #makeRoom(name: string, size: number): Promise<boolean> {
    const { folder, maxBytes } = this.#options;
    const others: { name: string; size: number; usedMs: number }[] = [];
    for (const each of await readdir(folder)) {
      if (!nameRule.test(each) || each === name) continue;
      const found = await stat(join(folder, each)).catch(() => undefined);
      if (found !== undefined) others.push({ name: each, size: found.size, usedMs: found.mtimeMs });
    }
    let used = others.reduce((sum, each) => sum + each.size, size);
    for (const each of others.sort((a, b) => a.usedMs - b.usedMs)) {
      if (used <= maxBytes) break;
      if (this.#open.has(each.name)) continue;
      await rm(join(folder, each.name), { force: true });
      used -= each.size;
    }
    return used <= maxBytes;
  }
}

class ArtifactFile implements StoredArtifact {
  readonly size: number;
  readonly #file: FileHandle;
  readonly #closed: () => void;
  #length: number;
  #isClosed: boolean = false;

  constructor(file: FileHandle, size: number, length: number, closed: () => void) {
    this.#file = file;
    this.size = size;
    this.#length = length;
    this.#closed = closed;
  }

  get length(): number {
    return this.#length;
  }

  async append(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, done, bytes.length - done, this.#length);
      done += bytesWritten;
      this.#length += bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.#file.datasync();
  }

  async clear(): Promise<void> {
    await this.#file.truncate(0);
    this.#length = 0;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new RangeError(`An artifact of ${this.#length} bytes was read at ${offset + done}.`);
      done += bytesRead;
    }
    return bytes;
  }

  async digest(): Promise<Digest> {
    const hash = createHash("sha256");
    for (let at = 0; at < this.#length; at += readBytes) {
      hash.update(await this.read(at, Math.min(readBytes, this.#length - at)));
    }
    return digestFromBytes(hash.digest());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closed();
    await this.#file.close();
  }
}
