import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { BodySource } from "../../coap/route.ts";
import { Fault } from "../../kernel/fault.ts";
import { bytesOf, encodePlain, RawPeer, type SeenMessage, textOf, World, type WorldOptions } from "./coap-harness.ts";

const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);
const pattern = (size: number, shift = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + (i >> 8) + shift) % 256);

let world: World;
let stored: Uint8Array = new Uint8Array(0);
let version = 0;
let runs = 0;
let reads: [number, number][] = [];

async function build(options: WorldOptions = {}): Promise<World> {
  const built = new World(options);
  stored = new Uint8Array(0);
  version = 0;
  runs = 0;
  reads = [];
  const { server } = built;
  server.route({
    method: "GET",
    path: "/large/:size",
    replay: "again",
    answer(request, reply) {
      runs++;
      reply.payload = pattern(Number(request.params["size"]), version);
    },
  });
  server.route({
    method: "PUT",
    path: "/store",
    replay: "again",
    maxBody: 20_000,
    answer(request) {
      runs++;
      stored = request.payload.slice();
    },
  });
  server.route({
    method: "POST",
    path: "/upper",
    replay: "once",
    answer(request, reply) {
      runs++;
      reply.payload = bytesOf(textOf(request.payload).toUpperCase());
    },
  });
  server.route({
    method: "POST",
    path: "/echo-later",
    replay: "once",
    async later(request) {
      await new Promise<void>((resolve) => built.clock.after(400, resolve));
      return { payload: request.payload };
    },
  });
  const source = (isAsync: boolean): BodySource => ({
    size: 5_000,
    etag: bytesOf(`tag${version}`),
    read(offset, length) {
      reads.push([offset, length]);
      const bytes = pattern(5_000, version).subarray(offset, offset + length);
      return isAsync ? new Promise((resolve) => built.clock.after(10, () => resolve(bytes))) : bytes;
    },
  });
  for (const name of ["sync", "async"]) {
    server.route({
      method: "GET",
      path: `/artifact/${name}`,
      replay: "again",
      answer(_request, reply) {
        reply.contentFormat = 42;
        reply.body = source(name === "async");
      },
    });
  }
  return built.start();
}

beforeEach(async () => {
  world = await build();
});
afterEach(() => world.stop());

async function roundTrip(peer: RawPeer, message: Parameters<RawPeer["send"]>[0]): Promise<SeenMessage> {
  peer.send(message);
  await world.clock.advance(300);
  return peer.take()[0]!;
}
const faultOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no fault",
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );
let nextId = 100;
const get = (
  segments: string[],
  block2: number,
  more: [number, Uint8Array | string | number][] = [],
): Parameters<RawPeer["send"]>[0] => ({
  type: "CON",
  code: Code.get,
  messageId: nextId++,
  options: [...path(...segments), [OptionNumber.block2, block2], ...more],
});
const put = (block1: number, payload: Uint8Array, more: [number, number][] = []): Parameters<RawPeer["send"]>[0] => ({
  type: "CON",
  code: Code.put,
  messageId: nextId++,
  options: [...path("store"), [OptionNumber.block1, block1], ...more],
  payload,
});

