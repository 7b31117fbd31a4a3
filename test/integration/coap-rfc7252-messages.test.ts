import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coapLimits } from "../../coap/limits.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { faultCode, HandServer, handAddress } from "./coap-hand-server.ts";
import { bytesOf, encodePlain, type PlainMessage, type RawPeer, serverAddress, textOf, World } from "./coap-harness.ts";

const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);
const get = (more: Partial<PlainMessage> = {}): PlainMessage => ({
  type: "CON",
  code: Code.get,
  messageId: 0x7d34,
  options: path("temperature"),
  ...more,
});
const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));

let world: World;
let peer: RawPeer;
const runs = { get: 0, once: 0, later: 0 };

beforeEach(async () => {
  world = new World();
  runs.get = 0;
  runs.once = 0;
  runs.later = 0;
  world.server.route({
    method: "GET",
    path: "/temperature",
    replay: "again",
    answer(_request, reply) {
      runs.get++;
      reply.payload = bytesOf("22.3 C");
    },
  });
  world.server.route({
    method: "POST",
    path: "/once",
    replay: "once",
    answer(_request, reply) {
      reply.payload = bytesOf(`run ${++runs.once}`);
    },
  });
  world.server.route({
    method: "GET",
    path: "/later/:ms",
    replay: "again",
    async later(request) {
      runs.later++;
      const ms = Number(request.params["ms"]);
      await new Promise<void>((resolve) => world.clock.after(ms, resolve));
      return { payload: bytesOf("at last") };
    },
  });
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const sent = async (...messages: (PlainMessage | Uint8Array)[]): Promise<ReturnType<RawPeer["take"]>> => {
  for (const message of messages) peer.sendBytes(message instanceof Uint8Array ? message : encodePlain(message));
  await world.clock.advance(20);
  return peer.take();
};
const ask = (more: object = {}): ReturnType<typeof world.client.request> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });

