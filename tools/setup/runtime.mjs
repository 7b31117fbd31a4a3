import { existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./root.mjs";

const oldestMajor = 24;
const oldestMinor = 15;

/** The Node that runs TypeScript: the one that runs this when it is new enough, else the one that npm brought. */
export function runtimeNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return process.execPath;
  return join(root, "node_modules/.bin/node");
}

/** Folder of the C headers of that Node, for the addons; undefined where the packages hold none for this machine. */
export function runtimeHeaders() {
  const packaged = join(root, `node_modules/node-linux-${process.arch}/include/node`);
  if (existsSync(packaged)) return packaged;
  const beside = join(process.execPath, "../../include/node");
  return existsSync(beside) ? beside : undefined;
}
