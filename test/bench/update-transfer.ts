import { CoapEndpoint } from "../../coap/endpoint.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import type { Measurement } from "./report.ts";
import { tcpTransfer } from "./tcp-model.ts";

export interface TransferSizes {
  readonly full: number;
  readonly deflate: number;
  readonly delta: number;
}

export type TransferWay = "http" | "block2" | "q-block2";

export interface TransferPath {
  readonly way: TransferWay;
  /** Share of packets lost, each way. */
  readonly loss: number;
  readonly roundTripMs: number;
  readonly seed: number;
}

const ways: readonly TransferWay[] = ["http", "block2", "q-block2"];
const losses = [0, 0.05, 0.2];
const roundTripsMs = [50, 500];
/** Headers of a request and an answer for an artifact, as the firmware and the manager write them. */
const httpRequestBytes = 180;
const httpAnswerBytes = 320;
/** Of IPv4 and UDP. */
const datagramHeadBytes = 28;
const blockSize = 1024;
/** A node that gave a block up asks for it again; here one exchange stands for all of that. */
const maxRetransmit = 16;

/** Time and bytes of each variant by each way, over a link with loss and delay and no limit of bandwidth, on virtual time. */
export async function updateTransfers(sizes: TransferSizes, isQuick: boolean): Promise<Measurement[]> {
  const measurements: Measurement[] = [];
  const seeds = isQuick ? [1] : [1, 2, 3, 4, 5];
  for (const way of ways) {
    for (const loss of losses) {
      for (const roundTripMs of roundTripsMs) {
        const name = `${way}_loss${loss * 100}_rtt${roundTripMs}`;
        for (const [subject, size] of Object.entries(sizes) as [string, number][]) {
          for (const seed of loss === 0 ? seeds.slice(0, 1) : seeds) {
            const { ms, bytes } = await transfer({ way, loss, roundTripMs, seed }, size);
            measurements.push({ subject, metric: `${name}_time`, value: Number((ms / 1000).toFixed(2)), unit: "s" });
            measurements.push({ subject, metric: `${name}_bytes`, value: Math.round(bytes / 1024), unit: "KiB" });
          }
        }
      }
    }
  }
  return measurements;
}

/** From the first packet to the last byte; bytes of all packets, both ways, their IP heads included. */
export async function transfer(path: TransferPath, size: number): Promise<{ ms: number; bytes: number }> {
  const clock = new VirtualClock();
  const entropy = seededEntropy(path.seed);
  const isHttp = path.way === "http";
  const work = isHttp
    ? tcpTransfer({ ...path, clock, entropy }, httpRequestBytes, httpAnswerBytes + size)
    : coapTransfer(path, size, clock);
  let end: { ms: number; bytes: number } | undefined;
  let failure: unknown;
  work.then(
    (bytes) => {
      end = { ms: clock.monotonicMs(), bytes };
    },
    (error: unknown) => {
      failure = error;
    },
  );
  while (end === undefined && failure === undefined) await clock.advance(1000);
  if (end === undefined) throw failure;
  return end;
}

async function coapTransfer(path: TransferPath, size: number, clock: VirtualClock): Promise<number> {
  const { loss, roundTripMs, seed } = path;
  const entropy = seededEntropy(seed);
  const network = new MemoryNetwork({ clock, entropy, loss, delayMs: [roundTripMs / 2, roundTripMs / 2] });
  let bytes = 0;
  network.taps.push((datagram) => {
    bytes += datagram.bytes.length + datagramHeadBytes;
  });
  const endpoint = (address: string): CoapEndpoint =>
    new CoapEndpoint({
      transport: network.transport(address, 5683),
      limits: { maxRetransmit, maxResponseBody: size },
      // As for a node with an identity: nobody has to prove an address first.
      amplification: "none",
      qBlock: "proven",
      ...{ clock, entropy, log: silentLog },
    });
  const [server, client] = [endpoint("10.0.0.1"), endpoint("10.0.0.2")];
  const body = new Uint8Array(size).map((_, i) => (i * 131) ^ (i >> 8));
  server.route({
    method: "GET",
    path: "/artifacts/x",
    replay: "again",
    answer: (_request, reply) => {
      reply.payload = body;
    },
  });
  await server.start();
  await client.start();
  const response = await client.request({
    to: { address: "10.0.0.1", port: 5683 },
    method: "GET",
    path: ["artifacts", "x"],
    blockSize,
    qBlock: path.way === "q-block2",
    maxResponseBody: size,
  });
  if (response.payload.length !== size) throw new Error(`${path.way}: ${response.payload.length} bytes of ${size}`);
  const moved = bytes;
  void client.stop();
  void server.stop();
  return moved;
}
