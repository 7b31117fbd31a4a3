import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code } from "../../coap/message.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { cborFormat, encodeCbor } from "../../schemas/wire/codec.ts";
import type { Measurement } from "./report.ts";
import { ServerProcess } from "./server-process.ts";

const nodes = 200;
const httpBytes = 1 << 20;
/** Each block of 1024 bytes is a request of its own, so fewer bytes say as much. */
const coapBytes = 128 << 10;
const root = join(import.meta.dirname, "../..");

/** What a manager gives 200 nodes that fetch an artifact at once, over loopback: by HTTP 1 MiB each, by Block2 128 KiB each. */
export async function artifactLoad(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const settings = ["--insecure", "--json", "--data-dir", folder, "--log-level", "warn", "--no-mdns"];
  const ports = ["--coap-port", "0", "--http-port", "0", "--mqtt-port", "0"];
  const server = ServerProcess.pinned([process.execPath, join(root, "manager/main.ts"), ...settings, ...ports]);
  try {
    const coapPort = Number((await server.printed(/"coap":"coap:\/\/[^"]*:(\d+)"/))[1]);
    const http = (await server.printed(/"http":"(http:[^"]*)"/))[1]!;
    const [large, small] = [await upload(http, httpBytes), await upload(http, coapBytes)];
    return [
      ...(await measured("http", server, httpBytes, () => byHttp(`${http}/artifacts/${large}`))),
      ...(await measured("block2", server, coapBytes, () => byBlock2(coapPort, small))),
    ];
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function upload(http: string, size: number): Promise<string> {
  const body = systemEntropy.bytes(size);
  const hex = createHash("sha256").update(body).digest("hex");
  const response = await fetch(`${http}/api/v1/artifacts/${hex}`, {
    method: "PUT",
    body: new Uint8Array(body),
    headers: { "content-type": "application/octet-stream" },
  });
  if (!response.ok) throw new Error(`the upload was answered ${response.status} ${await response.text()}`);
  return hex;
}

/** `work` resolves with the milliseconds of the slowest node. */
async function measured(
  way: string,
  server: ServerProcess,
  size: number,
  work: () => Promise<void>,
): Promise<Measurement[]> {
  const cpuBefore = server.cpuMicroseconds();
  const before = performance.now();
  await work();
  const seconds = (performance.now() - before) / 1000;
  const cpuMs = (server.cpuMicroseconds() - cpuBefore) / 1000;
  const mebibytes = (nodes * size) / (1 << 20);
  const metric = `artifacts_200_nodes_${way}`;
  return [
    { subject: "full", metric, value: Number((mebibytes / seconds).toFixed(1)), unit: "MiB/s" },
    { subject: "full", metric: `${metric}_cpu`, value: Number((cpuMs / mebibytes).toFixed(2)), unit: "ms/MiB" },
    { subject: "full", metric: `${metric}_rss`, value: Math.round(server.residentMebibytes()), unit: "MiB" },
  ];
}

async function byHttp(url: string): Promise<void> {
  const agent = new Agent({ maxSockets: nodes });
  const one = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const request = get(url, { agent }, (response) => {
        let size = 0;
        response.on("data", (chunk: Uint8Array) => {
          size += chunk.length;
        });
        response.on("end", () =>
          size === httpBytes ? resolve() : reject(new Error(`${response.statusCode}: ${size} bytes`)),
        );
        response.on("error", reject);
      });
      request.on("error", reject);
    });
  await Promise.all(Array.from({ length: nodes }, one));
  agent.destroy();
}

async function byBlock2(port: number, hex: string): Promise<void> {
  const to = { address: "127.0.0.1", port };
  const one = async (index: number): Promise<void> => {
    const transport = dgramTransport({ address: "127.0.0.1", port: 0 });
    const client = new CoapEndpoint({ transport, clock: systemClock, entropy: systemEntropy, log: silentLog });
    await client.start();
    try {
      const id = `n${index}`;
      const payload = encodeCbor("node-manifest", { id, model: "bench" });
      const answer = await client.request({
        to,
        method: "POST",
        path: ["register"],
        payload,
        contentFormat: cborFormat,
      });
      if (answer.code !== Code.created) throw new Error(`${id}: the registration was answered ${answer.code}`);
      const response = await client.request({
        to,
        method: "GET",
        path: ["artifacts", hex],
        queries: [`ep=${id}`],
        blockSize: 1024,
      });
      if (response.payload.length !== coapBytes)
        throw new Error(`${id}: ${response.code}, ${response.payload.length} bytes`);
    } finally {
      await client.stop();
    }
  };
  await Promise.all(Array.from({ length: nodes }, (_, index) => one(index)));
}
