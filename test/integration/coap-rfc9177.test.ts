import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockNumber, blockOption, hasMoreBlocks } from "../../coap/blockwise/block-option.ts";
import { decodeMissingBlocks, missingBlocksFormat } from "../../coap/blockwise/missing-blocks.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import {
  bytesOf,
  encodePlain,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  textOf,
  World,
} from "./coap-harness.ts";
import { type HandOptions, HandRequests } from "./hand-requests.ts";

const { qBlock1, qBlock2, requestTag, size1 } = OptionNumber;
const size = 16;
let world: World;
let stored: string[] = [];
let text = "";
const requests = new HandRequests("NON");
let peer: RawPeer;

beforeEach(async () => {
  world = new World({ qBlock: "proven", delayMs: [2, 2] });
  stored = [];
  text = "abcdefghijklmnop".repeat(25);
  world.server.route({
    method: "PUT",
    path: "/q",
    replay: "again",
    answer(request) {
      stored.push(textOf(request.payload));
    },
  });
  world.server.route({
    method: "GET",
    path: "/q",
    replay: "again",
    observable: true,
    answer(_request, reply) {
      reply.payload = bytesOf(text);
    },
  });
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const message = (code: number, more: HandOptions, rest: Partial<PlainMessage> = {}): PlainMessage =>
  requests.message(code, "q", more, rest);
const upload = (number: number, total: number, rest: Partial<PlainMessage> = {}): PlainMessage =>
  message(
    Code.put,
    [
      [qBlock1, blockOption(number, number + 1 < total, 0)],
      [requestTag, 7],
      [size1, total * size],
    ],
    { token: Uint8Array.of(number), payload: String.fromCharCode(65 + number).repeat(size), ...rest },
  );
async function send(...messages: PlainMessage[]): Promise<SeenMessage[]> {
  for (const each of messages) {
    peer.send(each);
    await world.clock.advance(5);
  }
  return peer.take();
}
const missing = (seen: SeenMessage): number[] | undefined => decodeMissingBlocks(bytesOf(seen.payload));
const ask = (...values: number[]): PlainMessage =>
  message(
    Code.get,
    values.map((value): [number, number] => [qBlock2, value]),
    { token: Uint8Array.of(200 + requests.nextId) },
  );
const numbers = (seen: readonly SeenMessage[]): number[] => seen.map((each) => blockNumber(each.uint(qBlock2)));
const whole = (total: number): string =>
  Array.from({ length: total }, (_, i) => String.fromCharCode(65 + i).repeat(size)).join("");

describe("RFC 9177: a server that gets a body by Q-Block1", () => {
  it("RFC 9177 4.1, 4.3: answers 4.00 without Request-Tag or Size1, and takes no Q-Block beside Block", async () => {
    const [a] = await send(
      message(
        Code.put,
        [
          [qBlock1, 8],
          [size1, 32],
        ],
        { payload: "x".repeat(16) },
      ),
    );
    const [b] = await send(
      message(
        Code.put,
        [
          [qBlock1, 8],
          [requestTag, 1],
        ],
        { payload: "x".repeat(16) },
      ),
    );
    const mixed: HandOptions = [
      [qBlock1, 8],
      [OptionNumber.block1, 8],
      [requestTag, 1],
      [size1, 32],
    ];
    const [c] = await send(message(Code.put, mixed, { type: "CON", payload: "x".repeat(16) }));
    expect([a!.code, b!.code, c!.code]).toEqual([Code.badRequest, Code.badRequest, Code.badOption]);
  });

  it("RFC 9177 4.3, 7.2: answers whole sets with 2.31 and the body under the token of its last request", async () => {
    const seen = await send(...Array.from({ length: 12 }, (_, i) => upload(i, 12)));
    expect(seen.map(({ type, code, token }) => [type, code, token])).toEqual([
      ["NON", Code.continue, "09"],
      ["NON", Code.changed, "0b"],
    ]);
    expect(seen[0]!.uint(qBlock1)).toBe(blockOption(9, true, 0));
    expect(stored).toEqual([whole(12)]);
  });

  it("RFC 9177 4.3, 5, 7.2: names missing blocks in ascending order when a later set begins, and takes them then", async () => {
    const lost = new Set([1, 9]);
    const sent = Array.from({ length: 12 }, (_, i) => i).filter((i) => !lost.has(i));
    const seen = await send(...sent.map((i) => upload(i, 12)));
    expect(seen.map((each) => [each.code, each.uint(OptionNumber.contentFormat), missing(each)])).toEqual([
      [Code.requestEntityIncomplete, missingBlocksFormat, [1, 9]],
    ]);
    expect(await send(upload(1, 12), upload(9, 12))).toMatchObject([{ code: Code.changed, token: "09" }]);
    expect(stored).toEqual([whole(12)]);
  });

  it("RFC 9177 4.3: names the last whole set in 2.31 under one of its tokens, also when an earlier block came last", async () => {
    const late = 3;
    const sent = Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== late);
    await send(...sent.map((i) => upload(i, 25)));
    const [continued] = await send(upload(late, 25, { token: Uint8Array.of(0xee) }));
    expect([continued!.code, continued!.uint(qBlock1), continued!.token]).toEqual([
      Code.continue,
      blockOption(19, true, 0),
      "13",
    ]);
    // Again: for its own set alone, and not for each of its blocks.
    const again = await send(upload(late, 25), upload(9, 25, { token: Uint8Array.of(0xdd) }));
    expect(again).toMatchObject([{ code: Code.continue, token: "dd" }]);
    expect(again[0]!.uint(qBlock1)).toBe(blockOption(9, true, 0));
  });

  it("RFC 9177 4.3: ignores the payload of a block that came before, and answers as the first time", async () => {
    await send(upload(0, 2), upload(0, 2, { payload: "!".repeat(size) }));
    const [done] = await send(upload(1, 2));
    const [again] = await send(upload(1, 2, { token: Uint8Array.of(99) }));
    expect([done!.code, again!.code, again!.token, stored]).toEqual([Code.changed, Code.changed, "63", [whole(2)]]);
  });

  it("RFC 9177 3.2, 4.3, 7.2: asks for what is missing after 4 s, then after twice the time and by PROBING_RATE, and then forgets the body", async () => {
    await send(upload(0, 3), upload(2, 3));
    const began = world.clock.monotonicMs();
    await world.clock.advance(200_000);
    const seen = peer.take();
    expect(seen.map(missing)).toEqual([[1], [1], [1], [1]]);
    expect(seen.map(({ atMs }) => Math.round((atMs - began) / 1_000))).toEqual([4, 14, 30, 62]);
    expect(world.server.counters()).toMatchObject({ "held.qBlocks": 0, "held.qBlockBytes": 0 });
  });

  it("RFC 9177 7.2: names the blocks behind a 2.31 when none of them comes, at most a set of them", async () => {
    const seen = await send(...Array.from({ length: 10 }, (_, i) => upload(i, 25)));
    expect(seen).toMatchObject([{ code: Code.continue }]);
    await world.clock.advance(4_100);
    const [report] = peer.take();
    expect(missing(report!)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("RFC 9177 4.3: keeps a partial body for NON_PARTIAL_TIMEOUT when its blocks are confirmable", async () => {
    await send(upload(0, 2, { type: "CON" }));
    await world.clock.advance(240_000);
    const [done] = await send(upload(1, 2, { type: "CON" }));
    expect([done!.code, stored]).toEqual([Code.changed, [whole(2)]]);
    await send(
      upload(0, 2, { type: "CON", options: upload(0, 2).options!.map(([n, v]) => [n, n === requestTag ? 8 : v]) }),
    );
    await world.clock.advance(248_000);
    expect(world.server.counters()).toMatchObject({ "held.qBlocks": 0, "held.qBlockBytes": 0 });
  });

  it("takes any number of bodies one after the other, and of those that aren't whole no more than a peer's share", async () => {
    const body = (tag: number, numbers: readonly number[]): PlainMessage[] =>
      numbers.map((i) => {
        const plain = upload(i, 2);
        return { ...plain, options: plain.options!.map(([n, value]) => [n, n === requestTag ? tag : value] as const) };
      });
    for (let tag = 1; tag <= 40; tag++)
      expect(await send(...body(tag, [0, 1]))).toMatchObject([{ code: Code.changed }]);
    expect([stored.length, world.server.counters()["held.qBlocks"]]).toEqual([40, 16]);
    for (let tag = 101; tag <= 116; tag++) expect(await send(...body(tag, [0]))).toEqual([]);
    expect(await send(...body(117, [0]))).toMatchObject([{ code: Code.tooManyRequests }]);
    expect(await send(...body(101, [1]))).toMatchObject([{ code: Code.changed }]);
  });

  it("RFC 9177 4.3: forgets the partial body when its 4.08 is reset", async () => {
    await send(upload(0, 3));
    await world.clock.advance(5_000);
    peer.send({ type: "RST", code: 0, messageId: peer.take()[0]!.messageId });
    await world.clock.advance(10);
    expect(world.server.counters()).toMatchObject({ "held.qBlocks": 0, "held.qBlockBytes": 0 });
  });

  it("RFC 9177 4.3, 5: acknowledges confirmable blocks without 2.31 or 4.08", async () => {
    const seen = await send(...Array.from({ length: 11 }, (_, i) => upload(i, 11, { type: "CON" })));
    expect(seen.slice(0, 10).every(({ type, code }) => type === "ACK" && code === 0)).toBe(true);
    expect(seen.at(-1)).toMatchObject({ type: "ACK", code: Code.changed });
  });
});

describe("RFC 9177: a server that passes on what it gets", () => {
  it("RFC 9177 8: sends whole bodies on under a tag of its own, and gives missing blocks from its copy or asks for all anew", async () => {
    const hand = world.rawPeer("10.0.0.77", 5683);
    const to = { address: "10.0.0.77", port: 5683 };
    world.server.route({
      method: "POST",
      path: "/q",
      replay: "once",
      forwards: true,
      later: ({ payload }) => world.server.request({ to, method: "POST", path: ["x"], payload, blockSize: size }),
    });
    await send(...[0, 1].map((i) => ({ ...upload(i, 2), code: Code.post })));
    const [passedOn] = hand.take();
    expect([passedOn!.uint(OptionNumber.block1), passedOn!.payload]).toEqual([
      blockOption(0, true, 0),
      "A".repeat(size),
    ]);
    expect(passedOn!.uint(requestTag)).not.toBe(7);

    let asked = 0;
    world.server.route({
      method: "FETCH",
      path: "/r",
      replay: "again",
      forwards: true,
      later: async () => {
        asked++;
        return { payload: bytesOf(text) };
      },
    });
    const get = (block: number): PlainMessage => ({
      ...message(Code.fetch, [[qBlock2, block]], { payload: "which", token: Uint8Array.of(5) }),
      options: [
        [OptionNumber.uriPath, "r"],
        [qBlock2, block],
      ],
    });
    await send(get(blockOption(0, true, 0)));
    expect([numbers(await send(get(blockOption(3, false, 0)))), asked]).toEqual([[3], 1]);
    await world.clock.advance(300_000);
    peer.take();
    expect([numbers(await send(get(blockOption(4, false, 0)))), asked]).toEqual([[4], 2]);
  });
});

describe("RFC 9177: a server that answers by Q-Block2", () => {
  it("RFC 9177 4.4, 4.6, 7.2: sends a set at once, the next after 2 to 3 s, all with one ETag and Size2", async () => {
    const seen = await send(ask(blockOption(0, true, 0)));
    expect(numbers(seen)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const began = world.clock.monotonicMs();
    await world.clock.advance(3_100);
    const more = peer.take();
    expect(numbers(more)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(more[0]!.atMs - began).toBeGreaterThan(1_950);
    await world.clock.advance(3_100);
    const all = [...seen, ...more, ...peer.take()];
    expect(all.map(({ payload }) => payload).join("")).toBe(text);
    expect(new Set(all.map((each) => String(each.option(OptionNumber.eTag)))).size).toBe(1);
    expect(new Set(all.map((each) => each.uint(OptionNumber.size2)))).toEqual(new Set([400]));
    expect(all.map((each) => hasMoreBlocks(each.uint(qBlock2)))).toEqual(all.map((_, i) => i < 24));
    expect(all.every(({ type, token }) => type === "NON" && token === seen[0]!.token)).toBe(true);
  });

  it("RFC 9177 4.4, 7.2: goes on at once after Continue, and sends missing blocks once each under the token that asks", async () => {
    await send(ask(blockOption(0, true, 0)));
    expect(numbers(await send(ask(blockOption(10, true, 0))))).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    const again = ask(blockOption(1, false, 0), blockOption(7, true, 0), blockOption(8, false, 0));
    const seen = await send(again);
    expect(numbers(seen)).toEqual([1, 7, 8, 9]);
    expect(new Set(seen.map(({ token }) => token))).toEqual(new Set([Buffer.from(again.token!).toString("hex")]));
  });

  it("RFC 9177 4.4: answers 4.00 to blocks that don't ascend or come twice, and sends the newest when its copy is gone", async () => {
    const [first] = await send(ask(blockOption(0, true, 0)));
    const [a] = await send(ask(blockOption(7, false, 0), blockOption(1, false, 0)));
    const [b] = await send(ask(blockOption(7, false, 0), blockOption(7, false, 0)));
    expect([a!.code, b!.code]).toEqual([Code.badRequest, Code.badRequest]);
    await world.clock.advance(300_000);
    peer.take();
    text = "z".repeat(320);
    const [fresh] = await send(ask(blockOption(3, false, 0)));
    expect([fresh!.payload, numbers([fresh!]), fresh!.uint(OptionNumber.size2)]).toEqual(["z".repeat(16), [3], 320]);
    expect(String(fresh!.option(OptionNumber.eTag))).not.toBe(String(first!.option(OptionNumber.eTag)));
  });

  it("RFC 9177 4.3, 4.5: notifies by Q-Block2 with one Observe value in all blocks, under the token of the first answer", async () => {
    const observing: HandOptions = [
      [OptionNumber.observe, 0],
      [qBlock2, blockOption(0, true, 0)],
    ];
    const values = (seen: readonly SeenMessage[]): Set<number> =>
      new Set(seen.map((each) => each.uint(OptionNumber.observe)));
    const seen = await send(message(Code.get, observing, { token: Uint8Array.of(0xaa) }));
    expect([numbers(seen).length, values(seen).size, world.server.observers()]).toEqual([10, 1, 1]);
    text = "z".repeat(400);
    world.server.notify("/q");
    await world.clock.advance(10);
    const told = peer.take();
    expect([numbers(told), values(told).size, new Set(told.map(({ token }) => token))]).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      1,
      new Set(["aa"]),
    ]);
    expect(values(told)).not.toEqual(values(seen));
    expect(String(told[0]!.option(OptionNumber.eTag))).not.toBe(String(seen[0]!.option(OptionNumber.eTag)));
    // "Continue" goes on with the notification, a missing block comes without Observe.
    const more = await send(ask(blockOption(10, true, 0)));
    expect([numbers(more)[0], values(more), more[0]!.token]).toEqual([10, values(told), "aa"]);
    const [missed] = await send(ask(blockOption(3, false, 0)));
    expect([numbers([missed!]), missed!.uint(OptionNumber.observe), missed!.payload]).toEqual([
      [3],
      -1,
      "z".repeat(size),
    ]);
    // A client that has the body by now resets what it had asked for; that says nothing of the observation.
    peer.send({ type: "RST", code: 0, messageId: missed!.messageId });
    await world.clock.advance(10);
    expect(world.server.observers()).toBe(1);
    peer.send({ type: "RST", code: 0, messageId: more[4]!.messageId });
    await world.clock.advance(10);
    expect(world.server.observers()).toBe(0);
  });

  it("RFC 9177 4.1, 4.3, 4.8, 11: takes Q-Block from nobody without an identity unless told so, and never from a group", async () => {
    for (const qBlock of [undefined, "off"] as const) {
      await world.stop();
      world = new World({ qBlock, groups: ["224.0.1.187"] });
      world.server.route({ method: "GET", path: "/q", replay: "again", multicast: true, answer() {} });
      await world.start();
      peer = world.rawPeer();
      expect(await send({ ...ask(blockOption(0, true, 0)), type: "CON" })).toMatchObject([{ code: Code.badOption }]);
      expect(await send({ ...upload(0, 2), type: "CON" })).toMatchObject([{ code: Code.badOption }]);
      expect(await send(ask(blockOption(0, true, 0)))).toEqual([]);
    }
    await world.stop();
    world = new World({ qBlock: "proven", groups: ["224.0.1.187"], limits: { leisureMs: 1 } });
    world.server.route({
      method: "GET",
      path: "/q",
      replay: "again",
      multicast: true,
      answer(_request, reply) {
        reply.payload = bytesOf("here");
      },
    });
    await world.start();
    peer = world.rawPeer();
    const group = RemoteAddress.from("224.0.1.187", 5683);
    peer.sendBytes(encodePlain(ask(blockOption(0, true, 0))), group);
    peer.sendBytes(encodePlain(message(Code.get, [], { token: Uint8Array.of(1) })), group);
    await world.clock.advance(1_000);
    expect(peer.take().map(({ token }) => token)).toEqual(["01"]);
  });

  it("RFC 9177 4.1: refuses Q-Block1 twice, or beside more than one Q-Block2, with 4.02", async () => {
    const common: HandOptions = [
      [requestTag, 7],
      [size1, 32],
    ];
    const twice: HandOptions = [[qBlock1, 8], [qBlock1, 8], ...common];
    const both: HandOptions = [[qBlock1, 8], [qBlock2, 0], [qBlock2, 16], ...common];
    for (const options of [twice, both]) {
      const seen = await send(message(Code.put, options, { type: "CON", payload: "x".repeat(size) }));
      expect(seen).toMatchObject([{ code: Code.badOption }]);
    }
  });

  it("RFC 9177 4.4: sends a block once, however often options with and without M name it, and the newest where a body became shorter", async () => {
    await send(ask(blockOption(0, true, 0)));
    expect(
      numbers(await send(ask(blockOption(2, true, 0), blockOption(3, false, 0), blockOption(5, true, 0)))),
    ).toEqual([2, 3, 4, 5, 6, 7, 8, 9]);
    await world.clock.advance(300_000);
    peer.take();
    text = "short";
    const [fresh] = await send(ask(blockOption(20, false, 0)));
    expect([fresh!.payload, numbers([fresh!]), fresh!.uint(OptionNumber.size2)]).toEqual(["short", [0], 5]);
  });

  it("RFC 9177 4.4: keeps what it answers a body with for further blocks, which carry neither payload nor Q-Block1", async () => {
    world.server.route({
      method: "FETCH",
      path: "/q",
      replay: "once",
      answer(request, reply) {
        stored.push("fetched");
        reply.payload = request.payload;
        text = "another";
      },
    });
    const asking: [number, number] = [qBlock2, blockOption(0, true, 0)];
    const fetch = (number: number): PlainMessage => {
      const plain = upload(number, 3);
      const options = [...plain.options!, asking].sort(([a], [b]) => a - b);
      return { ...plain, code: Code.fetch, options };
    };
    const seen = await send(fetch(0), fetch(1), fetch(2));
    expect(seen.map(({ payload }) => payload).join("")).toBe(whole(3));
    expect(new Set(seen.map(({ token }) => token))).toEqual(new Set(["02"]));
    const again = (block: number, token: number): PlainMessage =>
      message(
        Code.fetch,
        [
          [qBlock2, block],
          [requestTag, 7],
        ],
        { token: Uint8Array.of(token) },
      );
    expect(await send(again(blockOption(1, false, 0), 77))).toMatchObject([{ payload: "B".repeat(size), token: "4d" }]);
    // All of it: what was answered, since the tag names that body. Its last block again: the same.
    expect(numbers(await send(again(blockOption(0, true, 0), 78)))).toEqual([0, 1, 2]);
    expect(numbers(await send({ ...fetch(2), token: Uint8Array.of(79) }))).toEqual([0, 1, 2]);
    expect(stored).toEqual(["fetched"]);
  });

  it("RFC 9177 4.4: ends the transfer when a confirmable block isn't acknowledged; what is missing can still be asked for", async () => {
    await send({ ...ask(blockOption(0, true, 0)), type: "CON" });
    await world.clock.advance(120_000);
    const sent = peer.take();
    expect(new Set(numbers(sent))).toEqual(new Set([1]));
    expect(await send(ask(blockOption(4, false, 0)))).toMatchObject([{ type: "CON", payload: "abcdefghijklmnop" }]);
  });

  it("RFC 9177 7: sends only confirmable blocks for a confirmable request, one at a time", async () => {
    const seen = await send({ ...ask(blockOption(0, true, 0)), type: "CON" });
    expect(seen.map(({ type }) => type)).toEqual(["ACK", "CON"]);
    const [next] = await send({ type: "ACK", code: 0, messageId: seen[1]!.messageId });
    expect([next!.type, blockNumber(next!.uint(qBlock2))]).toEqual(["CON", 2]);
  });

  it("RFC 9177 4.4; RFC 7252 4.2: acknowledges a confirmable request for blocks of a copy that is gone, then sends them", async () => {
    const [ack, block] = await send({ ...ask(blockOption(3, false, 0)), type: "CON" });
    expect([ack!.type, ack!.code]).toEqual(["ACK", Code.empty]);
    expect([block!.type, block!.code, numbers([block!])]).toEqual(["CON", Code.content, [3]]);
  });

  it("RFC 9177 4.4: answers Continue behind the end of what it read anew with a block of that, and keeps it no longer than others", async () => {
    expect(numbers(await send(ask(blockOption(700, true, 0))))).toEqual([0]);
    expect(world.server.counters()["held.qBlocks"]).toBe(1);
    await world.clock.advance(600_000);
    expect(world.server.counters()).toMatchObject({ "held.qBlocks": 0, "held.qBlockBytes": 0 });
  });

  it("RFC 9177 3.2: asks an address that hasn't proven itself for an Echo first", async () => {
    await world.stop();
    world = new World({ amplification: "all", qBlock: "proven" });
    world.server.route({ method: "GET", path: "/q", replay: "again", answer() {} });
    await world.start();
    peer = world.rawPeer();
    const seen = await send(ask(blockOption(0, true, 0)));
    expect(seen).toMatchObject([{ code: Code.unauthorized }]);
    expect(seen[0]!.option(OptionNumber.echo)).toHaveLength(8);
  });
});
