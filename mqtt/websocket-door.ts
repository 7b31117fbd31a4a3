import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocketServer } from "ws";
import type { Log } from "../kernel/log.ts";

export interface WebSocketDoorOptions {
  readonly log: Log;
  /** Whether who comes from this address may come in the clear. */
  mayBePlain(remoteAddress: string | undefined): boolean;
  /** Largest WebSocket message in bytes; more ends the connection. */
  readonly maxBytes: number;
  attach(stream: Duplex): void;
}

const path = "/mqtt";
const protocols = ["mqtt", "mqttv3.1"];

/**
 * MQTT over WebSocket at `/mqtt` (MQTT 3.1.1, section 6), for browsers and networks that let nothing but HTTPS through. CONNECT carries a password, so who
 * listens says from where it may come in the clear. Who connects proves itself to the broker: nothing of a browser's cookies counts, so any page may try.
 */
export class WebSocketDoor {
  readonly #options: WebSocketDoorOptions;
  #server: WebSocketServer | undefined;

  constructor(options: WebSocketDoorOptions) {
    this.#options = options;
  }

  take(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => {});
    const isEncrypted = "encrypted" in request.socket && request.socket.encrypted === true;
    const asked = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((each) => each.trim());
    if (request.url?.split("?")[0] !== path) refuse(socket, "404 Not Found", "There is a WebSocket at /mqtt only.");
    else if (!isEncrypted && !this.#options.mayBePlain(request.socket.remoteAddress)) {
      refuse(socket, "426 Upgrade Required", "MQTT over WebSocket is spoken over TLS (wss) away from loopback.");
    } else if (!asked.some((each) => protocols.includes(each))) {
      refuse(socket, "400 Bad Request", "Ask for the WebSocket subprotocol mqtt.");
    } else {
      this.#upgrade(request, socket, head).catch((error: unknown) => {
        this.#options.log.error("mqtt-upgrade-failed", { error });
        socket.destroy();
      });
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // Late: most managers never see one, and the library would be in memory for nothing.
    const { createWebSocketStream, WebSocketServer: Sockets } = await import("ws");
    this.#server ??= new Sockets({
      ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: this.#options.maxBytes },
      handleProtocols: (offered) => protocols.find((each) => offered.has(each)) ?? false,
    });
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#options.attach(createWebSocketStream(webSocket));
    });
  }
}

/** Nothing of the server's times this connection out any more, so it isn't left to the client to close it. */
function refuse(socket: Duplex, status: string, words: string): void {
  const text = `${words}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n${text}`,
    () => socket.destroy(),
  );
}
