// Compiles the addon with the C compiler alone: no node-gyp, no library to link, since libuv, Node-API and OpenSSL are all in the
// node program that loads it. Plain JavaScript that Node 20 can run. `node coap/native/build.mjs` builds what changed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(folder));

/** Where the loader looks for it: in a checkout, which has the loader's source, and in an installed package. */
const isCheckout = existsSync(join(folder, "addon.ts"));
export const addonPath = isCheckout ? join(root, ".setup/build/coap.node") : join(folder, "coap.node");

// `-z now`: a missing symbol fails the load, which the loader can catch, and not some later call, which would end the process.
const flags = [
  "-std=gnu11",
  "-D_GNU_SOURCE",
  "-O2",
  "-g1",
  "-Wall",
  "-Wextra",
  "-shared",
  "-fPIC",
  "-fvisibility=hidden",
  "-Wl,-z,now",
];

/** Builds the addon when a source is newer; returns its path. Throws when there is no compiler or no headers, or it fails. */
export function buildAddon() {
  const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const changed = Math.max(...sources.map((name) => statSync(join(folder, name)).mtimeMs));
  if (existsSync(addonPath) && statSync(addonPath).mtimeMs > changed) return addonPath;
  const headers = headersOfNode();
  mkdirSync(dirname(addonPath), { recursive: true });
  // Never written in place: a process may have it loaded.
  const fresh = `${addonPath}.${process.pid}`;
  const files = sources.filter((name) => name.endsWith(".c")).map((name) => join(folder, name));
  const words = [...flags, `-I${headers}`, "-o", fresh, ...files];
  const { error, status } = spawnSync("cc", words, { stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) throw new Error(`No C compiler: cc can't be started (${error.code}). Install gcc or clang.`);
  if (status !== 0) throw new Error("cc didn't compile the addon: see above.");
  renameSync(fresh, addonPath);
  return addonPath;
}

/** Those that npm brought, else those of the Node that runs this. */
function headersOfNode() {
  const brought = join(root, `node_modules/node-linux-${process.arch}/include/node`);
  const own = join(dirname(dirname(process.execPath)), "include/node");
  const found = [brought, own].find((each) => existsSync(join(each, "node_api.h")));
  if (found !== undefined) return found;
  throw new Error(
    isCheckout
      ? `No headers of Node at ${brought}: run npm ci, on Linux x64 or arm64.`
      : `No headers of Node at ${own}: install Node with its headers (the archives of nodejs.org have them).`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(buildAddon());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
