import { createServer, type Server, type Socket } from "node:net";
import type { Log } from "../kernel/log.ts";
import { mqttFaults } from "./faults.ts";
import { listenOn } from "./listen-on.ts";

export interface TcpListenerOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** What to choose where the port is taken, for the fault. */
  portSetting?: string;
  log: Log;
  /** Takes each connection. */
  attach(socket: Socket): void;
}

/** Listens for MQTT over TCP. Stopping it frees the port; connections are the broker's to close. */
export class TcpListener {
  readonly #options: TcpListenerOptions;
  #server: Server | undefined;

  constructor(options: TcpListenerOptions) {
    this.#options = options;
  }

  /** Rejects with a Fault when the port can't be had. */
  async start(): Promise<void> {
    const { host, port, portSetting, attach, log } = this.#options;
    const server = createServer({ noDelay: true }, attach);
    await listenOn(server, { host, port, log, portSetting });
    this.#server = server;
  }

  stop(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  /** Where it listens; throws when it doesn't. */
  address(): { host: string; port: number } {
    const address = this.#server?.address();
    if (address === null || address === undefined || typeof address === "string") {
      throw mqttFaults("mqtt.not-running", { operation: "asking for its address" });
    }
    return { host: address.address, port: address.port };
  }
}
