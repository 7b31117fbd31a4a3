import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import type { DatagramReceiver } from "../../coap/transport/transport.ts";
import { faultCode, HandServer, handAddress } from "./coap-hand-server.ts";
import {
  bytesOf,
  encodePlain,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  textOf,
  World,
} from "./coap-harness.ts";

/** What other stacks fell into, in the message layer and the codec: RFC 7252 throughout. */

const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);
const group = "224.0.1.187";

let world: World;
let peer: RawPeer;
let runs: string[];

beforeEach(async () => {
  world = new World({ groups: [group], limits: { leisureMs: 100 } });
  runs = [];
  world.server.route({
    method: "POST",
    path: "/slow/:ms",
    replay: "once",
    async later(request) {
      runs.push(request.params["ms"]!);
      await new Promise<void>((resolve) => world.clock.after(Number(request.params["ms"]), resolve));
      return { payload: bytesOf("done") };
    },
  });
  world.server.route({
    method: "GET",
    path: "/fast/*",
    replay: "again",
    multicast: true,
    answer(request, reply) {
      runs.push(request.path.join(" | "));
      reply.payload = bytesOf("fast");
    },
  });
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const message = (more: Partial<PlainMessage>): PlainMessage => ({
  type: "CON",
  code: Code.get,
  messageId: 1,
  options: path("fast"),
  ...more,
});
const send = async (...messages: PlainMessage[]): Promise<SeenMessage[]> => {
  for (const each of messages) peer.send(each);
  await world.clock.advance(20);
  return peer.take();
};
const ask = (more: object = {}): ReturnType<typeof world.client.request> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });

describe("duplicates", () => {
  it("RFC 7252 4.5: a duplicate that comes while the handler still runs doesn't run it again, and each gets an empty ACK", async () => {
    const request = message({ code: Code.post, options: path("slow", "900"), token: bytesOf("t") });
    expect(await send(request)).toEqual([]);
    for (let i = 0; i < 3; i++) expect(await send(request)).toMatchObject([{ type: "ACK", code: 0, messageId: 1 }]);
    await world.clock.advance(1_000);
    expect(peer.take()).toMatchObject([{ type: "CON", code: Code.changed, token: "74", payload: "done" }]);
    expect(runs).toEqual(["900"]);
  });

  it("RFC 7252 4.5, 4.8.2: the time in which duplicates are known runs from the request's arrival, not from its answer", async () => {
    const request = message({ code: Code.post, options: path("slow", "50000") });
    await send(request);
    await world.clock.advance(60_000);
    for (const { messageId } of peer.take().filter(({ type }) => type === "CON")) {
      peer.send({ type: "ACK", code: 0, messageId });
    }
    await world.clock.advance(180_000);
    expect(peer.take()).toEqual([]);
    expect(await send(request)).toMatchObject([{ type: "ACK", code: 0 }]);
    await world.clock.advance(10_000);
    await send(request);
    expect(runs).toHaveLength(2);
  });
});

describe("message IDs", () => {
  it("RFC 7252 4.4: each peer has a counter of its own, so a busy one doesn't use up the IDs of a quiet one", async () => {
    const quiet = world.rawPeer();
    const nextOf = async (raw: RawPeer): Promise<number> => {
      raw.send(message({ type: "NON" }));
      await world.clock.advance(10);
      return raw.take()[0]!.messageId;
    };
    const before = await nextOf(quiet);
    for (let i = 0; i < 100; i++) await nextOf(peer);
    expect(await nextOf(quiet)).toBe((before + 1) & 0xffff);
  });

  it("RFC 7252 4.4: an ID of theirs has nothing to do with the same ID of ours", async () => {
    const separate = message({ code: Code.post, options: path("slow", "400"), token: bytesOf("s") });
    await send(separate);
    await world.clock.advance(500);
    const ours = peer.take().find(({ type }) => type === "CON")!;
    // Their request, and a response nobody waits for, under the ID of our message that waits for its ACK.
    const [answer] = await send(message({ messageId: ours.messageId, token: bytesOf("n") }));
    expect(answer).toMatchObject({ type: "ACK", code: Code.content, payload: "fast", token: "6e" });
    expect(await send(message({ code: Code.content, messageId: ours.messageId, token: bytesOf("x") }))).toMatchObject([
      { type: "RST" },
    ]);
    await world.clock.advance(3_000);
    expect(peer.take()).toMatchObject([{ type: "CON", messageId: ours.messageId, payload: "done" }]);
    await send({ type: "ACK", code: 0, messageId: ours.messageId });
    await world.clock.advance(60_000);
    expect(peer.take()).toEqual([]);
  });
});

describe("responses", () => {
  it("RFC 7252 5.3.2: a response from another port of the same host answers nothing, and is reset", async () => {
    const hand = new HandServer(world);
    const pending = faultCode(ask());
    const [request] = await hand.take();
    const elsewhere = world.rawPeer(handAddress.address, 40_001);
    const forged = message({ code: Code.content, token: Buffer.from(request!.token, "hex"), options: [] });
    elsewhere.sendBytes(encodePlain(forged), RemoteAddress.from("10.0.0.2", 40_000));
    await world.clock.advance(10);
    expect(elsewhere.take()).toMatchObject([{ type: "RST", messageId: 1 }]);
    expect(world.client.counters()).toMatchObject({ responsesFromElsewhere: 1, responsesUnexpected: 0 });
    hand.answer(request!);
    expect(await world.run(pending)).toBe("no fault");
  });

  it("RFC 7252 4.2, 5.2.2: an empty ACK after which no response comes ends the repeats, and the request in time", async () => {
    const hand = new HandServer(world);
    const pending = faultCode(ask());
    const [request] = await hand.take();
    hand.send({ type: "ACK", code: 0, messageId: request!.messageId });
    expect(await world.run(pending)).toBe("coap.timeout");
    expect(hand.peer.take()).toEqual([]);
    expect(world.client.counters()).toMatchObject({ "held.requests": 0, "held.outstanding": 0, retransmissions: 0 });
    // What comes too late is nobody's.
    hand.answer(request!, { type: "CON", messageId: 7 });
    expect(await hand.take()).toMatchObject([{ type: "RST", messageId: 7 }]);
  });
});

