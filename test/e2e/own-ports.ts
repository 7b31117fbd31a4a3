import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";

/** Below those that the system gives to outgoing connections, so that nobody takes one while its manager is down. */
const range = { from: 20_000, size: 12_000 } as const;

export interface OwnPorts {
  readonly coap: number;
  readonly http: number;
  readonly mqtt: number;
}

/** Ports for a manager that comes back where its nodes know it. */
export async function ownPorts(): Promise<OwnPorts> {
  return { coap: await ownPair(), http: await ownPort("tcp"), mqtt: await ownPort("tcp") };
}

async function ownPort(kind: "udp" | "tcp"): Promise<number> {
  for (;;) {
    const port = range.from + (systemEntropy.uint32() % range.size);
    if (await isFree(kind, port)) return port;
  }
}

/** With the one behind it, where the manager speaks DTLS. */
async function ownPair(): Promise<number> {
  for (;;) {
    const port = await ownPort("udp");
    if (await isFree("udp", port + 1)) return port;
  }
}

function isFree(kind: "udp" | "tcp", port: number): Promise<boolean> {
  return new Promise((resolve) => {
    if (kind === "tcp") {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    } else {
      const socket = createSocket("udp4");
      socket.once("error", () => resolve(false));
      socket.bind(port, "127.0.0.1", () => socket.close(() => resolve(true)));
    }
  });
}
