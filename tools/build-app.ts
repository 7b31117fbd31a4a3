/** Builds the household's app into gateway/app-web/dist, which the gateway serves: `node tools/build-app.ts [FOLDER]`. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "vite";

const source = fileURLToPath(new URL("../gateway/app-web", import.meta.url));
export const builtApp = join(source, "dist");

/** Writes page, scripts, styles and service worker; `folder` is emptied first. Rejects with Vite's words. */
export async function buildApp(folder: string): Promise<void> {
  await build({
    root: source,
    configFile: false,
    // Wherever the gateway or a server puts it.
    base: "./",
    logLevel: "warn",
    plugins: [shellList()],
    // Said here, or tests (NODE_ENV=test) would build something else.
    oxc: { jsx: { runtime: "automatic", importSource: "preact", development: false } },
    build: {
      outDir: folder,
      emptyOutDir: true,
      target: "es2022",
      // Scripts and styles stay files, so that a policy without 'unsafe-inline' and data: holds.
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 600,
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: { app: join(source, "index.html"), "service-worker": join(source, "service-worker.ts") },
        output: {
          // A service worker keeps its address, and with it its scope.
          entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js"),
        },
      },
    },
  });
}

/** Tells the service worker which files make up the shell, and a version that changes with any of them. */
function shellList(): Plugin {
  return {
    name: "shell-list",
    generateBundle(_options, bundle) {
      const worker = bundle["service-worker.js"];
      if (worker?.type !== "chunk") throw new Error("The service worker isn't in the bundle.");
      const built = Object.values(bundle).filter((each) => each !== worker);
      const hash = createHash("sha256");
      for (const each of built) hash.update(each.fileName).update(each.type === "chunk" ? each.code : each.source);
      const still = readdirSync(join(source, "public"));
      for (const name of still) hash.update(name).update(readFileSync(join(source, "public", name)));
      const files = [
        "./",
        ...built.map((each) => each.fileName).filter((name) => basename(name) !== "index.html"),
        ...still,
      ];
      const shell = { version: hash.digest("hex").slice(0, 16), files: files.sort() };
      const placeholder = "__SHELL__";
      if (!worker.code.includes(placeholder)) throw new Error(`The service worker has no ${placeholder}.`);
      worker.code = worker.code.replace(placeholder, () => JSON.stringify(shell));
    },
  };
}

if (import.meta.main) {
  const folder = process.argv[2] ?? builtApp;
  await buildApp(folder);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    /\.(js|css|html)$/.test(name),
  );
  let total = 0;
  for (const name of files) {
    const bytes = readFileSync(join(folder, name));
    const packed = gzipSync(bytes, { level: 9 }).length;
    total += packed;
    console.log(`${name}: ${bytes.length} bytes, ${packed} gzip`);
  }
  console.log(`scripts, styles and page: ${total} bytes gzip`);
}
