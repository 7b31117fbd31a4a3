import { createSocket } from "node:dgram";

/** A UDP port on 127.0.0.1 that nobody has at this moment, for programs that can't say which one they took. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
