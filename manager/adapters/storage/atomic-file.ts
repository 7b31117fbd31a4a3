import { open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { SnapshotFile } from "../../ports/snapshot-file.ts";

/** A small file that is either the old one or the new one, whatever happens in between. */
export class AtomicFile implements SnapshotFile {
  readonly #file: string;

  constructor({ file }: { file: string }) {
    this.#file = file;
  }

  async read(): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#file);
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
      throw error;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    const fresh = `${this.#file}.new`;
    try {
      const handle = await open(fresh, "w", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(fresh, this.#file);
    } catch (error) {
      await rm(fresh, { force: true });
      throw error;
    }
    const folder = await open(dirname(this.#file), "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}
