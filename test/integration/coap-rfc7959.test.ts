import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockExponent, blockNumber, blockOption, hasMoreBlocks } from "../../coap/blockwise/block-option.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { Fault } from "../../kernel/fault.ts";
import {
  decodePlain,
  encodePlain,
  type PlainMessage,
  RawPeer,
  type SeenMessage,
  serverAddress,
  World,
} from "./coap-harness.ts";
import { HandRequests } from "./hand-requests.ts";

const { block1, block2 } = OptionNumber;
const group = "224.0.1.187";
const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
const handAt = { address: "10.0.0.77", port: 5_683 } as const;
const pattern = (size: number, shift = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + shift) % 251);

let world: World;
let stored: Uint8Array[] = [];
const { message } = new HandRequests();
let version = 0;

async function build(options: ConstructorParameters<typeof World>[0] = {}): Promise<void> {
  world = new World(options);
  stored = [];
  version = 0;
  const { server } = world;
  for (const method of ["PUT", "POST"] as const) {
    server.route({
      method,
      path: "/store",
      replay: "again",
      maxBody: 20_000,
      answer(request, reply) {
        stored.push(request.payload.slice());
        if (method === "POST") reply.payload = request.payload.slice();
      },
    });
  }
  server.route({
    method: "GET",
    path: "/large",
    replay: "again",
    observable: true,
    attributes: { rt: "x".repeat(300) },
    answer(_request, reply) {
      reply.contentFormat = 42;
      reply.payload = pattern(5_000, version);
    },
  });
  await world.start();
}
beforeEach(() => build());
afterEach(() => world.stop());

async function ask(peer: RawPeer, what: PlainMessage): Promise<SeenMessage> {
  peer.send(what);
  await world.clock.advance(20);
  return peer.take().at(-1)!;
}
const put = (value: number, payload: Uint8Array, more: [number, number][] = []): PlainMessage =>
  message(Code.put, "store", [[block1, value], ...more], { payload });
const get = (value: number): PlainMessage => message(Code.get, "large", [[block2, value]]);

