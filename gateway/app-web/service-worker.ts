/**
 * Keeps the app's shell (page, scripts, styles, icons) on the phone, so that it opens without a network; values are the
 * page's own to keep. One cache a version: a new one is whole before the old one goes.
 */
interface LifecycleEvent extends Event {
  waitUntil(promise: Promise<unknown>): void;
}
interface RequestEvent extends Event {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface WorkerScope {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: LifecycleEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: RequestEvent) => void): void;
}

declare const __SHELL__: { readonly version: string; readonly files: readonly string[] };

const worker = globalThis as unknown as WorkerScope;
const { version, files } = __SHELL__;
const prefix = "alfaspark-shell-";
const current = prefix + version;
const addresses = new Set(files.map((file) => new URL(file, worker.registration.scope).href));

worker.addEventListener("install", (event) => {
  const fill = async (): Promise<void> => {
    const cache = await caches.open(current);
    // The browser's own cache might still have the last version of what has no hash in its name.
    await cache.addAll(files.map((file) => new Request(file, { cache: "reload" })));
    await worker.skipWaiting();
  };
  event.waitUntil(fill());
});

worker.addEventListener("activate", (event) => {
  const clean = async (): Promise<void> => {
    for (const name of await caches.keys()) {
      if (name.startsWith(prefix) && name !== current) await caches.delete(name);
    }
    await worker.clients.claim();
  };
  event.waitUntil(clean());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  url.hash = "";
  url.search = "";
  // Anything else, such as the question whether this is home, is for the network alone.
  if (!addresses.has(url.href)) return;
  const answer = async (): Promise<Response> => {
    const kept = await (await caches.open(current)).match(url.href);
    return kept ?? (await fetch(request));
  };
  event.respondWith(answer());
});
