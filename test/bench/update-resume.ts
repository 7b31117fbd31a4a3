import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code } from "../../coap/message.ts";
import { MemoryNetwork } from "../../coap/transport/memory.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { cborFormat, decode, encode } from "../../schemas/wire/codec.ts";
import { digestHex } from "../../schemas/wire/digest.ts";
import { CoreLibrary, simulatedImage } from "../sim/core.ts";
import { digestOf } from "../sim/sim-artifacts.ts";
import { SimNode } from "../sim/sim-node.ts";

export interface ResumedDownload {
  /** Payload of all blocks that the server sent, per byte of the image. */
  readonly moved: number;
  readonly cuts: number;
  /** Datagrams of the node in all. */
  readonly requests: number;
}

export interface DownloadPath {
  readonly qBlock?: boolean;
  /** Share of datagrams lost, each way. */
  readonly loss?: number;
}

const imageSize = 1 << 20;
/** Two slots for the image, and room for their journals and the settings. */
const flashSize = 3 << 20;
const oftenEnough = 20_000_000;

/** The firmware's core fetches 1 MiB by Block2, and loses its power `cuts` times at places that the seed draws. */
export async function resumedDownload(
  addon: string,
  cuts: number,
  seed: number,
  { qBlock = false, loss = 0 }: DownloadPath = {},
): Promise<ResumedDownload> {
  const clock = new VirtualClock();
  const entropy = seededEntropy(seed);
  const network = new MemoryNetwork({ clock, entropy, delayMs: [2, 2], loss });
  const endpoint = new CoapEndpoint({
    ...{ transport: network.transport("10.0.0.1", 5683), clock, entropy, log: silentLog },
    amplification: "none",
    qBlock: "proven",
  });
  const image = simulatedImage("2.0.0", imageSize);
  let moved = 0;
  let requests = 0;
  network.taps.push(({ bytes, from }) => {
    if (from.address !== "10.0.0.1") requests++;
    // A block and little else: acknowledgements and answers of other kinds are shorter.
    if (from.address === "10.0.0.1" && bytes.length > 200) moved += blockIn(bytes);
  });
  route(endpoint, image);
  await endpoint.start();
  const node = new SimNode({
    library: new CoreLibrary(addon),
    ...{ network, clock, entropy, flashSize },
    address: "10.0.1.1",
    image: simulatedImage("1.0.0", 20_000),
    core: { id: "s1", prefer: "coap", qBlock, manager: { address: "10.0.0.1", port: 5683 } },
  });
  await node.powerOn();
  const places = Array.from({ length: cuts }, () => Math.floor(100 * entropy.fraction())).sort((a, b) => a - b);
  let isOver = false;
  for (let turn = 0; !isOver && turn < oftenEnough; turn++) {
    await clock.advance(50);
    if (!node.isOn) continue;
    const { attemptState, attemptPercent, version } = node.status;
    isOver = version === "2.0.0" || attemptState === "failed";
    if (places.length > 0 && attemptState === "downloading" && attemptPercent >= places[0]!) {
      places.shift();
      await node.powerOff();
      await node.powerOn();
    }
  }
  const { version } = node.status;
  await node.powerOff();
  await endpoint.stop();
  if (version !== "2.0.0" || places.length > 0)
    throw new Error(`the node runs ${version}, ${places.length} power cuts are left`);
  return { moved: moved / imageSize, cuts, requests };
}

/** Bytes behind the payload marker; there is none in the few options before it. */
function blockIn(bytes: Uint8Array): number {
  return bytes.length - bytes.indexOf(0xff, 4) - 1;
}

function route(endpoint: CoapEndpoint, image: Uint8Array): void {
  const digest = digestOf(image);
  const action = encode(
    "action",
    {
      ...{ rev: 1, kind: "update", update: "u", attempt: "a-1", version: "2.0.0", digest, size: image.length },
      uris: [`coap://10.0.0.1:5683/artifacts/${digestHex(digest)}`],
    },
    cborFormat,
  );
  endpoint.route({
    method: "POST",
    path: "/register",
    replay: "again",
    answer: (request, reply) => {
      const manifest = decode("node-manifest", request.payload, cborFormat);
      if (!manifest.ok) throw new Error(JSON.stringify(manifest.fault));
      reply.code = Code.created;
      reply.locationPath = ["nodes", manifest.value.id];
      reply.contentFormat = cborFormat;
      const answer = { id: manifest.value.id, lifetime: 90_000, poll: 5, rev: 0 };
      reply.payload = encode("registration-answer", answer, cborFormat);
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
      if (Number(request.query("r")) > 0) return;
      reply.contentFormat = cborFormat;
      reply.payload = action;
    },
  });
  endpoint.route({
    method: "GET",
    path: `/artifacts/${digestHex(digest)}`,
    replay: "again",
    answer: (_request, reply) => {
      reply.etag = Uint8Array.of(1);
      reply.payload = image;
    },
  });
}
