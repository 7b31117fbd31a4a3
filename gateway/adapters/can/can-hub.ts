import { rmSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "../../../kernel/clock.ts";
import type { Log } from "../../../kernel/log.ts";
import { AdapterSession } from "./adapter-session.ts";
import { canFaults } from "./can-faults.ts";
import { type BusNoise, VirtualBus } from "./virtual-bus.ts";

export interface CanHubOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A TCP port (0: any free one) on a host, or a Unix socket's path. */
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly sendDeadlineMs?: number;
  readonly noise?: BusNoise;
}

/** Adapters on one virtual bus; one more is closed at once. */
const maxAdapters = 64;
/** What a program may leave unread before frames for it are dropped. */
const maxUnreadBytes = 65_536;
/** Answers go on where frames are dropped; a program that reads not even those is cut. */
const cutUnreadBytes = 262_144;

/** A virtual CAN bus that programs join over a stream socket: each connection is a serial-line adapter of its own. */
export class CanHub {
  readonly bus: VirtualBus;
  readonly #options: CanHubOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: CanHubOptions) {
    const { clock, sendDeadlineMs, noise } = options;
    this.#options = options;
    this.bus = new VirtualBus({
      clock,
      ...(sendDeadlineMs !== undefined && { sendDeadlineMs }),
      ...(noise !== undefined && { noise }),
    });
  }

  /** Rejects with a Fault when the port or path can't be had. */
  async start(): Promise<void> {
    const { at, log } = this.#options;
    if ("path" in at && !(await isLive(at.path))) rmSync(at.path, { force: true });
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        const where = "path" in at ? at.path : `${at.host}:${at.port}`;
        reject(canFaults("can.hub-listen-failed", { where, reason: error.code ?? error.message }, error));
      });
      server.listen("path" in at ? { path: at.path } : { host: at.host, port: at.port }, resolve);
    });
    server.on("error", (error) => log.warn("can-hub-accept-failed", { error }));
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  /** Where programs join: `tcp://127.0.0.1:29536`, or `unix:` and the path. */
  address(): string {
    const address = this.#server?.address();
    if (typeof address === "string") return `unix:${address}`;
    if (address === null || address === undefined) throw new Error("the hub doesn't listen");
    return `tcp://${address.family === "IPv6" ? `[${address.address}]` : address.address}:${address.port}`;
  }

  /** Adapters that are plugged in. */
  get adapters(): number {
    return this.#sockets.size;
  }

  /** Cuts every adapter off, as when a hub is unplugged; they may connect again. */
  unplugAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#sockets.size >= maxAdapters) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    const session = new AdapterSession({
      bus: this.bus,
      monotonicMs: () => this.#options.clock.monotonicMs(),
      write: (text) => {
        socket.write(text, "latin1");
        if (socket.writableLength > cutUnreadBytes) socket.destroy();
        return socket.writableLength <= maxUnreadBytes;
      },
    });
    socket.on("data", (bytes: Uint8Array) => session.read(bytes));
    socket.on("drain", () => session.drained());
    socket.on("close", () => {
      this.#sockets.delete(socket);
      session.end();
    });
  }
}

/** Whether a hub answers at this path: a socket file without one is a leftover of a hub that was killed. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
}
