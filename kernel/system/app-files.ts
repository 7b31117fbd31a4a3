import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, sep } from "node:path";

export interface AppFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content. */
  readonly isImmutable: boolean;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
};
/** The app speaks with brokers elsewhere, at home and away, so it may connect to any. No script stands in its page. */
export const appPolicy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; manifest-src 'self'; worker-src 'self'",
  "connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
].join("; ");

/** The app is a few hundred kilobytes; a folder beyond this isn't one. */
const maxBytes = 16_777_216;
const maxFiles = 500;

/**
 * The household's app as it was built, for the gateway and the manager, which both serve it; read once: by path below it, so that no path of a request ever reaches the disk. Empty where the folder isn't there or holds
 * no app.
 */
export function readAppFiles(folder: string): ReadonlyMap<string, AppFile> {
  const files = new Map<string, AppFile>();
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return files;
  }
  let total = 0;
  for (const name of names) {
    const type = types[extname(name)];
    const path = join(folder, name);
    if (type === undefined || !statSync(path).isFile()) continue;
    const bytes = readFileSync(path);
    total += bytes.length;
    if (total > maxBytes || files.size >= maxFiles) throw new RangeError(`${folder} is too large to be the app`);
    const etag = `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
    const url = name.split(sep).join("/");
    files.set(url, { bytes, type, etag, isImmutable: url.startsWith("assets/") });
  }
  return files.has("index.html") ? files : new Map();
}
