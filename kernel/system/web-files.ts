import { existsSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";

/** A file of a built web page. */
export interface WebFile {
  /** Where it lies. */
  readonly file: string;
  /** Content-Type. */
  readonly type: string;
  /** Cache-Control. */
  readonly caching: string;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};

/**
 * Content-Security-Policy of the household's app: its own files and no script in the page, but connections anywhere, since
 * home and server are other origins than the one it came from.
 */
export const appPolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; worker-src 'self'",
  "connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join("; ");

/**
 * What of a built page can be asked for, by its path below the page's own, which is "". The list is fixed, so that no path of
 * a request reaches the disk; empty where nothing was built. Names below `assets/` change with their content and are kept for ever.
 */
export function webFiles(folder: string): ReadonlyMap<string, WebFile> {
  const files = new Map<string, WebFile>();
  if (!existsSync(folder)) return files;
  for (const entry of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const type = types[extname(entry)];
    if (type === undefined) continue;
    const path = entry.replaceAll("\\", "/");
    const caching = path.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
    files.set(path === "index.html" ? "" : path, { file: join(folder, entry), type, caching });
  }
  return files;
}