describe("a body that was cut wrongly", () => {
  it("is 4.08 when a block from the middle of nothing comes, or one is left out", async () => {
    const peer = world.rawPeer();
    expect(await roundTrip(peer, put(blockOption(3, true, 0), pattern(16)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16)));
    expect(await roundTrip(peer, put(blockOption(2, true, 0), pattern(16)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(await roundTrip(peer, put(blockOption(2, false, 0), pattern(4)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(runs).toBe(0);
  });

  it("is 4.00 when more is said to come but the block is short, when it is too long, or of the reserved size", async () => {
    const peer = world.rawPeer();
    expect(await roundTrip(peer, put(blockOption(0, true, 1), pattern(16)))).toMatchObject({ code: Code.badRequest });
    expect(await roundTrip(peer, put(blockOption(0, false, 0), pattern(17)))).toMatchObject({ code: Code.badRequest });
    expect(await roundTrip(peer, put(blockOption(0, true, 7), pattern(16)))).toMatchObject({ code: Code.badRequest });
    expect(await roundTrip(peer, get(["large", "100"], blockOption(0, false, 7)))).toMatchObject({
      code: Code.badRequest,
    });
    expect(runs).toBe(0);
  });

  it("is 4.13 with Size1 when it is larger than the route takes, at the block that goes over or at the promise", async () => {
    const peer = world.rawPeer();
    const promised = await roundTrip(
      peer,
      put(blockOption(0, true, 0), pattern(16), [[OptionNumber.size1, 4_000_000_000]]),
    );
    expect(promised.code).toBe(Code.requestEntityTooLarge);
    expect(promised.uint(OptionNumber.size1)).toBe(20_000);
    const huge = await roundTrip(peer, put(blockOption(0xfffff, true, 6), pattern(1_024)));
    expect(huge.code).toBe(Code.requestEntityTooLarge);
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.transferBytes": 0 });
    const whole = await world.get("store", { method: "PUT", payload: pattern(30_000) });
    expect(whole.code).toBe(Code.requestEntityTooLarge);
    expect(runs).toBe(0);
  });

  it("in blocks of two peers is never mixed", async () => {
    const [a, b] = [world.rawPeer(), world.rawPeer()];
    await roundTrip(a, put(blockOption(0, true, 0), pattern(16, 1)));
    await roundTrip(b, put(blockOption(0, true, 0), pattern(16, 2)));
    expect(await roundTrip(a, put(blockOption(1, false, 0), pattern(3, 9)))).toMatchObject({ code: Code.changed });
    expect(stored).toEqual(Uint8Array.from([...pattern(16, 1), ...pattern(3, 9)]));
  });

  it("in blocks of two bodies of one peer is kept apart by Request-Tag", async () => {
    const peer = world.rawPeer();
    const tag = (value: number): [number, number][] => [[OptionNumber.requestTag, value]];
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16, 1), tag(1)));
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16, 2), tag(2)));
    await roundTrip(peer, put(blockOption(1, false, 0), pattern(1, 1), tag(1)));
    expect(stored.subarray(0, 16)).toEqual(pattern(16, 1));
  });
});

