import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Log } from "../../../kernel/log.ts";
import { httpFaults } from "./http-faults.ts";

export interface HttpsListenerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** PEM: the certificate with its chain, and its key. */
  readonly material: { readonly cert: string; readonly key: string };
  /** One more is closed at once. */
  readonly maxConnections: number;
  readonly idleMs: number;
  /** A request that isn't whole by then is answered 408. */
  readonly requestMs: number;
  readonly log: Log;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

const handshakeMs = 10_000;
const headersMs = 60_000;
/** How often the times of requests are looked at. */
const checkMs = 30_000;

/** The same requests as of the open port, over TLS 1.2 and 1.3. */
export class HttpsListener {
  readonly counters = { tlsFailed: 0, connectionsOverLimit: 0 };
  readonly #options: HttpsListenerOptions;
  #server: Server | undefined;

  constructor(options: HttpsListenerOptions) {
    this.#options = options;
  }

  /** Rejects with a Fault when the port can't be had. */
  async start(): Promise<void> {
    const {
      host,
      port,
      material,
      maxConnections,
      idleMs,
      requestMs: requestTimeout,
      log,
      request,
      upgrade,
    } = this.#options;
    const times = {
      ...{ handshakeTimeout: handshakeMs, requestTimeout, headersTimeout: Math.min(headersMs, requestTimeout) },
      connectionsCheckingInterval: Math.min(checkMs, requestTimeout),
    };
    const server = createServer({ ...material, minVersion: "TLSv1.2", ...times }, request);
    server.setTimeout(idleMs);
    server.maxConnections = maxConnections;
    server.on("drop", () => this.counters.connectionsOverLimit++);
    server.on("upgrade", upgrade);
    server.on("tlsClientError", (error, socket) => {
      this.counters.tlsFailed++;
      log.debug("https-tls-failed", { reason: "code" in error ? String(error.code) : error.message });
      socket.destroy();
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, resolve);
      });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      if (code === "EADDRINUSE") throw httpFaults("https.port-in-use", { host, port }, error);
      throw httpFaults("http.bind-failed", { host, port, reason: code }, error);
    }
    server.on("error", (error) => log.warn("https-accept-failed", { error }));
    this.#server = server;
  }

  /** Another certificate, from the next connection on. */
  use(material: HttpsListenerOptions["material"]): void {
    this.#server?.setSecureContext({ ...material, minVersion: "TLSv1.2" });
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  address(): { readonly host: string; readonly port: number } | undefined {
    const address = this.#server?.address() as AddressInfo | null | undefined;
    return address ? { host: address.address, port: address.port } : undefined;
  }
}
