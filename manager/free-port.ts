import { createSocket } from "node:dgram";
import { createServer } from "node:net";

/**
 * A port that is free now. Where a setting says 0 the number must be known before anything listens: it goes into download links and
 * environments, which the use cases make.
 */
export function freePort(kind: "udp" | "tcp", host: string): Promise<number> {
  return kind === "udp" ? freeUdpPort(host) : freeTcpPort(host);
}

function freeUdpPort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
    socket.once("error", reject);
    socket.bind(0, host, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}

function freeTcpPort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, host, () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
