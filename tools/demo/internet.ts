import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

const here = "127.0.0.1";

/** What lies between a household and the rest of the world, so that it can be cut: ports of its own in front of others. */
export class Internet {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #udp: UdpSocket[] = [];
  #isUp: boolean = true;

  /** A port in front of a TCP port. */
  async tcp(port: number): Promise<number> {
    const server = createServer((near) => {
      if (!this.#isUp) {
        near.destroy();
        return;
      }
      const far = connect(port, here);
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.#sockets.delete(socket);
          other.destroy();
        });
        socket.pipe(other);
      }
    });
    server.listen(0, here);
    await once(server, "listening");
    this.#servers.push(server);
    return portOf(server.address());
  }

  /** A port in front of a UDP port, for one peer. */
  async udp(port: number): Promise<number> {
    const [near, far] = [createSocket("udp4"), createSocket("udp4")];
    let peer = 0;
    near.on("message", (bytes, from) => {
      peer = from.port;
      if (this.#isUp) far.send(bytes, port, here);
    });
    far.on("message", (bytes) => {
      if (this.#isUp && peer !== 0) near.send(bytes, peer, here);
    });
    for (const socket of [near, far]) {
      socket.bind(0, here);
      await once(socket, "listening");
      this.#udp.push(socket);
    }
    return near.address().port;
  }

  /** Everything under way is cut off, and nothing gets through until `restore`. */
  cut(): void {
    this.#isUp = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  restore(): void {
    this.#isUp = true;
  }

  stop(): void {
    this.cut();
    for (const server of this.#servers) server.close();
    for (const socket of this.#udp) socket.close();
  }
}

function portOf(address: ReturnType<Server["address"]>): number {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
