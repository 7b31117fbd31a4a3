import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Fault } from "../../../kernel/fault.ts";
import { toHex } from "../../../schemas/wire/hex.ts";
import type { ArtifactInfo, ArtifactReader, Artifacts, StoreOptions } from "../../ports/artifacts.ts";
import { artifactFaults } from "./artifact-faults.ts";

export interface ArtifactFilesOptions {
  /** Made when it isn't there. Files in it are `<64 hex>`, uploads under way `<64 hex>.part`. */
  readonly folder: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Bytes of one artifact; default 256 MiB. Full: `artifacts.too-large`. */
  readonly maxBytes?: number;
  /** Files kept open for blocks; default 64. Full: the one unused for longest is closed. */
  readonly maxOpenFiles?: number;
}

const name = /^[0-9a-f]{64}$/;
/** What one block's read takes from the disk at once: the blocks after it are then in memory. */
const readAheadBytes = 65_536;
const streamChunkBytes = 262_144;

interface OpenFile {
  readonly descriptor: number;
  /** A window of the file, for sequential blocks. */
  readonly window: Uint8Array;
  windowStart: number;
  windowLength: number;
}

/** Artifacts as files named by their digest. A file appears under its name only when all its bytes are on the disk. */
export class ArtifactFiles implements Artifacts {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #maxBytes: number;
  readonly #maxOpenFiles: number;
  readonly #known = new Map<string, ArtifactInfo>();
  /** In the order of use. */
  readonly #open = new Map<string, OpenFile>();

