import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { cborFormat, encodeCbor } from "../../schemas/wire/codec.ts";
import type { PeerServer } from "./peer-servers.ts";
import { ServerProcess } from "./server-process.ts";

/** A server that takes heartbeats, and where. */
export interface Subject {
  readonly name: string;
  readonly server: ServerProcess;
  readonly port: number;
  /** Method code of the heartbeat. */
  readonly method: number;
  /** How often its handler of heartbeats ran; undefined when it can't say. */
  runs(): Promise<number | undefined>;
  /** Where it has a megabyte, with the port. */
  readonly big: { readonly port: number; readonly server: ServerProcess } | undefined;
  stop(): Promise<void>;
}

const here = fileURLToPath(new URL(".", import.meta.url));
const run = promisify(execFile);
const registeredAtOnce = 64;

/** The manager with its real handler, and our engine by itself for the megabyte. */
export async function startManager(name: string, folder: string, nodes: number): Promise<Subject> {
  const settings = ["--insecure", "--json", "--data-dir", join(folder, name), "--log-level", "warn"];
  const ports = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0", "--no-mdns"];
  const server = ServerProcess.pinned([process.execPath, join(here, "../../manager/main.ts"), ...settings, ...ports]);
  const engine = ServerProcess.pinned([process.execPath, join(here, "engine-program.ts")]);
  const port = Number((await server.printed(/"coap":"coap:\/\/[^"]*:(\d+)"/))[1]);
  const http = (await server.printed(/"http":"(http:[^"]*)"/))[1]!;
  await registerNodes(port, nodes);
  return {
    ...{ name, server, port, method: 2 },
    async runs() {
      const response = await fetch(`${http}/api/v1/system`);
      const { coap } = (await response.json()) as { coap: Record<string, number> };
      return coap["requests"];
    },
    big: { port: Number((await engine.printed(/port (\d+)/))[1]), server: engine },
    async stop() {
      await engine.stop();
      await server.stop();
    },
  };
}

/** Its answers cost what the kernel takes for a datagram in and one out. */
export async function startKernelAlone(name: string, program: string): Promise<Subject> {
  const server = ServerProcess.pinned([program]);
  const port = Number((await server.printed(/port (\d+)/))[1]);
  return { name, server, port, method: 2, big: undefined, runs: async () => undefined, stop: () => server.stop() };
}

export async function startPeer(peer: PeerServer, folder: string): Promise<Subject> {
  const port = await freePort();
  const [program, ...args] = peer.command.map((word) => (word === "PORT" ? String(port) : word));
  const server = ServerProcess.pinned([program!, ...args]);
  if (peer.ready !== undefined) await server.printed(peer.ready);
  const hasBig = peer.isOurs || (await putBig(port, folder));
  return {
    ...{ name: peer.name, server, port, method: peer.method },
    async runs() {
      return peer.isOurs ? await countOf(port) : undefined;
    },
    big: hasBig ? { port, server } : undefined,
    stop: () => server.stop(),
  };
}

/** libcoap's example server keeps what is put. It says nothing when it is up, so this is tried until it answers. */
async function putBig(port: number, folder: string): Promise<boolean> {
  const file = join(folder, "big");
  writeFileSync(file, "0123456789abcdef".repeat(65_536));
  for (let attempt = 0; attempt < 5; attempt++) {
    try {
      await run("coap-client-notls", [
        "-m",
        "put",
        "-b",
        "1024",
        "-B",
        "5",
        "-f",
        file,
        `coap://127.0.0.1:${port}/big`,
      ]);
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  return false;
}

/** A port that nobody has now: the peers can't pick one and say which. */
async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

async function withClient<T>(work: (client: CoapEndpoint) => Promise<T>): Promise<T> {
  const client = new CoapEndpoint({
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
    limits: { nstart: registeredAtOnce },
    congestion: "controlled-elsewhere",
  });
  await client.start();
  try {
    return await work(client);
  } finally {
    await client.stop();
  }
}

function countOf(port: number): Promise<number> {
  return withClient(async (client) => {
    const to = { address: "127.0.0.1", port };
    const { payload } = await client.request({ to, method: "GET", path: ["count"] });
    return Number(new TextDecoder().decode(payload));
  });
}

function registerNodes(port: number, nodes: number): Promise<void> {
  return withClient(async (client) => {
    const register = async (index: number): Promise<void> => {
      const { code } = await client.request({
        to: { address: "127.0.0.1", port },
        method: "POST",
        path: ["register"],
        payload: encodeCbor("node-manifest", { id: `n${index}`, model: "bench" }),
        contentFormat: cborFormat,
      });
      if (code >> 5 !== 2) throw new Error(`the manager refused node n${index} with code ${code}`);
    };
    for (let first = 0; first < nodes; first += registeredAtOnce) {
      const many = Array.from({ length: Math.min(registeredAtOnce, nodes - first) }, (_, i) => register(first + i));
      await Promise.all(many);
    }
  });
}
