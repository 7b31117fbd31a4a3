import { beforeAll, expect, test } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code } from "../../coap/message.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { cborFormat, decode, encode } from "../../schemas/wire/codec.ts";
import { buildCore } from "./build-core.ts";
import { CoreLibrary, simulatedImage } from "./core.ts";
import { SimNode } from "./sim-node.ts";

let library: CoreLibrary;
beforeAll(async () => {
  library = new CoreLibrary(await buildCore());
}, 180_000);

/** A manager that answers what a node asks, and remembers it. */
async function scriptedManager(seed: number, loss: number) {
  const clock = new VirtualClock();
  const entropy = seededEntropy(seed);
  const network = new MemoryNetwork({ clock, entropy, loss });
  const transport = network.transport("10.0.0.1", 5683, { groups: ["224.0.1.187"] });
  const endpoint = new CoapEndpoint({ transport, clock, entropy, log: silentLog });
  const seen = { registrations: [] as string[], heartbeats: [] as string[], results: [] as string[] };
  let action: Uint8Array | undefined;
  endpoint.route({
    method: "POST",
    path: "/register",
    replay: "again",
    attributes: { rt: "coxswain.manager" },
    answer: (request, reply) => {
      const manifest = decode("node-manifest", request.payload, cborFormat);
      if (!manifest.ok) throw new Error(JSON.stringify(manifest.fault));
      seen.registrations.push(`${manifest.value.id} ${manifest.value.version ?? ""}`);
      reply.code = Code.created;
      reply.locationPath = ["nodes", manifest.value.id];
      reply.contentFormat = cborFormat;
      reply.payload = encode(
        "registration-answer",
        { id: manifest.value.id, lifetime: 90_000, poll: 5, rev: 0 },
        cborFormat,
      );
    },
  });
  endpoint.route({
    method: "GET",
    path: "/environment",
    replay: "again",
    answer: (_request, reply) => {
      reply.contentFormat = cborFormat;
      reply.payload = encode(
        "environment",
        { poll: 5, report: 10, topics: { root: "cx" }, liveness: "beat" },
        cborFormat,
      );
    },
  });
  endpoint.route({
    method: "POST",
    path: "/status",
    replay: "again",
    answer: (request, reply) => {
      seen.heartbeats.push(request.query("r") ?? "");
      const report = decode("status-report", request.payload, cborFormat);
      if (!report.ok) throw new Error(JSON.stringify(report.fault));
      const result = report.value.result;
      if (result !== undefined) seen.results.push(`${result.rev} ${result.outcome}`);
      if (action === undefined || Number(request.query("r")) > 0) return;
      reply.contentFormat = cborFormat;
      reply.payload = action;
    },
  });
  await endpoint.start();
  const offer = (bytes: Uint8Array): void => {
    action = bytes;
  };
  return { clock, entropy, network, endpoint, seen, offer };
}

test("a core finds its manager by multicast, registers and beats, on virtual time", async () => {
  const { clock, entropy, network, endpoint, seen } = await scriptedManager(7, 0);
  const image = simulatedImage("1.0.0", 20_000);
  const node = new SimNode({ library, network, clock, entropy, address: "10.0.1.1", image, core: { id: "s1" } });
  await node.powerOn();
  await clock.advance(60_000);
  expect(seen.registrations).toEqual(["s1 1.0.0"]);
  expect(seen.heartbeats.length).toBeGreaterThanOrEqual(11);
  expect(node.status).toMatchObject({ phase: "operational", lifeFaults: 0, flashFaults: 0 });
  await node.powerOff();
  await endpoint.stop();
});

test("with a third of all datagrams lost a core still registers, and does a command once", async () => {
  const { clock, entropy, network, endpoint, seen, offer } = await scriptedManager(11, 0.33);
  offer(encode("action", { rev: 1, kind: "command", command: "restart", id: "c1" }, cborFormat));
  const image = simulatedImage("1.0.0", 20_000);
  const node = new SimNode({ library, network, clock, entropy, address: "10.0.1.1", image, core: { id: "s1" } });
  await node.powerOn();
  await clock.advance(600_000);
  expect(node.boots).toBe(2);
  expect(node.status.lastRev).toBe(1);
  expect(new Set(seen.results)).toEqual(new Set(["1 done"]));
  await node.powerOff();
  await endpoint.stop();
});

test("the same seed gives the same run", async () => {
  const runs: string[][] = [];
  for (let i = 0; i < 2; i++) {
    const { clock, entropy, network, endpoint } = await scriptedManager(23, 0.2);
    const lines: string[] = [];
    network.taps.push(({ bytes, to }) => void lines.push(`${clock.monotonicMs()} ${to.address} ${bytes.join()}`));
    const image = simulatedImage("1.0.0", 20_000);
    const node = new SimNode({ library, network, clock, entropy, address: "10.0.1.1", image, core: { id: "s1" } });
    await node.powerOn();
    await clock.advance(120_000);
    runs.push(lines);
    await node.powerOff();
    await endpoint.stop();
  }
  expect(runs[0]).toEqual(runs[1]);
  expect(runs[0]?.length).toBeGreaterThan(20);
});