describe("the message format", () => {
  it("RFC 7252 3: what we send is version 1, and another version is silently ignored", async () => {
    for (const version of [0, 2, 3]) {
      const bytes = encodePlain(get());
      bytes[0] = (version << 6) | (bytes[0]! & 0x3f);
      expect(await sent(bytes)).toEqual([]);
    }
    expect(world.server.counters()).toMatchObject({ ignoredNotCoap: 3, requests: 0, datagramsSent: 0 });
    const firstBytes: number[] = [];
    world.network.taps.push(({ bytes }) => firstBytes.push(bytes[0]! >> 6));
    await sent(get());
    expect(firstBytes).toEqual([1, 1]);
  });

  it("RFC 7252 3: token lengths from 9 to 15 are a format error, and we refuse to send one", async () => {
    for (let length = 9; length <= 15; length++) {
      for (const [type, answers] of [
        [0x40, [{ type: "RST", code: 0, messageId: 0x0107 }]],
        [0x50, []],
        [0x60, []],
        [0x70, []],
      ] as const) {
        const bytes = new Uint8Array(40).fill(1);
        bytes.set([type | length, Code.get, 0x01, 0x07]);
        expect(await sent(bytes)).toMatchObject(answers);
      }
    }
    expect(runs.get).toBe(0);
    const refused = faultCode(ask({ token: new Uint8Array(9) }));
    expect(await world.run(refused)).toBe("coap.bad-request");
  });

  it("RFC 7252 3: a payload marker without payload is a format error", async () => {
    const bytes = Uint8Array.of(...encodePlain(get()), 0xff);
    expect(await sent(bytes)).toMatchObject([{ type: "RST", messageId: 0x7d34 }]);
    bytes[0] = 0x50;
    expect(await sent(bytes)).toEqual([]);
    expect(runs.get).toBe(0);
  });

  it("RFC 7252 3.1: a delta or length of 15 that is no marker is a format error", async () => {
    for (const option of ["f101", "1f01", "ff"]) {
      const bytes = unhex(`40017d34${option}`);
      expect(await sent(bytes)).toMatchObject([{ type: "RST", code: 0, messageId: 0x7d34 }]);
    }
  });

  it("RFC 7252 3.1, 3.2: a request of ours has its options in order, and its numbers in as few bytes as can be", async () => {
    const hand = new HandServer(world);
    let bytes = new Uint8Array(0);
    world.network.taps.push((datagram) => {
      if (datagram.to.address === handAddress.address) bytes = new Uint8Array(datagram.bytes);
    });
    const pending = ask({
      method: "POST",
      queries: ["a=1"],
      contentFormat: 0,
      accept: 60,
      payload: bytesOf("x"),
      options: [{ number: OptionNumber.ifMatch, value: bytesOf("v1") }],
    });
    const [request] = await hand.take();
    // If-Match, Uri-Path, Content-Format 0 of no byte, Uri-Query, Accept 60 of one.
    const options = "127631" + "a178" + "10" + "33613d31" + "213c" + "ff78";
    expect(Buffer.from(bytes.subarray(8)).toString("hex")).toBe(options);
    hand.answer(request!);
    await world.run(pending);
  });

  it("RFC 7252 3.2: a number with leading zero bytes is the same number", async () => {
    world.server.route({
      method: "PUT",
      path: "/format",
      replay: "again",
      answer(request, reply) {
        reply.payload = bytesOf(`${request.contentFormat}`);
      },
    });
    const options = [...path("format"), [OptionNumber.contentFormat, Uint8Array.of(0, 60)] as const];
    expect(await sent(get({ code: Code.put, options }))).toMatchObject([{ payload: "60" }]);
  });

  it("RFC 7252 A: figure 16, a confirmable request with a piggybacked response, byte for byte", async () => {
    const vectors = JSON.parse(readFileSync(new URL("../vectors/coap-message.json", import.meta.url), "utf8")) as {
      good: { name: string; hex: string }[];
    };
    const vector = (name: string): string => vectors.good.find((each) => each.name.includes(name))!.hex;
    const seen: string[] = [];
    world.network.taps.push(({ bytes }) => seen.push(Buffer.from(bytes).toString("hex")));
    await sent(unhex(vector("figure 16 request")));
    expect(seen).toEqual([vector("figure 16 request"), vector("figure 16 answer")]);
  });

  it("RFC 7252 A: figures 17 to 22, with a token, a lost request, a lost ACK, separate and non-confirmable responses", async () => {
    // Figure 17.
    expect(await sent(unhex("41017d3520bb74656d7065726174757265"))).toMatchObject([
      { type: "ACK", code: Code.content, messageId: 0x7d35, token: "20", payload: "22.3 C" },
    ]);
    // Figures 18 and 19: the same message again is answered again.
    for (let i = 0; i < 2; i++) {
      expect(await sent(get({ token: Uint8Array.of(0x31), messageId: 0x7d36 }))).toMatchObject([
        { type: "ACK", messageId: 0x7d36, token: "31" },
      ]);
    }
    // Figures 20 and 21.
    await sent(get({ token: Uint8Array.of(0x53), messageId: 0x7d38, options: path("later", "500") }));
    await world.clock.advance(600);
    const [ack, response] = peer.take();
    expect(ack).toMatchObject({ type: "ACK", code: 0, messageId: 0x7d38, token: "", payload: "" });
    expect(response).toMatchObject({ type: "CON", code: Code.content, token: "53", payload: "at last" });
    await sent({ type: "ACK", code: 0, messageId: response!.messageId });
    // Figure 22: NON both ways, each with an ID of its own.
    const [answer] = await sent(get({ type: "NON", token: Uint8Array.of(0x75), messageId: 0x7d40 }));
    expect(answer).toMatchObject({ type: "NON", code: Code.content, token: "75", payload: "22.3 C" });
    await world.clock.advance(100_000);
    expect(peer.take()).toEqual([]);
  });
});