describe("RFC 7959: a server", () => {
  it("RFC 7959 2.1, 4: takes Block options once in a message and as critical, Size options once and as elective", async () => {
    const peer = world.rawPeer();
    for (const number of [block1, block2]) {
      const twice = message(
        Code.put,
        "store",
        [
          [number, 0],
          [number, 16],
        ],
        { payload: pattern(16) },
      );
      expect(await ask(peer, twice)).toMatchObject({ code: Code.badOption });
      const long = message(Code.put, "store", [[number, new Uint8Array(4)]], { payload: pattern(16) });
      expect(await ask(peer, long)).toMatchObject({ code: Code.badOption });
    }
    const sizes = message(
      Code.put,
      "store",
      [
        [block1, blockOption(0, true, 0)],
        [OptionNumber.size1, 40],
        [OptionNumber.size1, 0xffff_ffff],
        [OptionNumber.size2, 0],
        [OptionNumber.size2, 7],
      ],
      { payload: pattern(16) },
    );
    expect(await ask(peer, sizes)).toMatchObject({ code: Code.continue });
  });

  it("RFC 7959 2.2, 2.4: answers the reserved block size with 4.00, and ignores M where a block is asked for", async () => {
    const peer = world.rawPeer();
    expect(await ask(peer, put(blockOption(0, true, 7), pattern(16)))).toMatchObject({ code: Code.badRequest });
    expect(await ask(peer, get(blockOption(0, false, 7)))).toMatchObject({ code: Code.badRequest });
    const without = await ask(peer, get(blockOption(1, false, 2)));
    const withMore = await ask(peer, get(blockOption(1, true, 2)));
    expect([withMore.payload, withMore.uint(block2)]).toEqual([without.payload, without.uint(block2)]);
  });

  it("RFC 7959 2.3: never puts Block2 into an answer that says that more of the request is to come", async () => {
    const peer = world.rawPeer();
    const both = (number: number, more: boolean): PlainMessage =>
      message(
        Code.post,
        "store",
        [
          [block2, 0],
          [block1, blockOption(number, more, 0)],
        ],
        { payload: pattern(16) },
      );
    const first = await ask(peer, both(0, true));
    expect([first.code, first.uint(block1), first.uint(block2)]).toEqual([Code.continue, blockOption(0, true, 0), -1]);
    const last = await ask(peer, both(1, false));
    expect([last.code, last.uint(block1), last.uint(block2)]).toEqual([
      Code.changed,
      blockOption(1, false, 0),
      blockOption(0, true, 0),
    ]);
  });

  it("RFC 7959 2.3: assembles no blocks whose Content-Formats differ", async () => {
    const peer = world.rawPeer();
    const format = (value: number): [number, number][] => [[OptionNumber.contentFormat, value]];
    await ask(peer, put(blockOption(0, true, 0), pattern(16), format(50)));
    const other = await ask(peer, put(blockOption(1, false, 0), pattern(3), format(60)));
    const none = await ask(peer, put(blockOption(1, false, 0), pattern(3)));
    expect([other.code, none.code]).toEqual([Code.requestEntityIncomplete, Code.requestEntityIncomplete]);
    expect(await ask(peer, put(blockOption(1, false, 0), pattern(3), format(50)))).toMatchObject({
      code: Code.changed,
    });
    expect(stored).toHaveLength(1);
  });

  it("RFC 7959 2.4: uses the block size asked for or a smaller one, the same one for all blocks of a body", async () => {
    await world.stop();
    await build({ limits: { blockSize: 256 } });
    const peer = world.rawPeer();
    for (const asked of [0, 2, 4, 6]) {
      const size = Math.min(asked, 4);
      const sizes = new Set<number>();
      let at = 0;
      for (let more = true; more; at++) {
        const seen = await ask(peer, get(blockOption(at, false, at === 0 ? asked : size)));
        sizes.add(blockExponent(seen.uint(block2)));
        more = hasMoreBlocks(seen.uint(block2));
        expect(seen.payload.length === 0).toBe(false);
      }
      expect([...sizes]).toEqual([size]);
      expect(at).toBe(Math.ceil(5_000 / (16 << size)));
    }
  });

  it("RFC 7959 2.4, 2.6; RFC 9175 3.8: names the version by one ETag in every block, with a kept body and without", async () => {
    for (const limits of [{}, { transfers: 1, transferBytes: 1_024 }]) {
      await world.stop();
      await build({ limits });
      const peer = world.rawPeer();
      const tags = new Set<string>();
      for (let at = 0; at < 5; at++)
        tags.add(String((await ask(peer, get(blockOption(at, false, 6)))).option(OptionNumber.eTag)));
      expect(tags.size).toBe(1);
      expect([...tags][0]).not.toBe("undefined");
      version = 1;
      const other = await ask(world.rawPeer(), get(blockOption(0, false, 6)));
      expect(tags.has(String(other.option(OptionNumber.eTag)))).toBe(false);
    }
  });

  it("RFC 7959 2.5: answers the last block with 4.08 when an earlier one isn't there", async () => {
    const peer = world.rawPeer();
    expect(await ask(peer, put(blockOption(2, false, 0), pattern(3)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    await ask(peer, put(blockOption(0, true, 0), pattern(16)));
    expect(await ask(peer, put(blockOption(2, true, 0), pattern(16)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(await ask(peer, put(blockOption(2, false, 0), pattern(3)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(stored).toEqual([]);
  });

  it("RFC 7959 2.5: begins anew when the client does, and keeps what it had when only a copy of a block comes", async () => {
    const peer = world.rawPeer();
    await ask(peer, put(blockOption(0, true, 0), pattern(16, 1)));
    await ask(peer, put(blockOption(1, true, 0), pattern(16, 1)));
    await ask(peer, put(blockOption(0, true, 0), pattern(16, 9)));
    await ask(peer, put(blockOption(1, false, 0), pattern(2, 9)));
    expect(stored).toEqual([Uint8Array.from([...pattern(16, 9), ...pattern(2, 9)])]);
    stored = [];
    // The copy of a block under another message ID: taken once, and one of other bytes in its place not at all.
    await ask(peer, put(blockOption(0, true, 0), pattern(16, 1)));
    for (const shift of [2, 2]) {
      expect(await ask(peer, put(blockOption(1, true, 0), pattern(16, shift)))).toMatchObject({ code: Code.continue });
    }
    expect(await ask(peer, put(blockOption(1, true, 0), pattern(16, 7)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(await ask(peer, put(blockOption(2, false, 0), pattern(5, 3)))).toMatchObject({ code: Code.changed });
    expect(stored).toEqual([Uint8Array.from([...pattern(16, 1), ...pattern(16, 2), ...pattern(5, 3)])]);
  });

  it("RFC 7959 2.6: takes the block size of a registration for all its notifications", async () => {
    const peer = world.rawPeer();
    const register = message(Code.get, "large", [
      [OptionNumber.observe, 0],
      [block2, blockOption(0, false, 2)],
    ]);
    expect((await ask(peer, register)).uint(block2)).toBe(blockOption(0, true, 2));
    version++;
    world.server.notify("/large");
    await world.clock.advance(20);
    const [seen] = peer.take();
    expect([seen!.uint(block2), seen!.payload.length > 0]).toEqual([blockOption(0, true, 2), true]);
    expect(seen!.option(OptionNumber.eTag)).toHaveLength(8);
  });

  it("RFC 7959 2.9.3; RFC 7252 5.9.2.9: says in 4.13 how much it would take", async () => {
    const peer = world.rawPeer();
    const seen = await ask(peer, put(blockOption(30, true, 6), pattern(1_024)));
    expect([seen.code, seen.uint(OptionNumber.size1)]).toEqual([Code.requestEntityTooLarge, 20_000]);
  });

  it("RFC 7959 7: takes no block of a protected body from who isn't its owner, even from the same address", async () => {
    const other = world.rawPeer("10.0.1.200", 50_000);
    const peer = world.rawPeer("10.0.1.200", 50_001);
    await ask(peer, put(blockOption(0, true, 0), pattern(16, 1)));
    expect(await ask(other, put(blockOption(1, false, 0), pattern(3)))).toMatchObject({
      code: Code.requestEntityIncomplete,
    });
    expect(stored).toEqual([]);
  });

  it("RFC 7959 7: asks the route whether the peer may, before it keeps a block", async () => {
    let asked = 0;
    world.server.route({
      method: "PUT",
      path: "/mine",
      replay: "again",
      allows(request) {
        asked++;
        return request.peer.address === "10.0.1.7" ? undefined : Code.forbidden;
      },
      answer(request) {
        stored.push(request.payload.slice());
      },
    });
    const mine = (number: number, more: boolean): PlainMessage =>
      message(Code.put, "mine", [[block1, blockOption(number, more, 6)]], { payload: pattern(1_024) });
    expect(await ask(world.rawPeer("10.0.1.8"), mine(0, true))).toMatchObject({ code: Code.forbidden });
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.transferBytes": 0 });
    const owner = world.rawPeer("10.0.1.7");
    expect(await ask(owner, mine(0, true))).toMatchObject({ code: Code.continue });
    expect(await ask(owner, mine(1, false))).toMatchObject({ code: Code.changed });
    expect([asked, stored.length]).toEqual([3, 1]);
  });

  it("RFC 7959 7.1: holds a bounded number of bodies and bytes, and forgets those that stand still", async () => {
    await world.stop();
    await build({ limits: { transfers: 50, transferBytes: 102_400 } });
    const codes = new Set<number>();
    for (let i = 0; i < 200; i++) {
      codes.add((await ask(world.rawPeer(`10.3.0.${i}`), put(blockOption(0, true, 6), pattern(1_024)))).code);
      expect(world.server.counters()["held.transferBytes"]).toBeLessThanOrEqual(102_400);
    }
    expect(codes).toEqual(new Set([Code.continue, Code.serviceUnavailable]));
    await world.clock.advance(600_000);
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.transferBytes": 0 });
  });
});

/** What our client sent to the server of this world. */
function tapped(): SeenMessage[] {
  const seen: SeenMessage[] = [];
  world.network.taps.push(({ bytes, from }) => {
    if (from.address === "10.0.0.2") seen.push(decodePlain(bytes, world.clock.monotonicMs()));
  });
  return seen;
}
const outcome = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "answered",
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );

describe("RFC 7959: our client", () => {
  it("RFC 7959 2.2, 2.3, 2.4, 2.5, 4, 7.1: asks for blocks with M zero, in the size that the server chose, one after the other at once", async () => {
    await world.stop();
    await build({ limits: { blockSize: 128 } });
    const sent = tapped();
    expect((await world.get("large", { blockSize: 512 })).payload).toEqual(pattern(5_000));
    const values = sent.map((each) => each.uint(block2));
    expect(values[0]).toBe(blockOption(0, false, 5));
    expect(values.slice(1)).toEqual(Array.from({ length: 39 }, (_, i) => blockOption(i + 1, false, 3)));
    const gaps = sent.map(({ atMs }, i) => (i === 0 ? 0 : atMs - sent[i - 1]!.atMs));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(5);
    expect(sent.every((each) => each.option(OptionNumber.size2) === undefined)).toBe(true);
  });

  it("RFC 7959 2.3, 2.5, 3.2: goes on uploading in the smaller size that the server names, with its number counted in it", async () => {
    await world.stop();
    await build({ limits: { blockSize: 64 } });
    const sent = tapped();
    await world.get("store", { method: "PUT", payload: pattern(2_500), blockSize: 256 });
    expect(stored).toEqual([pattern(2_500)]);
    expect(sent[0]!.uint(block1)).toBe(blockOption(0, true, 4));
    expect(sent.slice(1).map((each) => blockExponent(each.uint(block1)))).toEqual(sent.slice(1).map(() => 2));
    expect(sent.slice(1).map((each) => blockNumber(each.uint(block1)))).toEqual(
      Array.from({ length: sent.length - 1 }, (_, i) => i + 4),
    );
  });

  it("RFC 7959 2.3, 2.5: sends blocks from zero in order, each full but the last, with one Content-Format", async () => {
    const sent = tapped();
    await world.get("store", { method: "PUT", payload: pattern(2_500), contentFormat: 42 });
    expect(sent.map((each) => each.uint(block1))).toEqual([
      blockOption(0, true, 6),
      blockOption(1, true, 6),
      blockOption(2, false, 6),
    ]);
    expect(sent.map((each) => Buffer.from(each.payload).length > 0)).toEqual([true, true, true]);
    expect(sent.map((each) => each.uint(OptionNumber.contentFormat))).toEqual([42, 42, 42]);
  });

  it("RFC 7959 2.7: fetches the answer of an upload block by block in order, without Block1", async () => {
    const sent = tapped();
    const response = await world.get("store", { method: "POST", payload: pattern(3_000) });
    expect(response.payload).toEqual(pattern(3_000));
    const down = sent.filter((each) => each.uint(block2) >= 0);
    expect(down.map((each) => blockNumber(each.uint(block2)))).toEqual([1, 2]);
    expect(down.every((each) => each.uint(block1) < 0)).toBe(true);
  });

  it("RFC 7959 2.10: puts If-None-Match on the first block only", async () => {
    world.server.route({ method: "PUT", path: "/new", replay: "again", etagOf: () => undefined, answer() {} });
    const sent = tapped();
    const options = [{ number: OptionNumber.ifNoneMatch, value: new Uint8Array(0) }];
    expect((await world.get("new", { method: "PUT", payload: pattern(3_000), options })).code).toBe(Code.changed);
    expect(sent.map((each) => each.option(OptionNumber.ifNoneMatch) !== undefined)).toEqual([true, false, false]);
  });

  it("RFC 7959 2.8: fetches the rest of a group's answer by unicast in the block size of that answer", async () => {
    await world.stop();
    await build({ groups: [group], limits: { blockSize: 64, leisureMs: 100 } });
    const sent = tapped();
    const heard: number[] = [];
    await world.run(
      world.client.discover({ group, port: 5_683, query: "", waitMs: 500 }, ({ payload }) =>
        heard.push(payload.length),
      ),
    );
    expect(heard).toHaveLength(1);
    expect(heard[0]).toBeGreaterThan(300);
    const asked = sent.filter((each) => each.uint(block2) >= 0).map((each) => blockExponent(each.uint(block2)));
    expect(new Set(asked)).toEqual(new Set([2]));
  });

  it("RFC 7959 2.3, 2.4, 4: gives up on a short block, on another version, and on a body without end; Size2 may be missing or wrong", async () => {
    const hand = new RawPeer(world.network.transport(handAt.address, handAt.port), world.clock);
    const serve = async (blocks: readonly [number, Uint8Array, string?, number?][]): Promise<string> => {
      const pending = outcome(world.client.request({ to: handAt, method: "GET", path: [], maxResponseBody: 100 }));
      for (const [value, payload, etag, size2] of blocks) {
        await world.clock.advance(10);
        const [asked] = hand.take();
        if (asked === undefined) break;
        const options: [number, string | number][] = etag === undefined ? [] : [[OptionNumber.eTag, etag]];
        options.push([block2, value]);
        if (size2 !== undefined) options.push([OptionNumber.size2, size2]);
        const token = Buffer.from(asked.token, "hex");
        const reply = { type: "ACK", code: Code.content, messageId: asked.messageId, token, options, payload } as const;
        hand.sendBytes(encodePlain(reply), clientAt);
      }
      return world.run(pending);
    };
    const full = pattern(16);
    expect(await serve([[blockOption(0, true, 0), pattern(15)]])).toBe("coap.bad-response");
    expect(
      await serve([
        [blockOption(0, true, 0), full, "a"],
        [blockOption(1, false, 0), full, "b"],
      ]),
    ).toBe("coap.representation-changed");
    expect(
      await serve([
        [blockOption(0, true, 0), full, "a"],
        [blockOption(1, false, 0), full],
      ]),
    ).toBe("coap.representation-changed");
    const endless = Array.from({ length: 8 }, (_, i): [number, Uint8Array] => [blockOption(i, true, 0), full]);
    expect(await serve(endless)).toBe("coap.response-too-large");
    expect(
      await serve([
        [blockOption(0, true, 0), full, "a", 17],
        [blockOption(1, false, 0), full, "a", 5],
      ]),
    ).toBe("answered");
  });

  it("RFC 7959 2.6: puts a long notification together at once, from blocks of one ETag", async () => {
    const bodies: Uint8Array[] = [];
    const listener = { notification: ({ payload }: { payload: Uint8Array }) => bodies.push(payload), ended() {} };
    world.client.observe({ to: serverAddress, path: ["large"] }, listener);
    await world.clock.advance(50);
    version = 3;
    const sent = tapped();
    world.server.notify("/large");
    await world.clock.advance(50);
    expect(bodies).toEqual([pattern(5_000), pattern(5_000, 3)]);
    expect(sent.map((each) => blockNumber(Math.max(0, each.uint(block2))))).toEqual([1, 2, 3, 4]);
    expect(sent.every((each) => each.uint(OptionNumber.observe) < 0)).toBe(true);
  });
});
