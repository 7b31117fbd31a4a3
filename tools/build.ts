/** `npm run build`: the published package `coxswain` in dist/, compiled, with the native addon's sources and this machine's build of it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const builtAddon = join(root, ".setup/build/coap.node");

/** What the package's own package.json says; what it shares with the root's is taken from there. */
export function packageManifest(): Record<string, unknown> {
  const { version, license } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, string>;
  return {
    name: "coxswain",
    version,
    description: "CoAP endpoint: client and server with observe, block-wise transfer, DTLS, OSCORE and multicast",
    license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=22.12" },
    exports: { "./coap": { types: "./coap/package/coap.d.ts", default: "./coap/package/coap.js" } },
    files: ["coap", "kernel", "README.md"],
    keywords: ["coap", "oscore", "dtls", "iot", "rfc7252", "observe"],
  };
}

/** Writes the package into `folder`, which is emptied first. Throws with the compiler's words when it doesn't compile. */
export function buildPackage(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const words = ["-p", join(root, "tsconfig.package.json"), "--outDir", folder];
  const { status, stdout, error } = spawnSync(join(root, "node_modules/.bin/tsc"), words, {
    cwd: root,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`The package doesn't compile: ${error?.message ?? stdout}`);
  for (const file of filesBelow(folder).filter((each) => each.endsWith(".d.ts"))) {
    // The compiler rewrites imports in programs, not in declarations.
    const source = readFileSync(file, "utf8");
    writeFileSync(file, source.replace(/((?:from|import\()\s*"\.[^"]*)\.ts"/g, '$1.js"'));
  }
  const native = join(folder, "coap/native");
  mkdirSync(native, { recursive: true });
  for (const name of readdirSync(join(root, "coap/native")).filter((each) => /\.(c|h|mjs)$/.test(each))) {
    copyFileSync(join(root, "coap/native", name), join(native, name));
  }
  if (existsSync(builtAddon)) {
    copyFileSync(builtAddon, join(native, `coap-${process.platform}-${process.arch}.node`));
  }
  copyFileSync(join(root, "coap/README.md"), join(folder, "README.md"));
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(packageManifest(), undefined, 2)}\n`);
}

export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

if (import.meta.main) {
  const folder = join(root, "dist");
  buildPackage(folder);
  const addon = existsSync(builtAddon)
    ? `with the addon for ${process.platform} ${process.arch}`
    : "without a built addon";
  console.log(`${relative(process.cwd(), folder)}: ${filesBelow(folder).length} files, ${addon}`);
}
