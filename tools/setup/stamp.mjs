import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./root.mjs";

/** What a step or a program leaves beside its inputs. */
const made = ["__pycache__", "dist"];

/** Digest over the names and contents of files and whole folders; what is missing counts as missing. */
export function digestOf(paths) {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) addTo(hash, path);
  return hash.digest("hex");
}

function addTo(hash, path) {
  const full = join(root, path);
  if (!existsSync(full)) {
    hash.update(`${path}\0missing\0`);
  } else if (statSync(full).isDirectory()) {
    for (const name of readdirSync(full).sort()) if (!made.includes(name)) addTo(hash, join(path, name));
  } else {
    hash.update(`${path}\0`).update(readFileSync(full)).update("\0");
  }
}

const stampFile = (name) => join(root, ".setup", name);

/** True when the step was last completed with exactly these inputs. */
export function isStamped(name, digest) {
  return existsSync(stampFile(name)) && readFileSync(stampFile(name), "utf8") === digest;
}

export function stamp(name, digest) {
  mkdirSync(dirname(stampFile(name)), { recursive: true });
  writeFileSync(stampFile(name), digest);
}
