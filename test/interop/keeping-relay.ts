import { createSocket, type Socket } from "node:dgram";

/**
 * A way through UDP that keeps what passes: outside clients ask it instead of the manager. Datagrams that it kept can be sent again.
 */
export class KeepingRelay {
  readonly fromClient: Buffer[] = [];
  readonly fromServer: Buffer[] = [];
  readonly #front: Socket;
  readonly #back: Socket;
  readonly #serverPort: number;
  #clientPort = 0;

  private constructor(front: Socket, back: Socket, serverPort: number) {
    this.#front = front;
    this.#back = back;
    this.#serverPort = serverPort;
    front.on("message", (bytes, { port }) => {
      this.#clientPort = port;
      this.fromClient.push(Buffer.from(bytes));
      back.send(bytes, serverPort, "127.0.0.1");
    });
    back.on("message", (bytes) => {
      this.fromServer.push(Buffer.from(bytes));
      if (this.#clientPort !== 0) front.send(bytes, this.#clientPort, "127.0.0.1");
    });
  }

  static async start(serverPort: number): Promise<KeepingRelay> {
    const [front, back] = [createSocket("udp4"), createSocket("udp4")];
    for (const socket of [front, back]) {
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    }
    return new KeepingRelay(front, back, serverPort);
  }

  get port(): number {
    return this.#front.address().port;
  }

  /** Sends a datagram to the server as if the client had. */
  again(bytes: Uint8Array): void {
    this.#back.send(bytes, this.#serverPort, "127.0.0.1");
  }

  async end(): Promise<void> {
    for (const socket of [this.#front, this.#back]) await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}
