import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import type { PublishedMessage } from "../../mqtt/published-batch.ts";
import { SiteTopics, siteId } from "../../schemas/wire/site-topics.ts";
import { phoneUser } from "../../schemas/wire/site-users.ts";

export interface AppDoorOptions {
  readonly site: string;
  /** Where the built app lies. */
  readonly app: string;
  /** A gateway says whose it is; a server has no household of its own. */
  readonly saysWhose: boolean;
  readonly phone: { readonly id: string; readonly password: string };
  onPublished(message: PublishedMessage): void;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".webmanifest": "application/manifest+json",
};
const policy = [
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; manifest-src 'self'; worker-src 'self'",
  "connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'none'",
].join("; ");

/** A real broker behind MQTT over WebSocket, and the built app beside it, as gateway and server have them. It can close and open on one port. */
export class AppDoor {
  readonly broker: Broker;
  readonly #options: AppDoorOptions;
  readonly #sockets = new Set<Duplex>();
  #server: Server | undefined;
  #port = 0;

  constructor(options: AppDoorOptions) {
    this.#options = options;
    this.broker = new Broker({
      clock: systemClock,
      entropy: systemEntropy,
      log: silentLog,
      onPublished: (batch) => {
        for (const message of batch) options.onPublished(message);
      },
    });
    const { id, password } = options.phone;
    const rights = new SiteTopics().rightsOfPhone(siteId(options.site));
    this.broker.setCredentials([{ clientId: phoneUser(options.site, id), password, ...rights }]);
  }

  get base(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async open(): Promise<void> {
    await this.broker.start();
    const server = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({
      ...{ noServer: true, handleProtocols: (offered) => offered.has("mqtt") && "mqtt" },
    });
    server.on("upgrade", (request, socket, head) => {
      this.#keep(socket);
      sockets.handleUpgrade(request, socket, head, (webSocket) => this.broker.attach(createWebSocketStream(webSocket)));
    });
    server.on("connection", (socket) => this.#keep(socket));
    await new Promise<void>((resolve) => server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** As if the cable were pulled: everything breaks at once. Retained messages stay. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => (server === undefined ? resolve() : server.close(() => resolve())));
    await this.broker.stop();
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://door");
    if (pathname === "/site.json" && this.#options.saysWhose) {
      const home = { site: this.#options.site, name: "Linden Street 7", mqttPath: "/mqtt" };
      response.writeHead(200, { "content-type": "application/json", "access-control-allow-origin": "*" });
      response.end(JSON.stringify(home));
      return;
    }
    const file = pathname === "/app/" ? "index.html" : pathname.replace(/^\/app\//, "");
    const body = pathname.startsWith("/app/") && !file.includes("..") ? await this.#read(file) : undefined;
    const type = types[extname(file)] ?? "application/octet-stream";
    response.writeHead(body === undefined ? 404 : 200, { "content-type": type, "content-security-policy": policy });
    response.end(body);
  }

  async #read(file: string): Promise<Buffer | undefined> {
    try {
      return await readFile(join(this.#options.app, file));
    } catch {
      return undefined;
    }
  }
}
