import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "../..");
const output = join(root, ".pio/build/sim");
const sharedGlobs = ["firmware/lib/{core,hal,hal_sim}/src/**/*.cpp", "firmware/lib/profiles/sensor/*.cpp"];
const headerGlobs = ["firmware/lib/**/*.{hpp,h}", "schemas/generated/cpp/*.hpp", "test/sim/*.hpp"];
const includes = [
  "firmware/lib/core/src",
  "firmware/lib/hal/src",
  "firmware/lib/hal_sim/src",
  "firmware/lib/profiles",
  "test/sim",
  "schemas/generated/cpp",
  `node_modules/node-linux-${process.arch}/include/node`,
];
const flags = ["-std=c++17", "-O1", "-g1", "-fPIC", "-fno-rtti", "-fno-exceptions", "-Wall", "-Wextra"];
const parallel = 2;

/** Compiles the firmware core on its simulated port into an addon, what changed only. Resolves with the addon's path. */
export function buildCore(): Promise<string> {
  return build("core", ["test/sim/core-addon.cpp"]);
}

/** Likewise a pack with its profile. */
export function buildPack(): Promise<string> {
  return build("pack", ["firmware/lib/profiles/pack/*.cpp", "test/sim/pack-addon.cpp"]);
}

async function build(name: string, own: readonly string[]): Promise<string> {
  const run = promisify(execFile);
  mkdirSync(output, { recursive: true });
  const addon = join(output, `${name}.node`);
  const headers = Math.max(...globSync(headerGlobs, { cwd: root }).map(changedAt));
  const sources = globSync([...sharedGlobs, ...own], { cwd: root }).sort();
  const stale: { source: string; object: string }[] = [];
  const objects = sources.map((source) => {
    const object = join(output, `${source.replaceAll("/", "-")}.o`);
    if (!existsSync(object) || statSync(object).mtimeMs < Math.max(headers, changedAt(source))) {
      stale.push({ source, object });
    }
    return object;
  });
  if (stale.length === 0 && existsSync(addon)) return addon;
  const compile = async (): Promise<void> => {
    for (let next = stale.pop(); next !== undefined; next = stale.pop()) {
      const paths = includes.map((folder) => `-I${join(root, folder)}`);
      await run("c++", [...flags, ...paths, "-c", join(root, next.source), "-o", next.object]);
    }
  };
  await Promise.all(Array.from({ length: parallel }, compile));
  await run("c++", ["-shared", "-static-libstdc++", "-static-libgcc", ...objects, "-o", addon]);
  return addon;
}

function changedAt(path: string): number {
  return statSync(path.startsWith(dirname(root)) ? path : join(root, path)).mtimeMs;
}

if (import.meta.main) {
  console.log(await buildCore());
  console.log(await buildPack());
}