describe("datagrams", () => {
  it("RFC 7252 3: version 2, token lengths from 9 to 15 and a marker without payload run nothing", async () => {
    const good = encodePlain(message({}));
    const bad = [Uint8Array.of(0x80, ...good.subarray(1)), Uint8Array.of(...good, 0xff)];
    for (let length = 9; length <= 15; length++) bad.push(Uint8Array.of(0x40 | length, ...good.subarray(1), ...good));
    for (const bytes of bad) peer.sendBytes(bytes);
    await world.clock.advance(100);
    expect(runs).toEqual([]);
    expect(peer.take().map(({ type }) => type)).toEqual(Array.from({ length: 8 }, () => "RST"));
    expect(world.server.counters()).toMatchObject({ ignoredNotCoap: 1, malformedReset: 8 });
  });

  it("RFC 7252 4.1: a datagram from port 0 is dropped, since nothing can be sent there", async () => {
    let receiver: DatagramReceiver | undefined;
    const transport = world.network.transport("10.0.0.4", 5683);
    const open = transport.open.bind(transport);
    transport.open = async (given) => {
      receiver = given;
      await open(given);
    };
    const endpoint = world.endpoint(transport);
    await endpoint.start();
    const bytes = encodePlain(message({}));
    for (const address of ["10.0.0.9", "fe80::1%eth0"]) {
      receiver!.datagram(bytes, 0, bytes.length, RemoteAddress.from(address, 0));
    }
    expect(endpoint.counters()).toMatchObject({ droppedPortZero: 2, datagramsSent: 0, requests: 0, "held.peers": 0 });
    await endpoint.stop();
  });
});

describe("options", () => {
  it("RFC 7252 5.10.1: a segment with a slash inside stays one segment", async () => {
    expect(await send(message({ options: path("fast", "a/b") }))).toMatchObject([{ code: Code.content }]);
    expect(await send(message({ options: path("fast/a/b") }))).toMatchObject([{ code: Code.notFound }]);
    expect(runs).toEqual(["fast | a/b"]);
  });

  it("RFC 7252 5.4.5: of an option that may be there once a second one is refused when critical, ignored when elective", async () => {
    const twice = (number: number, a: string, b: string): PlainMessage =>
      message({ options: [...path("fast"), [number, a] as const, [number, b] as const].sort(([x], [y]) => x - y) });
    for (const number of [OptionNumber.uriHost, OptionNumber.uriPort, OptionNumber.accept]) {
      expect(await send(twice(number, "a", "b"))).toMatchObject([{ code: Code.badOption }]);
    }
    const [answer] = await send(twice(OptionNumber.contentFormat, "a", "b"));
    expect(answer).toMatchObject({ code: Code.content });
    expect(runs).toHaveLength(1);
  });

  it("RFC 7252 5.10.6: an ETag is another one when a byte, or only the length, differs", async () => {
    world.server.route({
      method: "GET",
      path: "/tag",
      replay: "again",
      answer(_request, reply) {
        reply.etag = Uint8Array.of(0, 0);
        reply.payload = bytesOf("x");
      },
    });
    const codes: number[] = [];
    for (const tag of [[0], [0, 0], [0, 0, 0], [0, 1]]) {
      const options = [[OptionNumber.eTag, Uint8Array.from(tag)] as const, ...path("tag")];
      codes.push((await send(message({ options })))[0]!.code);
    }
    expect(codes).toEqual([Code.content, Code.valid, Code.content, Code.content]);
  });
});

describe("groups", () => {
  it("RFC 7252 8.1, 8.2: whatever is sent to a group, no error and no Reset comes back", async () => {
    const to = RemoteAddress.from(group, 5683);
    const good = encodePlain(message({ type: "NON", messageId: 99 }));
    const bad = [
      encodePlain(message({ type: "NON", options: path("nowhere") })),
      encodePlain(message({ type: "NON", options: [[9, "x"]] })),
      encodePlain(message({ type: "NON", code: 31 })),
      encodePlain(message({ type: "NON", code: Code.post, options: path("slow", "1") })),
      encodePlain(message({ type: "NON", options: [...path("fast"), [OptionNumber.accept, 60]] })),
      encodePlain(message({ type: "NON", code: Code.content, token: bytesOf("x") })),
      encodePlain(message({ type: "CON" })),
      encodePlain(message({ type: "CON", code: Code.content, token: bytesOf("x") })),
      encodePlain({ type: "CON", code: 0, messageId: 5 }),
      Uint8Array.of(...encodePlain(message({ type: "CON" })), 0xff),
      Uint8Array.of(...encodePlain(message({ type: "NON" })), 0xff),
      Uint8Array.of(0x49, ...encodePlain(message({})).subarray(1), ...good),
    ];
    for (const bytes of bad) peer.sendBytes(bytes, to);
    await world.clock.advance(10_000);
    expect(peer.take()).toEqual([]);
    peer.sendBytes(good, to);
    await world.clock.advance(10_000);
    const answers = peer.take();
    expect(answers).toHaveLength(1);
    expect(textOf(bytesOf(answers[0]!.payload))).toBe("fast");
  });
});