describe("confirmable messages", () => {
  it("RFC 7252 4.1: an empty message of ours is four bytes, and one with more is a format error", async () => {
    expect(await sent(unhex("41001234aa"))).toMatchObject([{ type: "RST", messageId: 0x1234 }]);
    expect(await sent(unhex("40001235ff61"))).toMatchObject([{ type: "RST", messageId: 0x1235 }]);
    expect(await sent(unhex("60001236aa"), unhex("70001237aa"), unhex("51001238aa"))).toEqual([]);
    const lengths: number[] = [];
    world.network.taps.push(({ bytes, from }) => void (from.port === serverAddress.port && lengths.push(bytes.length)));
    await sent({ type: "CON", code: 0, messageId: 1 });
    expect(lengths).toEqual([4]);
  });

  it("RFC 7252 4.2: a confirmable message is acknowledged or reset with its message ID, whatever it is", async () => {
    const cases: [Uint8Array, string][] = [
      [encodePlain(get()), "ACK"],
      [encodePlain(get({ options: path("nowhere") })), "ACK"],
      [unhex("40007d34"), "RST"],
      [unhex("40207d34"), "RST"],
      [unhex("40c07d34"), "RST"],
      [unhex("40e17d34"), "RST"],
      [unhex("40017d34ff"), "RST"],
      [encodePlain(get({ code: Code.content, token: bytesOf("none") })), "RST"],
    ];
    for (const [bytes, type] of cases) {
      const answers = await sent(bytes);
      expect(answers).toHaveLength(1);
      expect(answers[0]).toMatchObject({ type, messageId: 0x7d34 });
      if (type === "RST") expect(answers[0]).toMatchObject({ code: 0, token: "", payload: "" });
    }
  });

  it("RFC 7252 4.2: acknowledgements and resets are never answered, not even those that make no sense", async () => {
    const messages = [
      unhex("60001111"),
      unhex("70001111"),
      unhex("60011111"),
      unhex("70451111"),
      unhex("60201111"),
      unhex("60e01111"),
      unhex("60451111ff61"),
      unhex("6f451111"),
      unhex("68451111"),
    ];
    expect(await sent(...messages)).toEqual([]);
    expect(runs.get).toBe(0);
  });

  it("RFC 7252 4.2, 4.8, 4.8.1: retransmissions double their waits, keep message and token, and end within MAX_TRANSMIT_SPAN", async () => {
    const { ackTimeoutMs, ackRandomPercent, maxRetransmit, nstart, leisureMs, probingRate } = coapLimits.defaults;
    expect([ackTimeoutMs, ackRandomPercent, maxRetransmit, nstart, leisureMs, probingRate]).toEqual([
      ...[2_000, 150, 4, 1, 5_000, 1],
    ]);
    const firstWaits = new Set<number>();
    for (let i = 0; i < 8; i++) {
      const to = { address: `10.0.3.${i}`, port: 5683 };
      const at: number[] = [];
      const bytes = new Set<string>();
      world.network.taps.push((datagram) => {
        if (datagram.to.address !== to.address) return;
        at.push(world.clock.monotonicMs());
        bytes.add(Buffer.from(datagram.bytes).toString("hex"));
      });
      expect(await world.run(faultCode(ask({ to })))).toBe("coap.timeout");
      expect(at).toHaveLength(5);
      expect(bytes.size).toBe(1);
      const waits = at.slice(1).map((ms, n) => ms - at[n]!);
      for (const [n, wait] of waits.entries()) expect(wait / waits[0]!).toBeCloseTo(2 ** n, 1);
      expect(waits[0]).toBeGreaterThanOrEqual(1_990);
      expect(waits[0]).toBeLessThanOrEqual(3_010);
      expect(at[4]! - at[0]!).toBeLessThanOrEqual(45_100);
      firstWaits.add(Math.round(waits[0]! / 50));
    }
    // ACK_RANDOM_FACTOR: peers that begin together don't repeat together.
    expect(firstWaits.size).toBeGreaterThan(3);
  });

  it("RFC 7252 4.2, 5.2.2: a responder keeps the empty ACK of a request although its response was acknowledged", async () => {
    const request = get({ token: bytesOf("t"), messageId: 5, options: path("later", "500") });
    await sent(request);
    await world.clock.advance(600);
    const [ack, response] = peer.take();
    expect(ack).toMatchObject({ type: "ACK", code: 0, messageId: 5 });
    await sent({ type: "ACK", code: 0, messageId: response!.messageId });
    // It was delayed on its way: never a second response, and none in an ACK.
    for (const wait of [1_000, 30_000, 200_000]) {
      await world.clock.advance(wait);
      expect(await sent(request)).toMatchObject([{ type: "ACK", code: 0, messageId: 5, payload: "" }]);
    }
    expect(runs.later).toBe(1);
  });

  it("RFC 7252 4.3: a non-confirmable message is never acknowledged, and rejected in silence", async () => {
    const messages = ["50001234", "50201234", "50c11234", "50011234ff", "59011234", "50011234b5aa"].map(unhex);
    expect(await sent(...messages)).toEqual([]);
    const answers = await sent(get({ type: "NON" }));
    expect(answers).toMatchObject([{ type: "NON", code: Code.content }]);
    expect(world.server.counters()["malformedRejected"]).toBe(messages.length);
  });
});

