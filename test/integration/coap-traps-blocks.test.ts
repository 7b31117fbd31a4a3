import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { contentTag } from "../../coap/security/content-tag.ts";
import { Fault } from "../../kernel/fault.ts";
import { bytesOf, type PlainMessage, type RawPeer, type SeenMessage, serverAddress, World } from "./coap-harness.ts";
import { HandRequests } from "./hand-requests.ts";

const pattern = (size: number, shift = 0): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => (i * 7 + shift) % 251);

let world: World;
let stored: Uint8Array[] = [];
let value = 0;
const requests = new HandRequests();
const { message } = requests;

beforeEach(async () => {
  world = new World();
  stored = [];
  value = 0;
  requests.nextId = 1;
  world.server.route({
    method: "PUT",
    path: "/store",
    replay: "again",
    maxBody: 100_000,
    answer(request) {
      stored.push(request.payload.slice());
    },
  });
  world.server.route({
    method: "GET",
    path: "/long",
    replay: "again",
    observable: true,
    answer(_request, reply) {
      reply.payload = new Uint8Array(2_500).fill(65 + value);
    },
  });
  world.server.route({
    method: "GET",
    path: "/short",
    replay: "again",
    observable: true,
    answer(_request, reply) {
      reply.payload = bytesOf(String(value));
    },
  });
  await world.start();
});
afterEach(() => world.stop());

const block = (number: number, more: boolean, payload: Uint8Array, rest: Partial<PlainMessage> = {}): PlainMessage =>
  message(Code.put, "store", [[OptionNumber.block1, blockOption(number, more, 0)]], { payload, ...rest });

async function ask(peer: RawPeer, what: PlainMessage): Promise<SeenMessage> {
  peer.send(what);
  await world.clock.advance(50);
  return peer.take().at(-1)!;
}
async function change(path: string): Promise<void> {
  value++;
  world.server.notify(path);
  await world.clock.advance(10);
}
const observe = (path: string, token = "t"): PlainMessage =>
  message(Code.get, path, [[OptionNumber.observe, 0]], { token: bytesOf(token) });

describe("traps of block-wise transfers", () => {
  it("RFC 7959 2.4, 2.5: the blocks of one body come with other tokens, since block state isn't keyed by token", async () => {
    const peer = world.rawPeer();
    await ask(peer, block(0, true, pattern(16), { token: bytesOf("a") }));
    await ask(peer, block(1, true, pattern(16, 1), { token: bytesOf("b") }));
    const last = await ask(peer, block(2, false, pattern(3, 2), { token: bytesOf("c") }));
    expect([last.code, last.token]).toEqual([Code.changed, Buffer.from("c").toString("hex")]);
    expect(stored).toEqual([Uint8Array.from([...pattern(16), ...pattern(16, 1), ...pattern(3, 2)])]);
    const first = await ask(peer, message(Code.get, "long", [], { token: bytesOf("d") }));
    value++;
    const second = await ask(
      peer,
      message(Code.get, "long", [[OptionNumber.block2, blockOption(1, false, 6)]], { token: bytesOf("e") }),
    );
    expect(second.payload[0]).toBe("A");
    expect(second.option(OptionNumber.eTag)).toEqual(first.option(OptionNumber.eTag));
  });

  it("RFC 7959 2.2: a Block option of zero length is block 0 of 16 bytes, which is not the same as no option", async () => {
    const peer = world.rawPeer();
    const zero = message(Code.put, "store", [[OptionNumber.block1, new Uint8Array(0)]], { payload: pattern(16) });
    const put = await ask(peer, zero);
    expect([put.code, put.option(OptionNumber.block1)]).toEqual([Code.changed, new Uint8Array(0)]);
    expect(stored).toEqual([pattern(16)]);
    const got = await ask(peer, message(Code.get, "short", [[OptionNumber.block2, new Uint8Array(0)]]));
    expect(got.option(OptionNumber.block2)).toEqual(new Uint8Array(0));
    const cut = await ask(peer, message(Code.get, "long", [[OptionNumber.block2, new Uint8Array(0)]]));
    expect([cut.payload.length, cut.uint(OptionNumber.block2)]).toEqual([16, blockOption(0, true, 0)]);
    const plain = await ask(peer, message(Code.get, "short", []));
    expect(plain.option(OptionNumber.block2)).toBeUndefined();
  });

  it("RFC 7959 7, 7.1: a huge NUM reserves no memory, whatever Size1 promises with it", async () => {
    const peer = world.rawPeer();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 200; i++) {
      const huge = message(
        Code.put,
        "store",
        [
          [OptionNumber.block1, blockOption(0xfffff - i, true, 6)],
          [OptionNumber.size1, i % 2 === 0 ? 0xffff_ffff : 90_000],
          [OptionNumber.requestTag, i],
        ],
        { payload: pattern(1_024) },
      );
      expect(await ask(peer, huge)).toMatchObject({ code: Code.requestEntityTooLarge });
      const promised = message(
        Code.put,
        "store",
        [
          [OptionNumber.block1, blockOption(40, true, 6)],
          [OptionNumber.size1, 99_999],
          [OptionNumber.requestTag, i],
        ],
        { payload: pattern(1_024) },
      );
      expect(await ask(peer, promised)).toMatchObject({ code: Code.requestEntityIncomplete });
    }
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.transferBytes": 0 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
  });

  it("RFC 9175 3.8: ETags of different bodies don't collide, of bodies that differ in order or by zeros at the end neither", () => {
    const seen = new Set<string>();
    const bodies: Uint8Array[] = [];
    for (let i = 0; i < 20_000; i++) bodies.push(bytesOf(`state ${i}`));
    for (let i = 0; i < 2_000; i++) bodies.push(new Uint8Array(i));
    for (let i = 0; i < 2_000; i++)
      bodies.push(Uint8Array.from({ length: 64 }, (_, at) => (at === i % 64 ? 1 + (i >> 6) : 0)));
    for (const body of bodies) seen.add(Buffer.from(contentTag(body)).toString("hex"));
    const distinct = new Set(bodies.map((body) => Buffer.from(body).toString("hex")));
    expect(seen.size).toBe(distinct.size);
  });

  it("RFC 7959 2.3, 2.4: blocks of two versions are never assembled, nor of two formats", async () => {
    const request = { to: serverAddress, method: "GET", path: ["source"] } as const;
    let tag = "one";
    let reads = 0;
    world.server.route({
      method: "GET",
      path: "/source",
      replay: "again",
      answer(_request, reply) {
        if (++reads === 2) tag = "two";
        reply.body = { size: 3_000, etag: bytesOf(tag), read: (_at, length) => new Uint8Array(length) };
      },
    });
    const outcome = world.client.request(request).then(
      () => "assembled",
      (error: unknown) => (error instanceof Fault ? error.code : String(error)),
    );
    expect(await world.run(outcome)).toBe("coap.representation-changed");
    const peer = world.rawPeer();
    const format = (number: number): [number, number] => [OptionNumber.contentFormat, number];
    const put = (number: number, more: boolean, contentFormat: number): PlainMessage =>
      message(Code.put, "store", [format(contentFormat), [OptionNumber.block1, blockOption(number, more, 0)]], {
        payload: pattern(16),
      });
    await ask(peer, put(0, true, 50));
    expect(await ask(peer, put(1, false, 60))).toMatchObject({ code: Code.requestEntityIncomplete });
    expect(stored).toEqual([]);
    expect(await ask(peer, put(1, false, 50))).toMatchObject({ code: Code.changed });
    expect(stored.map((body) => body.length)).toEqual([32]);
  });

  it("RFC 7959 2.3: M=1 with a payload that is shorter than the block is 4.00 and leaves the body as it was", async () => {
    const peer = world.rawPeer();
    await ask(peer, block(0, true, pattern(16)));
    expect(await ask(peer, block(1, true, pattern(15)))).toMatchObject({ code: Code.badRequest });
    expect(await ask(peer, block(1, true, new Uint8Array(0)))).toMatchObject({ code: Code.badRequest });
    expect(await ask(peer, block(1, false, pattern(15)))).toMatchObject({ code: Code.changed });
    expect(stored).toEqual([Uint8Array.from([...pattern(16), ...pattern(15)])]);
  });
});