describe("an upload", () => {
  it("is answered 2.31 for each block, then once by the route; a repeat of the last block is not run again", async () => {
    const peer = world.rawPeer();
    const first = await roundTrip(peer, put(blockOption(0, true, 0), pattern(16)));
    expect([first.code, first.uint(OptionNumber.block1)]).toEqual([Code.continue, blockOption(0, true, 0)]);
    expect(await roundTrip(peer, put(blockOption(0, true, 0), pattern(16)))).toMatchObject({ code: Code.continue });
    const last = put(blockOption(1, false, 0), pattern(5, 3));
    const answers = [await roundTrip(peer, last), await roundTrip(peer, last)];
    for (const answer of answers) {
      expect([answer.code, answer.uint(OptionNumber.block1)]).toEqual([Code.changed, blockOption(1, false, 0)]);
    }
    expect(runs).toBe(1);
    expect(stored).toHaveLength(21);
  });

  it("starts over when block 0 comes again with other bytes", async () => {
    const peer = world.rawPeer();
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16, 1)));
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16, 5)));
    await roundTrip(peer, put(blockOption(1, false, 0), pattern(1)));
    expect(stored.subarray(0, 16)).toEqual(pattern(16, 5));
  });

  it("doesn't start over when a copy of its first message comes late", async () => {
    const peer = world.rawPeer();
    const first = put(blockOption(0, true, 0), pattern(16, 1));
    await roundTrip(peer, first);
    await roundTrip(peer, put(blockOption(1, true, 0), pattern(16, 2)));
    expect(await roundTrip(peer, first)).toMatchObject({ code: Code.continue });
    expect(await roundTrip(peer, put(blockOption(2, false, 0), pattern(1)))).toMatchObject({ code: Code.changed });
    expect(stored).toHaveLength(33);
  });

  it("takes a Block1 option of zero length: block 0, nothing more, 16 bytes", async () => {
    const peer = world.rawPeer();
    expect(await roundTrip(peer, put(0, pattern(16)))).toMatchObject({ code: Code.changed });
    expect(stored).toEqual(pattern(16));
  });

  it("follows a server that wants smaller blocks", async () => {
    await world.stop();
    world = await build({ limits: { blockSize: 64 } });
    const response = await world.get("store", { method: "PUT", payload: pattern(3_000) });
    expect(response.code).toBe(Code.changed);
    expect(stored).toEqual(pattern(3_000));
  });

  it("and the answer may both be in blocks, also when the route takes its time", async () => {
    const text = "the quick brown fox ".repeat(200);
    for (const name of ["upper", "echo-later"]) {
      const response = await world.get(name, { method: "POST", payload: bytesOf(text), blockSize: 256 });
      expect(textOf(response.payload)).toBe(name === "upper" ? text.toUpperCase() : text);
    }
    expect(runs).toBe(1);
  });

  it("that stands still is forgotten", async () => {
    const peer = world.rawPeer();
    await roundTrip(peer, put(blockOption(0, true, 0), pattern(16)));
    expect(world.server.counters()["held.transfers"]).toBe(1);
    await world.clock.advance(600_000);
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.transferBytes": 0, "held.peers": 0 });
    expect(await roundTrip(peer, put(blockOption(1, false, 0), pattern(1)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
  });
});

describe("quotas of transfers", () => {
  it("answer 4.29 over a peer's share and 5.03 when all bytes are taken, with Max-Age, while those under way go on", async () => {
    await world.stop();
    world = await build({ limits: { transfersPerPeer: 2, transferBytes: 6_144 } });
    const [a, b, c] = [world.rawPeer(), world.rawPeer(), world.rawPeer()];
    const begin = (peer: RawPeer, tag: number, number = 0) =>
      roundTrip(peer, put(blockOption(number, true, 6), pattern(1_024), [[OptionNumber.requestTag, tag]]));
    for (const tag of [1, 2]) expect(await begin(a, tag)).toMatchObject({ code: Code.continue });
    const overQuota = await begin(a, 3);
    expect(overQuota.code).toBe(Code.tooManyRequests);
    expect(overQuota.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
    expect(await begin(b, 1)).toMatchObject({ code: Code.continue });
    const full = await begin(c, 1);
    expect(full.code).toBe(Code.serviceUnavailable);
    expect(full.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
    for (const tag of [1, 2]) expect(await begin(a, tag, 1)).toMatchObject({ code: Code.continue });
    expect(world.server.counters()).toMatchObject({ overQuota: 1, overLimit: 1, "held.transfers": 3 });
  });
});

describe("a download", () => {
  it("uses the block size that is asked for, tells Size2, and names one ETag for all blocks", async () => {
    const peer = world.rawPeer();
    const first = await roundTrip(peer, get(["large", "1280"], blockOption(0, false, 2)));
    expect(first.uint(OptionNumber.block2)).toBe(blockOption(0, true, 2));
    expect(first.uint(OptionNumber.size2)).toBe(1_280);
    const last = await roundTrip(peer, get(["large", "1280"], blockOption(19, false, 2)));
    expect(last.uint(OptionNumber.block2)).toBe(blockOption(19, false, 2));
    expect(last.option(OptionNumber.eTag)).toEqual(first.option(OptionNumber.eTag));
    expect(runs).toBe(1);
    const beyond = await roundTrip(peer, get(["large", "1280"], blockOption(20, false, 2)));
    expect(beyond.code).toBe(Code.badRequest);
  });

  it("keeps the version it began with, whatever the route says meanwhile", async () => {
    const peer = world.rawPeer();
    await roundTrip(peer, get(["large", "100"], blockOption(0, false, 2)));
    version = 1;
    const second = await roundTrip(peer, get(["large", "100"], blockOption(1, false, 2)));
    expect(second.payload).toBe(textOf(pattern(100).subarray(64)));
  });

  it("may begin anywhere: nothing was kept, the route runs", async () => {
    const peer = world.rawPeer();
    const middle = await roundTrip(peer, get(["large", "5000"], blockOption(3, false, 6)));
    expect(middle.uint(OptionNumber.block2)).toBe(blockOption(3, true, 6));
    expect(middle.payload).toBe(textOf(pattern(5_000).subarray(3_072, 4_096)));
  });

  it("of a `once` route never runs it for a further block", async () => {
    const peer = world.rawPeer();
    const later = {
      type: "CON",
      code: Code.post,
      messageId: 1,
      options: [...path("upper"), [OptionNumber.block2, blockOption(2, false, 2)]],
    } as const;
    expect(await roundTrip(peer, later as Parameters<RawPeer["send"]>[0])).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(runs).toBe(0);
  });

  it("is refused by the client when its version changes on the way", async () => {
    const pending = faultOf(
      world.client.request({ to: { address: "10.0.0.1", port: 5683 }, method: "GET", path: ["artifact", "sync"] }),
    );
    world.clock.after(5, () => {
      version++;
    });
    expect(await world.run(pending)).toBe("coap.representation-changed");
  });

  it("is refused by the client when it grows beyond its limit, promised or real", async () => {
    const request = {
      to: { address: "10.0.0.1", port: 5683 },
      method: "GET",
      path: ["large", "5000"],
      maxResponseBody: 4_000,
    } as const;
    expect(await world.run(faultOf(world.client.request(request)))).toBe("coap.response-too-large");
  });

  it("is refused by the client when a block is short or another one than asked for", async () => {
    const hand = new RawPeer(world.network.transport("10.0.0.77", 5683), world.clock);
    const clientAt = (await import("../../coap/transport/remote-address.ts")).RemoteAddress.from("10.0.0.2", 40_000);
    for (const [block2, size] of [
      [blockOption(0, true, 0), 8],
      [blockOption(1, true, 0), 16],
      [blockOption(0, false, 7), 16],
    ] as const) {
      const pending = faultOf(
        world.client.request({ to: { address: "10.0.0.77", port: 5683 }, method: "GET", path: [] }),
      );
      await world.clock.advance(10);
      const [request] = hand.take();
      const token = Buffer.from(request!.token, "hex");
      hand.sendBytes(
        encodePlain({
          type: "ACK",
          code: Code.content,
          messageId: request!.messageId,
          token,
          options: [[OptionNumber.block2, block2]],
          payload: pattern(size),
        }),
        clientAt,
      );
      expect(await world.run(pending)).toBe("coap.bad-response");
    }
  });
});

describe("a body source", () => {
  it("gives any block at any time, by synchronous or asynchronous reads of just that block", async () => {
    const peer = world.rawPeer();
    for (const name of ["sync", "async"]) {
      reads = [];
      const block = await roundTrip(peer, get(["artifact", name], blockOption(2, false, 5)));
      expect(block.uint(OptionNumber.block2)).toBe(blockOption(2, true, 5));
      expect(block.payload).toBe(textOf(pattern(5_000).subarray(1_024, 1_536)));
      expect(textOf(block.option(OptionNumber.eTag)!)).toBe("tag0");
      expect(reads).toEqual([[1_024, 512]]);
      const whole = await world.get(`artifact/${name}`, { blockSize: 512 });
      expect(whole.payload).toEqual(pattern(5_000));
      expect(whole.contentFormat).toBe(42);
    }
    expect(world.server.counters()["held.transfers"]).toBe(0);
  });

  it("is 2.03 for its ETag without being read", async () => {
    const response = await world.get("artifact/async", {
      options: [{ number: OptionNumber.eTag, value: bytesOf("tag0") }],
    });
    expect([response.code, reads.length]).toEqual([Code.valid, 0]);
  });

  it("over 2^20 blocks of the asked size is 4.13 with Size2", async () => {
    const size = 20_000_000;
    world.server.route({
      method: "GET",
      path: "/huge",
      replay: "again",
      answer(_request, reply) {
        reply.body = { size, etag: bytesOf("h"), read: (_offset, length) => new Uint8Array(length) };
      },
    });
    const peer = world.rawPeer();
    const refused = await roundTrip(peer, get(["huge"], blockOption(0, false, 0)));
    expect([refused.code, refused.uint(OptionNumber.size2)]).toEqual([Code.requestEntityTooLarge, size]);
    expect(await roundTrip(peer, get(["huge"], blockOption(9_000, false, 6)))).toMatchObject({ code: Code.content });
  });

  it("that can't be read is 5.00", async () => {
    const failing = (read: () => never): void => {
      world.server.route({
        method: "GET",
        path: `/broken${runs++}`,
        replay: "again",
        answer(_request, reply) {
          reply.body = { size: 100, etag: bytesOf("x"), read };
        },
      });
    };
    failing(() => {
      throw new Error("disk");
    });
    failing((() => Promise.reject(new Error("disk"))) as unknown as () => never);
    expect((await world.get("broken0")).code).toBe(Code.internalServerError);
    expect((await world.get("broken1")).code).toBe(Code.internalServerError);
  });
});

describe("on a network that loses, doubles and reorders", () => {
  it("every body arrives whole in both directions, and a `once` handler runs once", async () => {
    await world.stop();
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.integer({ min: 1, max: 1_000_000 }),
          size: fc.integer({ min: 0, max: 3_000 }),
          blockSize: fc.constantFrom(32, 64, 256, 1_024),
          serverBlockSize: fc.constantFrom(64, 512, 1_024),
        }),
        async ({ seed, size, blockSize, serverBlockSize }) => {
          world = await build({
            seed,
            loss: 0.05,
            duplication: 0.1,
            reordering: 0.1,
            limits: { blockSize: serverBlockSize },
            clientLimits: { maxRetransmit: 6 },
          });
          const text = "abcdefghijklmnopqrstuvwxyz0123456789".repeat(100).slice(0, size);
          const response = await world.get("upper", { method: "POST", payload: bytesOf(text), blockSize });
          expect(textOf(response.payload)).toBe(text.toUpperCase());
          expect(runs).toBe(1);
          await world.clock.advance(700_000);
          expect(world.server.counters()).toMatchObject({
            "held.transfers": 0,
            "held.peers": 0,
            "held.onceExchanges": 0,
          });
          await world.stop();
        },
      ),
      { numRuns: 40 },
    );
    world = await build();
  });
});
