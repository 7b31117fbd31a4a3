import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "../../../kernel/log.ts";
import { type AppFile, appPolicy } from "../../../kernel/system/app-files.ts";
import { WebSocketDoor } from "../../../mqtt/websocket-door.ts";
import { doorFaults } from "./http-faults.ts";
import { isLanAddress } from "./lan-address.ts";

/** A small file besides the app, such as the certificate of the site's CA. */
export interface ExtraFile {
  readonly body: string | Uint8Array;
  readonly type: string;
  /** Offered as a download under this name. */
  readonly download?: string;
}

export interface SiteDoorOptions {
  readonly http: { readonly host: string; readonly port: number };
  /** The same over TLS, with what the household's CA made; undefined: there is none. */
  readonly https?:
    | { readonly host: string; readonly port: number; material(): { readonly cert: string; readonly key: string } }
    | undefined;
  /** The built app, by path below it; empty: it isn't built. */
  readonly app: ReadonlyMap<string, AppFile>;
  /** What `/site.json` answers. */
  home(): Uint8Array;
  /** By path: `/ca.crt`. */
  readonly extra?: ReadonlyMap<string, () => ExtraFile | undefined>;
  /** Takes MQTT over WebSocket. */
  attach(stream: Duplex): void;
  readonly log: Log;
}

const requestMs = 30_000;
const headersMs = 10_000;
const idleMs = 60_000;
const maxConnections = 256;
const maxPacketBytes = 65_536;
const always = {
  "content-security-policy": appPolicy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/**
 * The household's door: the app at `/app/`, whose gateway this is at `/site.json`, MQTT over WebSocket at `/mqtt`. Everything here may be read by
 * anybody who reaches it; what is the household's comes over MQTT alone. In the clear MQTT is for the LAN only.
 */
export class SiteDoor {
  readonly #options: SiteDoorOptions;
  readonly #sockets = new Set<Duplex>();
  readonly #mqtt: WebSocketDoor;
  #http: Server | undefined;
  #https: SecureServer | undefined;

  constructor(options: SiteDoorOptions) {
    const { log, attach } = options;
    this.#options = options;
    this.#mqtt = new WebSocketDoor({ log, attach, maxBytes: maxPacketBytes, mayBePlain: isLanAddress });
  }

  /** Rejects with a Fault when a port can't be had; nothing is left listening then. */
  async start(): Promise<void> {
    const { http, https } = this.#options;
    this.#http = this.#prepared(createServer(times, this.#answer));
    try {
      await this.#listen(this.#http, http, "--http-port");
      if (https === undefined) return;
      this.#https = this.#prepared(
        createSecureServer({ ...https.material(), minVersion: "TLSv1.2", ...times }, this.#answer),
      );
      await this.#listen(this.#https, https, "--https-port");
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    const servers = [this.#http, this.#https].filter((each) => each?.listening === true);
    this.#http = undefined;
    this.#https = undefined;
    const closed = servers.map((server) => new Promise<void>((resolve) => server!.close(() => resolve())));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  /** Another certificate, from the next connection on. */
  useCertificate(material: { readonly cert: string; readonly key: string }): void {
    this.#https?.setSecureContext({ ...material, minVersion: "TLSv1.2" });
  }

  /** Ports that are listened on; undefined while it isn't. */
  ports(): { readonly http: number; readonly https?: number } | undefined {
    if (this.#http?.listening !== true || (this.#https !== undefined && !this.#https.listening)) return undefined;
    const portOf = (server: Server | SecureServer): number => (server.address() as AddressInfo).port;
    return { http: portOf(this.#http), ...(this.#https && { https: portOf(this.#https) }) };
  }

  #prepared<S extends Server | SecureServer>(server: S): S {
    server.maxConnections = maxConnections;
    server.setTimeout(idleMs);
    server.on("connection", (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    server.on(
      "upgrade",
      (request: IncomingMessage, socket: Duplex & { setTimeout?(ms: number): void }, head: Buffer) => {
        // MQTT has its own keep-alive.
        socket.setTimeout?.(0);
        this.#mqtt.take(request, socket, head);
      },
    );
    server.on("tlsClientError", (_error: Error, socket: Duplex) => socket.destroy());
    server.on("clientError", (_error: Error, socket: Duplex) => socket.destroy());
    return server;
  }

  async #listen(server: Server | SecureServer, at: { host: string; port: number }, flag: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        const { host, port } = at;
        if (error.code === "EADDRINUSE") reject(doorFaults("gateway.port-in-use", { host, port, flag }, error));
        else
          reject(doorFaults("gateway.bind-failed", { host, port, flag, reason: error.code ?? error.message }, error));
      });
      server.listen({ host: at.host, port: at.port }, resolve);
    });
    server.on("error", (error) => this.#options.log.warn("site-door-accept-failed", { error }));
  }

  readonly #answer = (request: IncomingMessage, response: ServerResponse): void => {
    // Nothing here takes a body.
    request.resume();
    const path = request.url?.split("?")[0] ?? "/";
    if (request.method !== "GET" && request.method !== "HEAD") {
      this.#end(request, response, 405, { allow: "GET, HEAD" }, "Only GET and HEAD.\n");
      return;
    }
    if (path === "/site.json") {
      // The app asks from wherever it was loaded, to find out whether it is at home.
      const headers = {
        "content-type": "application/json",
        "access-control-allow-origin": "*",
        "cache-control": "no-store",
      };
      this.#end(request, response, 200, headers, this.#options.home());
      return;
    }
    if (path === "/" || path === "/app") {
      this.#end(request, response, 302, { location: "/app/" }, "");
      return;
    }
    const extra = this.#options.extra?.get(path)?.();
    if (extra !== undefined) {
      const { type, download, body } = extra;
      const headers = {
        "content-type": type,
        ...(download !== undefined && { "content-disposition": `attachment; filename="${download}"` }),
      };
      this.#end(request, response, 200, headers, body);
      return;
    }
    this.#appFile(request, response, path);
  };

  #appFile(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { app } = this.#options;
    if (path === "/app/" && app.size === 0) {
      const text = "The app isn't built here: `npm run setup` builds it, or `node tools/build-app.ts`.\n";
      this.#end(request, response, 503, { "content-type": "text/plain; charset=utf-8" }, text);
      return;
    }
    const file = path.startsWith("/app/") ? app.get(path === "/app/" ? "index.html" : path.slice(5)) : undefined;
    if (file === undefined) {
      this.#end(
        request,
        response,
        404,
        { "content-type": "text/plain; charset=utf-8" },
        "There is nothing here; the app is at /app/.\n",
      );
      return;
    }
    const headers = {
      ...{ "content-type": file.type, etag: file.etag },
      ...(file.isImmutable && { "cache-control": "public, max-age=31536000, immutable" }),
    };
    if (request.headers["if-none-match"] === file.etag) this.#end(request, response, 304, headers, "");
    else this.#end(request, response, 200, headers, file.bytes);
  }

  #end(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array,
  ): void {
    const bytes = Buffer.from(body);
    const length = status === 304 ? {} : { "content-length": bytes.length };
    response.writeHead(status, { ...always, ...headers, ...length });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }
}

const times = { requestTimeout: requestMs, headersTimeout: headersMs, connectionsCheckingInterval: 10_000 };