describe("traps of observation", () => {
  it("RFC 7641 4.1: a re-registration of an observer adds no second stream", async () => {
    const peer = world.rawPeer();
    for (let i = 0; i < 5; i++)
      expect((await ask(peer, observe("short"))).uint(OptionNumber.observe)).toBeGreaterThan(0);
    expect(world.server.observers()).toBe(1);
    await change("/short");
    expect(peer.take()).toHaveLength(1);
  });

  it("RFC 7641 3.6, 4.5: a Reset to a NON notification ends it, to the one before the last too", async () => {
    for (const which of [0, 1]) {
      const peer = world.rawPeer();
      await ask(peer, observe("short"));
      const ids: number[] = [];
      for (let i = 0; i < 2; i++) {
        await world.clock.advance(3_100);
        await change("/short");
        const [seen] = peer.take();
        expect(seen!.type).toBe("NON");
        ids.push(seen!.messageId);
      }
      peer.send({ type: "RST", code: 0, messageId: ids[which]! });
      await world.clock.advance(10);
      expect(world.server.observers()).toBe(0);
    }
    const stranger = world.rawPeer();
    const peer = world.rawPeer();
    await ask(peer, observe("short"));
    await change("/short");
    stranger.send({ type: "RST", code: 0, messageId: peer.take()[0]!.messageId });
    await world.clock.advance(10);
    expect(world.server.observers()).toBe(1);
  });

  it("RFC 7959 2.6: a notification larger than one block is its first block, and a GET for the rest makes no observer", async () => {
    const peer = world.rawPeer();
    await ask(peer, observe("long"));
    await change("/long");
    const [first] = peer.take();
    expect([first!.payload.length, first!.uint(OptionNumber.block2)]).toEqual([1_024, blockOption(0, true, 6)]);
    let body = first!.payload;
    for (const number of [1, 2]) {
      // Some clients leave Observe in.
      const rest = message(
        Code.get,
        "long",
        [
          [OptionNumber.observe, 0],
          [OptionNumber.block2, blockOption(number, false, 6)],
        ],
        { token: bytesOf(`rest${number}`) },
      );
      const next = await ask(peer, rest);
      expect(next.option(OptionNumber.eTag)).toEqual(first!.option(OptionNumber.eTag));
      expect(next.uint(OptionNumber.observe)).toBe(-1);
      body += next.payload;
    }
    expect(body).toBe("B".repeat(2_500));
    expect(world.server.observers()).toBe(1);
  });

  it("RFC 7641 4.5: an observer that vanished is gone after the retransmissions of its tenth notification at the latest", async () => {
    const peer = world.rawPeer();
    await ask(peer, observe("short"));
    await peer.transport.close();
    for (let i = 0; i < 10; i++) {
      await world.clock.advance(4_000);
      await change("/short");
    }
    expect(world.server.observers()).toBe(1);
    await world.clock.advance(100_000);
    expect(world.server.counters()).toMatchObject({ "held.observers": 0, "held.outstanding": 0, observersEnded: 1 });
  });
});
