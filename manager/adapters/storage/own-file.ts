import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a small file that its owner alone may read, whole and durably or not at all. With `isNew` a file that is there stays as it
 * is, and the answer is false. Throws what the system says.
 */
export function writeOwnFile(
  file: string,
  text: string,
  { isNew = false }: { readonly isNew?: boolean } = {},
): boolean {
  const fresh = `${file}.${process.pid}.new`;
  rmSync(fresh, { force: true });
  try {
    const descriptor = openSync(fresh, "wx", 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (isNew) linkSync(fresh, file);
    else renameSync(fresh, file);
  } catch (error) {
    if (isNew && error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return true;
}
