import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { OptionNumber } from "../../coap/message.ts";
import { encodePlain, type PlainMessage, World } from "./coap-harness.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const { block1, block2, qBlock1, qBlock2, size1, size2, requestTag, observe, uriPath, uriQuery, oscore } = OptionNumber;
const get = 1;
const post = 2;
const put = 3;
const fetch = 5;
const mostBlocks = 0xfffff;
const block = "x".repeat(16);
let world: World;
let runs = 0;

beforeEach(async () => {
  runs = 0;
  world = new World({ qBlock: "proven", amplification: "none" });
  for (const method of ["GET", "PUT", "POST", "FETCH"] as const) {
    world.server.route({
      method,
      path: "/a",
      replay: method === "POST" ? "once" : "again",
      ...(method === "GET" || method === "FETCH" ? { observable: true } : {}),
      maxBody: 1_000_000,
      answer() {
        runs++;
      },
    });
  }
  await world.start();
});
afterEach(() => world.stop());

type Options = [number, string | number | Uint8Array][];

/** Each says that it is far larger than it is. */
const hostile: readonly (readonly [string, number, (i: number) => Options, string])[] = [
  [
    "a first block of a body of 4 GiB",
    put,
    () => [
      [block1, blockOption(0, true, 0)],
      [size1, 0xffffffff],
    ],
    block,
  ],
  [
    "the last possible block, and more to come",
    put,
    (i) => [
      [block1, blockOption(mostBlocks, true, 0)],
      [requestTag, i + 1],
    ],
    block,
  ],
  [
    "a first block of many bodies",
    post,
    (i) => [
      [block1, blockOption(0, true, 0)],
      [requestTag, i + 1],
    ],
    block,
  ],
  ["a block of an answer that is nowhere near", get, () => [[block2, blockOption(mostBlocks, false, 6)]], ""],
  [
    "a set's first block of the largest body",
    put,
    (i) => [
      [qBlock1, blockOption(0, true, 0)],
      [size1, 1_000_000],
      [requestTag, i + 1],
    ],
    block,
  ],
  [
    "a set's last block of the largest body",
    put,
    (i) => [
      [qBlock1, blockOption(62_498, true, 0)],
      [size1, 1_000_000],
      [requestTag, i + 1],
    ],
    block,
  ],
  [
    "blocks of an answer that are nowhere near",
    get,
    () => [12, 11, 10].map((n) => [qBlock2, blockOption(mostBlocks - n, true, 0)]),
    "",
  ],
  ["an answer's size", get, () => [[size2, 0xffffffff]], ""],
  [
    "an observation in blocks",
    fetch,
    (i) => [
      [observe, 0],
      [block1, blockOption(0, true, 0)],
      [requestTag, i + 1],
    ],
    block,
  ],
  ["many empty parts", get, () => Array.from({ length: 20 }, (): [number, string] => [uriQuery, ""]), ""],
  ["a protected message of nobody", post, (i) => [[oscore, Uint8Array.of(0x1d, 1, 2, 3, 4, i, 1, 2, 3)]], block],
];

/** Bytes in use once nothing more can be collected. */
function inUse(): number {
  collect();
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe("whatever a datagram promises", () => {
  it.each(hostile)("it costs what it is: %s", async (_name, code, options, payload) => {
    const count = 600;
    const peers = Array.from({ length: 40 }, (_, i) => world.rawPeer(`10.0.2.${i + 1}`));
    const datagrams = Array.from({ length: count }, (_, i) => {
      const sorted = [[uriPath, "a"] as Options[number], ...options(i)].sort(([a], [b]) => a - b);
      const message: PlainMessage = {
        type: "NON",
        code,
        messageId: i,
        token: Uint8Array.of(i >> 8, i),
        options: sorted,
      };
      return encodePlain({ ...message, payload });
    });
    const bytes = datagrams.reduce((sum, each) => sum + each.length, 0);
    const send = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) peers[i % peers.length]!.sendBytes(datagrams[i]!);
      await world.clock.advance(20);
      for (const peer of peers) peer.take();
    };
    // Code is compiled and tables have their first rows.
    await send(0, 100);
    const before = inUse();
    await send(100, count);
    expect(inUse() - before).toBeLessThan(bytes * 40 + 300_000);
    const counters = world.server.counters();
    expect(counters["handlerFailed"]).toBe(0);
    expect(counters["held.transferBytes"]! + counters["held.qBlockBytes"]!).toBeLessThanOrEqual(bytes * 8);
    if (payload === block) expect(runs).toBe(0);
  });
});
