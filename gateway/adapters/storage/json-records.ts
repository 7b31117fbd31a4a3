import { mkdirSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

const nameRule = /^[a-z0-9][a-z0-9._-]{0,127}$/;

/** Small records, each in a file of its own, that outlive a loss of power. */
export interface JsonRecords {
  /** Undefined where there is none. Rejects when it can't be read: it isn't the same as none. */
  load(name: string): Promise<unknown>;
  /** Resolves when it is durable. Writes of one name may not overlap. */
  store(name: string, value: unknown): Promise<void>;
}

/** Written beside, forced to the disk and renamed: after a cut there is the old one or the new one. */
export function jsonRecords(folder: string): JsonRecords {
  const pathOf = (name: string): string => {
    if (!nameRule.test(name)) throw new TypeError(`not a record's name: ${JSON.stringify(name)}`);
    return join(folder, `${name}.json`);
  };
  return {
    load: async (name) => {
      const path = pathOf(name);
      let text: string;
      try {
        text = await readFile(path, "utf8");
      } catch (error) {
        if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
        throw error;
      }
      return JSON.parse(text) as unknown;
    },
    store: async (name, value) => {
      const path = pathOf(name);
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const file = await open(`${path}.new`, "w", 0o600);
      try {
        await file.writeFile(JSON.stringify(value));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.new`, path);
      const directory = await open(folder, "r");
      try {
        await directory.sync();
      } finally {
        await directory.close();
      }
    },
  };
}