  constructor({ folder, clock, entropy, maxBytes = 268_435_456, maxOpenFiles = 64 }: ArtifactFilesOptions) {
    this.#folder = folder;
    this.#clock = clock;
    this.#entropy = entropy;
    this.#maxBytes = maxBytes;
    this.#maxOpenFiles = maxOpenFiles;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const file of readdirSync(folder)) {
        // An upload that a power cut broke off.
        if (file.endsWith(".part")) rmSync(join(folder, file), { force: true });
        if (!name.test(file)) continue;
        const { size, mtimeMs } = statSync(join(folder, file));
        const digest = `sha256:${file}`;
        this.#known.set(digest, { digest, size, storedAtMs: Math.floor(mtimeMs) });
      }
    } catch (error) {
      throw artifactFaults("artifacts.cannot-open", { folder, reason: reasonOf(error) }, error);
    }
  }

  async store(source: AsyncIterable<Uint8Array>, options: StoreOptions = {}): Promise<ArtifactInfo> {
    const part = join(this.#folder, `${toHex(this.#entropy.bytes(32))}.part`);
    let handle: FileHandle | undefined;
    try {
      handle = await open(part, "wx", 0o600);
      const { digest, size } = await this.#receive(source, handle, options);
      await handle.sync();
      await handle.close();
      handle = undefined;
      await rename(part, this.#file(digest));
      this.#syncFolder();
      const info = this.#known.get(digest) ?? { digest, size, storedAtMs: this.#clock.wallMs() };
      this.#known.set(digest, info);
      return info;
    } catch (error) {
      throw this.#fault(error, part);
    } finally {
      await handle?.close().catch(() => undefined);
      // Renamed away when all went well.
      await rm(part, { force: true }).catch(() => undefined);
    }
  }

  find(digest: string): ArtifactInfo | undefined {
    return this.#known.get(digest);
  }

  list(): readonly ArtifactInfo[] {
    return [...this.#known.values()];
  }

  open(digest: string): ArtifactReader | undefined {
    const info = this.#known.get(digest);
    if (info === undefined) return undefined;
    return { digest, size: info.size, read: (offset, length) => this.#read(info, offset, length) };
  }

  stream(
    digest: string,
    range?: { readonly start: number; readonly end: number },
  ): AsyncIterable<Uint8Array> | undefined {
    const info = this.#known.get(digest);
    if (info === undefined) return undefined;
    const start = range?.start ?? 0;
    const end = Math.min(range?.end ?? info.size, info.size);
    return this.#stream(info, start, end);
  }

  async remove(digest: string): Promise<boolean> {
    if (!this.#known.delete(digest)) return false;
    this.#closeFile(digest);
    await rm(this.#file(digest), { force: true });
    this.#syncFolder();
    return true;
  }

  /** Closes what is open; the store may be used on. */
  close(): void {
    for (const digest of [...this.#open.keys()]) this.#closeFile(digest);
  }

  async #receive(
    source: AsyncIterable<Uint8Array>,
    handle: FileHandle,
    { digest: expectedDigest, size: expectedSize, signal, progress }: StoreOptions,
  ): Promise<{ digest: string; size: number }> {
    const limit = this.#maxBytes;
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of source) {
      if (signal?.aborted === true) throw artifactFaults("artifacts.aborted", { received: size });
      if (size + chunk.length > limit) throw artifactFaults("artifacts.too-large", { limit });
      if (expectedSize !== undefined && size + chunk.length > expectedSize) {
        throw artifactFaults("artifacts.size-mismatch", { received: size + chunk.length, expected: expectedSize });
      }
      hash.update(chunk);
      // A write may take less than it was given.
      for (let at = 0; at < chunk.length; ) {
        const { bytesWritten } = await handle.write(chunk, at, chunk.length - at);
        at += bytesWritten;
      }
      size += chunk.length;
      progress?.(size);
    }
    if (signal?.aborted === true) throw artifactFaults("artifacts.aborted", { received: size });
    if (size === 0) throw artifactFaults("artifacts.empty", {});
    if (expectedSize !== undefined && size !== expectedSize) {
      throw artifactFaults("artifacts.size-mismatch", { received: size, expected: expectedSize });
    }
    const digest = `sha256:${hash.digest("hex")}`;
    if (expectedDigest !== undefined && digest !== expectedDigest) {
      throw artifactFaults("artifacts.digest-mismatch", { received: digest, expected: expectedDigest });
    }
    return { digest, size };
  }

  /** Synchronous: a block is in the page cache almost always, and a promise per block costs more than the read. */
  #read(info: ArtifactInfo, offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, info.size);
    if (!(offset >= 0) || offset >= end) return new Uint8Array();
    const file = this.#opened(info);
    if (offset < file.windowStart || end > file.windowStart + file.windowLength) {
      if (end - offset > file.window.length) return this.#readExactly(info, file.descriptor, offset, end - offset);
      file.windowStart = offset;
      file.windowLength = 0;
      const ahead = Math.min(file.window.length, info.size - offset);
      file.windowLength = readInto(file.descriptor, file.window, ahead, offset);
      if (file.windowLength < end - offset) throw this.#damaged(info, offset + file.windowLength);
    }
    return file.window.slice(offset - file.windowStart, end - file.windowStart);
  }

  #readExactly(info: ArtifactInfo, descriptor: number, offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const got = readInto(descriptor, bytes, length, offset);
    if (got < length) throw this.#damaged(info, offset + got);
    return bytes;
  }

  #opened(info: ArtifactInfo): OpenFile {
    const { digest } = info;
    const known = this.#open.get(digest);
    if (known !== undefined) {
      this.#open.delete(digest);
      this.#open.set(digest, known);
      return known;
    }
    const descriptor = this.#guarded(digest, () => openSync(this.#file(digest), "r"));
    const found = fstatSync(descriptor).size;
    if (found !== info.size) {
      closeSync(descriptor);
      throw this.#damaged(info, found);
    }
    const file = { descriptor, window: new Uint8Array(readAheadBytes), windowStart: 0, windowLength: 0 };
    this.#open.set(digest, file);
    if (this.#open.size > this.#maxOpenFiles) {
      const [oldest] = this.#open.keys();
      if (oldest !== undefined) this.#closeFile(oldest);
    }
    return file;
  }

  #closeFile(digest: string): void {
    const file = this.#open.get(digest);
    if (file === undefined) return;
    this.#open.delete(digest);
    closeSync(file.descriptor);
  }

  async *#stream(info: ArtifactInfo, start: number, end: number): AsyncIterable<Uint8Array> {
    if (start >= end) return;
    const file = this.#file(info.digest);
    const bytes = createReadStream(file, { start, end: end - 1, highWaterMark: streamChunkBytes });
    let sent = 0;
    try {
      for await (const chunk of bytes) {
        sent += (chunk as Uint8Array).length;
        yield chunk as Uint8Array;
      }
    } catch (error) {
      throw this.#fault(error, file);
    }
    if (sent < end - start) throw this.#damaged(info, start + sent);
  }

  #guarded<Result>(digest: string, work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      throw this.#fault(error, this.#file(digest));
    }
  }

  #damaged({ digest, size }: ArtifactInfo, found: number): Fault {
    this.#known.delete(digest);
    this.#closeFile(digest);
    return artifactFaults("artifacts.damaged", { file: this.#file(digest), found, expected: size });
  }

  #fault(error: unknown, file: string): unknown {
    if (!(error instanceof Error) || !("code" in error)) return error;
    const { code } = error;
    if (code === "ENOSPC" || code === "EDQUOT") {
      return artifactFaults("artifacts.disk-full", { folder: this.#folder }, error);
    }
    const isSystem = "syscall" in error;
    return isSystem ? artifactFaults("artifacts.io", { file, reason: reasonOf(error) }, error) : error;
  }

  #file(digest: string): string {
    return join(this.#folder, digest.slice("sha256:".length));
  }

  #syncFolder(): void {
    const folder = openSync(this.#folder, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  }
}

function readInto(descriptor: number, bytes: Uint8Array, length: number, position: number): number {
  let got = 0;
  while (got < length) {
    const read = readSync(descriptor, bytes, got, length - got, position + got);
    if (read === 0) break;
    got += read;
  }
  return got;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
