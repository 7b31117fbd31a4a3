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