describe("message IDs", () => {
  it("RFC 7252 4.4, 4.7: an ID of ours isn't used again for a peer within EXCHANGE_LIFETIME; what has none left waits or is refused", async () => {
    const usedAt = new Map<number, number>();
    let soonest = Number.POSITIVE_INFINITY;
    let count = 0;
    let pings = 0;
    world.network.taps.push(({ bytes, from }) => {
      if (from.port !== serverAddress.port || from.address !== serverAddress.address) return;
      const id = (bytes[2]! << 8) | bytes[3]!;
      const now = world.clock.monotonicMs();
      if (bytes[0] === 0x40 && bytes[1] === 0) {
        // Sent again it has the same ID, as it must.
        if (pings++ > 0) return;
      }
      const before = usedAt.get(id);
      if (before !== undefined) soonest = Math.min(soonest, now - before);
      usedAt.set(id, now);
      count++;
    });
    // A peer that itself has no manners: each NON request wants a NON response with an ID of ours.
    const bytes = encodePlain(get({ type: "NON" }));
    for (let second = 0; second < 300; second++) {
      for (let i = 0; i < 400; i++) peer.sendBytes(bytes);
      await world.clock.advance(1_000);
      peer.take();
    }
    expect(soonest).toBeGreaterThanOrEqual(coapLimits.defaults.exchangeLifetimeMs);
    // All IDs but those of a range or two were used, and used again after that.
    expect(count).toBeGreaterThan(57_344);
    expect(world.server.counters()["overLimit"]).toBeGreaterThan(0);
    const ping = faultCode(world.server.ping({ address: peer.transport.local.address, port: 50_000 }));
    expect(await world.run(ping)).toBe("no fault");
    // It waited for an ID that may be used again, if none was left.
    expect(pings).toBeGreaterThan(0);
    expect(soonest).toBeGreaterThanOrEqual(coapLimits.defaults.exchangeLifetimeMs);
  });

  it("RFC 7252 4.4: an ACK or Reset counts only with the ID of the message and from where the message went", async () => {
    const hand = new HandServer(world);
    const pending = ask();
    const [request] = await hand.take();
    const id = request!.messageId;
    const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
    const stranger = world.rawPeer();
    for (const type of ["ACK", "RST"] as const) {
      stranger.sendBytes(encodePlain({ type, code: 0, messageId: id }), clientAt);
      hand.send({ type, code: 0, messageId: (id + 1) & 0xffff });
    }
    await world.clock.advance(4_000);
    // Still repeated: nothing of that was meant for it.
    expect(hand.peer.take()).toMatchObject([{ messageId: id }]);
    hand.answer(request!);
    expect((await world.run(pending)).code).toBe(Code.content);
  });

  it("RFC 7252 4.5: each duplicate gets the same answer, and is processed once where that matters", async () => {
    const request = get({ code: Code.post, options: path("once"), token: bytesOf("ab"), messageId: 9 });
    const first = await sent(request);
    const again = [...(await sent(request)), ...(await sent(request))];
    for (const answer of again)
      expect({ ...answer, atMs: 0 }).toMatchObject({
        ...first[0],
        atMs: 0,
        option: expect.anything(),
        uint: expect.anything(),
        all: expect.anything(),
      });
    expect(again).toHaveLength(2);
    expect(runs.once).toBe(1);
    // A non-confirmable one is ignored.
    const other = { ...request, type: "NON", messageId: 10 } as const;
    expect(await sent(other)).toHaveLength(1);
    expect(await sent(other, other)).toEqual([]);
    expect(runs.once).toBe(2);
  });

  it("RFC 7252 4.5: a duplicate response is acknowledged again or ignored, and taken once", async () => {
    const hand = new HandServer(world);
    for (const type of ["CON", "NON"] as const) {
      const pending = ask();
      const [request] = await hand.take();
      for (let i = 0; i < 3; i++) hand.answer(request!, { type, messageId: 77, payload: type });
      expect(textOf((await world.run(pending)).payload)).toBe(type);
      const acks = await hand.take();
      expect(acks).toHaveLength(type === "CON" ? 3 : 0);
      for (const ack of acks) expect(ack).toMatchObject({ type: "ACK", code: 0, messageId: 77 });
      await world.clock.advance(250_000);
    }
    // After EXCHANGE_LIFETIME the ID is free for another message.
    expect(world.client.counters()).toMatchObject({ responsesUnexpected: 0, resetsSent: 0 });
  });

  it("RFC 7252 4.6: what we send fits one packet of the smallest MTU, long bodies and long options too", async () => {
    world.server.route({
      method: "GET",
      path: "/long",
      replay: "again",
      answer(_request, reply) {
        reply.etag = bytesOf("12345678");
        reply.payload = new Uint8Array(5_000);
      },
    });
    world.server.route({ method: "POST", path: "/*", replay: "again", answer() {} });
    let longest = 0;
    world.network.taps.push(({ bytes }) => {
      longest = Math.max(longest, bytes.length);
    });
    await world.get("long");
    const path = ["p".repeat(200), "q".repeat(200), "r".repeat(200)];
    const upload = { to: serverAddress, method: "POST", path, payload: new Uint8Array(3_000) } as const;
    expect((await world.run(world.client.request(upload))).code).toBe(Code.changed);
    expect(longest).toBeGreaterThan(1_000);
    // 1280 bytes less the headers of IPv6 and UDP.
    expect(longest).toBeLessThanOrEqual(1_280 - 40 - 8);
  });
});

describe("congestion control", () => {
  it("RFC 7252 4.7: one interaction at a time with each peer, confirmable or not", async () => {
    const hand = new HandServer(world);
    for (const kinds of [
      [true, true],
      [true, false],
      [false, true],
      [false, false],
    ]) {
      const pendings = kinds.map((confirmable) => ask({ confirmable }));
      const elsewhere = ask({ to: serverAddress, path: ["temperature"] });
      for (const confirmable of kinds) {
        const seen = await hand.take();
        expect(seen).toMatchObject([{ type: confirmable ? "CON" : "NON" }]);
        if (confirmable === true) hand.answer(seen[0]!);
        else hand.answer(seen[0]!, { type: "NON", messageId: seen[0]!.messageId ^ 1 });
      }
      await world.run(Promise.all([...pendings, elsewhere]));
    }
  });

  it("RFC 7252 4.7: a peer that answers nothing gets non-confirmable requests at PROBING_RATE, until it shows itself", async () => {
    const hand = new HandServer(world);
    const payload = new Uint8Array(500);
    const requests = [1, 2, 3].map(() => faultCode(ask({ confirmable: false, method: "POST", payload })));
    const startMs = world.clock.monotonicMs();
    await world.clock.advance(1_100_000);
    const seen = hand.peer.take();
    expect(seen).toHaveLength(3);
    const bytes = 500 + 11;
    for (const [n, { atMs }] of seen.entries()) expect(atMs - startMs).toBeGreaterThanOrEqual(n * bytes * 1_000);
    expect(await Promise.all(requests)).toEqual(["coap.timeout", "coap.timeout", "coap.timeout"]);
    // Now it asks something itself: the next request needn't wait.
    const next = faultCode(ask({ confirmable: false }));
    expect(await hand.take()).toEqual([]);
    hand.send({ type: "NON", code: Code.get, messageId: 1 });
    await world.clock.advance(20);
    const came = hand.peer.take().map(({ code }) => code);
    expect(came.sort((a, b) => a - b)).toEqual([Code.get, Code.notFound]);
    await world.client.stop();
    expect(await next).toBe("coap.stopped");
  });

  it("RFC 7252 4.8.1: limits that need another congestion control are refused unless there is one", () => {
    const endpoint = (limits: object, congestion?: "controlled-elsewhere"): unknown =>
      world.endpoint(world.network.transport("10.0.0.8", 1), limits, { congestion });
    expect(() => endpoint({ ackTimeoutMs: 1_999 })).toThrow(expect.objectContaining({ code: "coap.congestion" }));
    expect(() => endpoint({ nstart: 2 })).toThrow(expect.objectContaining({ code: "coap.congestion" }));
    expect(() => endpoint({ ackRandomPercent: 99 })).toThrow(expect.objectContaining({ code: "limits.out-of-range" }));
    expect(endpoint({ ackTimeoutMs: 300, nstart: 4 }, "controlled-elsewhere")).toBeDefined();
    expect(endpoint({ ackTimeoutMs: 5_000 })).toBeDefined();
  });
});
