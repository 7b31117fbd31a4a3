import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { Peer, PeerIdentity } from "../../coap/route.ts";
import { EchoValues } from "../../coap/security/echo-values.ts";
import type { MessageReceiver, Security } from "../../coap/security/security.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  type PlainMessage,
  RawPeer,
  type SeenMessage,
  serverAddress,
  World,
  type WorldOptions,
} from "./coap-harness.ts";

const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
let world: World;
let runs = 0;

async function build(options: WorldOptions = {}): Promise<World> {
  world = new World({ amplification: "all", ...options });
  runs = 0;
  const { server } = world;
  server.route({
    method: "GET",
    path: "/large/:size",
    replay: "again",
    answer(request, reply) {
      runs++;
      reply.contentFormat = 42;
      reply.payload = new Uint8Array(Number(request.params["size"])).fill(7);
    },
  });
  server.route({
    method: "GET",
    path: "/later/:size",
    replay: "again",
    async later(request) {
      await new Promise<void>((resolve) => world.clock.after(500, resolve));
      return { payload: new Uint8Array(Number(request.params["size"])) };
    },
  });
  server.route({
    method: "GET",
    path: "/read/:size",
    replay: "again",
    answer(request, reply) {
      const size = Number(request.params["size"]);
      reply.body = { size, etag: bytesOf("e"), read: (_at, length) => Promise.resolve(new Uint8Array(length)) };
    },
  });
  server.route({
    method: "POST",
    path: "/made",
    replay: "once",
    answer(_request, reply) {
      runs++;
      reply.code = Code.created;
      reply.locationPath = ["a".repeat(100), "b"];
      reply.payload = new Uint8Array(900);
    },
  });
  server.route({
    method: "PUT",
    path: "/store",
    replay: "again",
    answer() {
      runs++;
    },
  });
  server.route({
    method: "GET",
    path: "/value",
    replay: "again",
    observable: true,
    answer(_request, reply) {
      reply.payload = bytesOf("v");
    },
  });
  for (let i = 0; i < 20; i++) {
    server.route({
      method: "GET",
      path: `/sensors/${i}`,
      replay: "again",
      attributes: { rt: "temperature" },
      answer() {},
    });
  }
  await world.start();
  return world;
}
afterEach(() => world.stop());

let nextId = 1;
const message = (
  code: number,
  path: string,
  more: [number, Uint8Array | string | number][] = [],
  rest: Partial<PlainMessage> = {},
): PlainMessage => {
  const segments =
    path === "" ? [] : path.split("/").map((segment): [number, string] => [OptionNumber.uriPath, segment]);
  const options = [...segments, ...more].sort(([a], [b]) => a - b);
  return { type: "CON", code, messageId: nextId++ & 0xffff, options, ...rest };
};

/** Sends once from an address that never answers, and returns what it was sent in all, retransmissions too. */
async function sentTo(
  peer: RawPeer,
  what: PlainMessage,
  waitMs = 120_000,
): Promise<{ asked: number; bytes: number; first: SeenMessage }> {
  let bytes = 0;
  let first: SeenMessage | undefined;
  const { address } = peer.transport.local;
  world.network.taps.push((datagram) => {
    if (datagram.to.address !== address) return;
    bytes += datagram.bytes.length;
    first ??= decodePlain(datagram.bytes);
  });
  const request = encodePlain(what);
  peer.sendBytes(request);
  await world.clock.advance(waitMs);
  world.network.taps.pop();
  return { asked: request.length, bytes, first: first! };
}

describe("RFC 9175: what an address that hasn't proven itself is sent", () => {
  it("RFC 9175 2.4, 2.6; RFC 7252 11.3: is at most three times the request, in all, whatever is asked and however", async () => {
    await build();
    const paths = ["", ".well-known/core", "large/90", "large/5000", "later/1", "later/3000", "read/4000", "large/900"];
    const code = fc.constantFrom(Code.get, Code.post, Code.put, Code.fetch);
    const path = fc.constantFrom(...paths, "made", "store", "value", "nowhere");
    const more = fc.subarray<[number, number]>([
      [OptionNumber.observe, 0],
      [OptionNumber.block2, 6],
      [OptionNumber.block1, blockOption(0, true, 0)],
      [9, 1],
    ]);
    const token = fc.uint8Array({ maxLength: 8 });
    let peers = 0;
    let answered = 0;
    await fc.assert(
      fc.asyncProperty(
        code,
        path,
        more,
        token,
        fc.constantFrom("CON", "NON" as const),
        async (c, p, options, t, type) => {
          const what = message(c, p, options, {
            token: t,
            type,
            payload: options.length > 2 ? new Uint8Array(16) : "",
          });
          peers++;
          const { asked, bytes } = await sentTo(world.rawPeer(`10.7.${peers >> 8}.${peers & 255}`), what);
          expect(bytes).toBeLessThanOrEqual(asked * 3);
          if (bytes > 0) answered++;
        },
      ),
      { numRuns: 400 },
    );
    expect(answered).toBeGreaterThan(200);
    expect(world.server.counters()).toMatchObject({ "held.transfers": 0, "held.observers": 0 });
  });

  it("RFC 9175 2.4, 2.6: comes in smaller blocks first, of 32 bytes at the least, and only then asks for an Echo", async () => {
    await build();
    const core = await sentTo(world.rawPeer(), message(Code.get, ".well-known/core"));
    expect(core.first.code).toBe(Code.content);
    expect(core.first.uint(OptionNumber.block2)).toBe(blockOption(0, true, 1));
    const some = await sentTo(world.rawPeer(), message(Code.get, "large/5000", [], { token: new Uint8Array(8) }));
    expect(some.first.uint(OptionNumber.block2)).toBe(blockOption(0, true, 1));
    const long = message(Code.get, "large/5000", [[OptionNumber.uriQuery, "q".repeat(90)]], {
      token: new Uint8Array(8),
    });
    expect((await sentTo(world.rawPeer(), long)).first.uint(OptionNumber.block2)).toBe(blockOption(0, true, 4));
    const short = await sentTo(world.rawPeer(), message(Code.get, "large/900"));
    expect([short.first.type, short.first.code]).toEqual(["ACK", Code.unauthorized]);
    expect(short.first.option(OptionNumber.echo)).toHaveLength(8);
  });

  it("RFC 9175 2.4: an Echo that asks for an address is never in a confirmable message", async () => {
    await build();
    for (const type of ["CON", "NON"] as const) {
      const seen: SeenMessage[] = [];
      const peer = world.rawPeer();
      peer.send(message(Code.get, "later/3000", [], { type }));
      await world.clock.advance(100_000);
      seen.push(...peer.take());
      expect(seen.map((each) => each.type)).toEqual(type === "CON" ? ["ACK", "NON"] : ["NON"]);
      expect([seen.at(-1)!.code, seen.at(-1)!.option(OptionNumber.echo)?.length]).toEqual([Code.unauthorized, 8]);
    }
  });

  it("RFC 9175 2.3, 2.4, 2.6: is all there is once it has given the Echo back, without being asked again", async () => {
    await build();
    const peer = world.rawPeer();
    const first = await sentTo(peer, message(Code.get, "large/900"), 100);
    const echo = first.first.option(OptionNumber.echo)!;
    peer.take();
    peer.send(message(Code.get, "large/900", [[OptionNumber.echo, echo]]));
    peer.send(message(Code.get, "large/5000"));
    peer.send(message(Code.get, "value", [[OptionNumber.observe, 0]]));
    await world.clock.advance(10);
    expect(peer.take()).toMatchObject([{ code: Code.content }, { code: Code.content }, { code: Code.content }]);
    expect(world.server.observers()).toBe(1);
    expect(runs).toBe(3);
  });

  it("of what was done is at least the code, and it is done once", async () => {
    await build();
    const { first } = await sentTo(world.rawPeer(), message(Code.post, "made"));
    expect([first.code, first.option(OptionNumber.echo)]).toEqual([Code.created, undefined]);
    expect(runs).toBe(1);
  });

  it("is a code without its text where the text is too long", async () => {
    await build();
    const { first } = await sentTo(world.rawPeer(), message(Code.get, "value", [[9, ""]]));
    expect(first.code).toBe(Code.badOption);
  });

  it("has no limit on loopback, unless that is asked for, and none at all where it is off", async () => {
    for (const [amplification, address, isLimited] of [
      ["routable", "127.0.0.9", false],
      ["routable", "10.0.3.3", true],
      ["all", "127.0.0.9", true],
      ["none", "10.0.3.3", false],
    ] as const) {
      await build({ amplification });
      const { first } = await sentTo(
        world.rawPeer(address),
        message(Code.get, "large/900", [], { token: new Uint8Array(8) }),
      );
      expect(first.payload.length, `${amplification} ${address}`).toBe(isLimited ? 32 : 900);
      if (address !== "10.0.3.3" || amplification !== "none") await world.stop();
    }
  });
});

describe("RFC 9175: a forged source", () => {
  it("RFC 7959 7.1; RFC 9175 2.4: allocates nothing by a first block, nor by an observation", async () => {
    await build();
    for (let i = 0; i < 50; i++) {
      const peer = world.rawPeer(`10.9.0.${i}`);
      peer.send(
        message(Code.put, "store", [[OptionNumber.block1, blockOption(0, true, 6)]], {
          payload: new Uint8Array(1_024),
        }),
      );
      peer.send(message(Code.get, "value", [[OptionNumber.observe, 0]]));
      await world.clock.advance(10);
      for (const seen of peer.take()) {
        expect(seen.code).toBe(Code.unauthorized);
        expect(seen.option(OptionNumber.echo)).toHaveLength(8);
      }
    }
    expect(world.server.counters()).toMatchObject({
      "held.transfers": 0,
      "held.transferBytes": 0,
      "held.observers": 0,
      "held.onceExchanges": 0,
    });
    expect(runs).toBe(0);
  });

  it("can't use an Echo that another address was sent, nor one of another kind", async () => {
    await build();
    const honest = world.rawPeer();
    const { first } = await sentTo(honest, message(Code.get, "large/900"), 100);
    const echo = first.option(OptionNumber.echo)!;
    const wrong = [echo, new Uint8Array(8), echo.subarray(0, 5), new Uint8Array([...echo, 0]), new Uint8Array(1)];
    for (const value of wrong) {
      const { first: again } = await sentTo(
        world.rawPeer(),
        message(Code.get, "large/900", [[OptionNumber.echo, value]]),
        100,
      );
      expect(again.payload.length).toBeLessThanOrEqual(32);
    }
  });
});

describe("RFC 9175: our client", () => {
  it("RFC 9175 2.3: gives back the Echo of a 4.01 with the same request, whatever is asked", async () => {
    await build();
    expect((await world.get("large/5000")).payload).toHaveLength(5_000);
    expect((await world.get("large/900")).code).toBe(Code.content);
    expect((await world.get("store", { method: "PUT", payload: new Uint8Array(3_000) })).code).toBe(Code.changed);
    const seen: string[] = [];
    const target = { to: serverAddress, path: ["value"] };
    world.client.observe(target, {
      notification: ({ payload }) => seen.push(String(payload)),
      ended: (why) => seen.push(why),
    });
    await world.clock.advance(50);
    world.server.notify("/value");
    await world.clock.advance(50);
    expect(seen).toEqual(["118", "118"]);
  });

  it("RFC 9175 2.3: registers an observation again with the Echo of a 4.01", async () => {
    await build();
    const seen: string[] = [];
    const target = { to: serverAddress, path: ["value"] };
    world.client.observe(target, {
      notification: ({ payload }) => seen.push(String(payload)),
      ended: (why) => seen.push(why),
    });
    await world.clock.advance(50);
    expect([seen, world.server.observers()]).toEqual([["118"], 1]);
  });

  it("RFC 9175 2.3: stops when its Echo isn't taken, with the 4.01; and uploads begin with an Echo too", async () => {
    await build();
    const hand = new RawPeer(world.network.transport("10.0.0.77", 5_683), world.clock);
    const to = { address: "10.0.0.77", port: 5_683 };
    const answer = world.client.request({ to, method: "PUT", path: ["x"], payload: new Uint8Array(3_000) });
    const echoes: (Uint8Array | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      await world.clock.advance(10);
      const [asked] = hand.take();
      echoes.push(asked!.option(OptionNumber.echo));
      const token = Buffer.from(asked!.token, "hex");
      const options = [[OptionNumber.echo, `echo${i}`]] as const;
      const reply = { type: "ACK", code: Code.unauthorized, messageId: asked!.messageId, token, options } as const;
      hand.sendBytes(encodePlain(reply), clientAt);
    }
    expect((await world.run(answer)).code).toBe(Code.unauthorized);
    expect(echoes).toEqual([undefined, bytesOf("echo0"), bytesOf("echo1")]);
  });

  it("RFC 9175 2.2, 2.3: gives an Echo of another answer back with its next request, unchanged, to that server alone", async () => {
    await build();
    const [a, b] = ["10.0.0.77", "10.0.0.78"].map((at) => new RawPeer(world.network.transport(at, 5_683), world.clock));
    const value = Uint8Array.of(0, 255, 0, 1);
    const exchange = async (hand: RawPeer, address: string, echo?: Uint8Array): Promise<Uint8Array | undefined> => {
      const pending = world.client.request({ to: { address, port: 5_683 }, method: "GET", path: [] });
      await world.clock.advance(10);
      const [asked] = hand.take();
      const token = Buffer.from(asked!.token, "hex");
      const options = echo === undefined ? [] : ([[OptionNumber.echo, echo]] as const);
      const reply = { type: "ACK", code: Code.content, messageId: asked!.messageId, token, options } as const;
      hand.sendBytes(encodePlain(reply), clientAt);
      await world.run(pending);
      return asked!.option(OptionNumber.echo);
    };
    expect(await exchange(a!, "10.0.0.77", value)).toBeUndefined();
    expect(await exchange(b!, "10.0.0.78")).toBeUndefined();
    expect(await exchange(a!, "10.0.0.77")).toEqual(value);
    expect(await exchange(a!, "10.0.0.77")).toBeUndefined();
  });
});

/** Says of every datagram that it came from this identity. */
function provenAs(identity: PeerIdentity): Security {
  let up: MessageReceiver;
  let down: Parameters<Security["start"]>[1];
  return {
    start(receiver, sender) {
      up = receiver;
      down = sender;
    },
    stop() {},
    datagram: (bytes, start, end, source) => up.message(bytes, start, end, source, identity),
    send: (bytes, start, end, destination) => down.send(bytes, start, end, destination),
  };
}

describe("RFC 9175: a route that wants fresh requests", () => {
  async function secured(identity: PeerIdentity): Promise<{ peer: RawPeer; secure: CoapEndpoint }> {
    await build();
    const secure = new CoapEndpoint({
      transport: world.network.transport("10.0.0.50", 5_684),
      security: provenAs(identity),
      clock: world.clock,
      entropy: seededEntropy("secure"),
      log: silentLog,
    });
    secure.route({
      method: "POST",
      path: "/unlock",
      replay: "once",
      fresh: true,
      answer() {
        runs++;
      },
    });
    await secure.start();
    return { peer: world.rawPeer(), secure };
  }
  const to = RemoteAddress.from("10.0.0.50", 5_684);
  const ask = async (peer: RawPeer, ...more: [number, Uint8Array][]): Promise<SeenMessage> => {
    peer.sendBytes(encodePlain(message(Code.post, "unlock", more)), to);
    await world.clock.advance(10);
    return peer.take().at(-1)!;
  };

  it("RFC 9175 2.2, 2.3: runs none without an Echo, with one of somebody else's making, or one too old; with ours it runs", async () => {
    const { peer, secure } = await secured({ kind: "operator", id: "ann", scheme: "psk" });
    const first = await ask(peer);
    const echo = first.option(OptionNumber.echo)!;
    expect([first.code, echo.length, runs]).toEqual([Code.unauthorized, 8, 0]);
    const forged = await ask(peer, [OptionNumber.echo, new Uint8Array(8)]);
    expect([forged.code, runs]).toEqual([Code.unauthorized, 0]);
    expect(forged.option(OptionNumber.echo)).toBeDefined();
    expect([(await ask(peer, [OptionNumber.echo, echo])).code, runs]).toEqual([Code.changed, 1]);
    await world.clock.advance(61_000);
    const late = await ask(peer, [OptionNumber.echo, echo]);
    expect([late.code, late.option(OptionNumber.echo)?.length, runs]).toEqual([Code.unauthorized, 8, 1]);
    await secure.stop();
  });

  it("RFC 9175 2.3: gives no Echo for freshness to who has no identity: nothing would protect it", async () => {
    const { peer, secure } = await secured({ kind: "none" });
    const refused = await ask(peer);
    expect([refused.code, refused.option(OptionNumber.echo), runs]).toEqual([Code.unauthorized, undefined, 0]);
    await secure.stop();
  });
});

describe("RFC 9175: Echo values", () => {
  const peer = (address: string, port: number, identity: PeerIdentity = { kind: "none" }): Peer => ({
    ...{ address, port, identity },
    ...{ family: 4, isLoopback: false, row: 0 },
  });
  const made = (clock: VirtualClock, seed: string): EchoValues =>
    new EchoValues({ clock, entropy: seededEntropy(seed), freshMs: 60_000 });

  it("RFC 9175 2.3, 5, 5.1, 6, A: are a MAC of time, address and identity, by the monotonic clock, and die with the process", async () => {
    const clock = new VirtualClock();
    const values = made(clock, "one");
    const ann = peer("10.0.0.1", 5_683, { kind: "operator", id: "ann", scheme: "psk" });
    const value = values.make(ann);
    expect(value).toHaveLength(8);
    expect(values.accepts(value, ann)).toBe(true);
    for (const other of [
      peer("10.0.0.2", 5_683, ann.identity),
      peer("10.0.0.1", 5_684, ann.identity),
      peer("10.0.0.1", 5_683),
      peer("10.0.0.1", 5_683, { kind: "operator", id: "bob", scheme: "psk" }),
      peer("10.0.0.1", 5_683, { kind: "operator", id: "ann", scheme: "oscore" }),
    ]) {
      expect(values.accepts(value, other)).toBe(false);
    }
    expect(made(clock, "after the reboot").accepts(value, ann)).toBe(false);
    for (let bit = 0; bit < value.length * 8; bit++) {
      const forged = Uint8Array.from(value);
      forged[bit >> 3]! ^= 1 << (bit & 7);
      expect(values.accepts(forged, ann)).toBe(false);
    }
    for (const length of [0, 1, 7]) expect(values.accepts(value.subarray(0, length), ann)).toBe(false);
    expect(values.accepts(Uint8Array.of(...value, 0), ann)).toBe(false);
    await clock.advance(29_000);
    expect(values.accepts(value, ann)).toBe(true);
    await clock.advance(31_001);
    expect(values.accepts(value, ann)).toBe(false);
    expect(Buffer.from(values.make(ann)).equals(Buffer.from(value))).toBe(false);
  });
});

describe("RFC 9175: Request-Tag", () => {
  it("RFC 9175 3.3, 3.4: is opaque and tells bodies apart; one that comes without a Block option is ignored", async () => {
    await build({ amplification: "none" });
    const peer = world.rawPeer();
    const put = (number: number, more: boolean, tag: Uint8Array, size = 16): PlainMessage =>
      message(
        Code.put,
        "store",
        [
          [OptionNumber.block1, blockOption(number, more, 0)],
          [OptionNumber.requestTag, tag],
        ],
        { payload: new Uint8Array(size) },
      );
    const tags = [new Uint8Array(0), Uint8Array.of(0), Uint8Array.of(0, 0), new Uint8Array(8).fill(255)];
    for (const tag of tags) peer.send(put(0, true, tag));
    await world.clock.advance(10);
    expect(peer.take().map(({ code }) => code)).toEqual(tags.map(() => Code.continue));
    for (const tag of tags) peer.send(put(1, false, tag, 3));
    peer.send(message(Code.put, "store", [[OptionNumber.requestTag, 9]], { payload: "x" }));
    peer.send(put(1, false, Uint8Array.of(7)));
    await world.clock.advance(10);
    const last = [...tags.map(() => Code.changed), Code.changed, Code.requestEntityIncomplete];
    expect(peer.take().map(({ code }) => code)).toEqual(last);
  });

  it("RFC 9175 3.3, 3.4, 3.5.1: of our client differs for every body, is the same in all its blocks and those of its answer", async () => {
    await build({ amplification: "none" });
    world.server.route({
      method: "POST",
      path: "/mirror",
      replay: "once",
      answer(request, reply) {
        reply.payload = request.payload.slice();
      },
    });
    const tags = new Map<string, number>();
    const inResponses: boolean[] = [];
    world.network.taps.push(({ bytes, from }) => {
      const seen = decodePlain(bytes);
      const tag = seen.option(OptionNumber.requestTag);
      if (from.address === serverAddress.address) inResponses.push(tag !== undefined);
      else if (tag !== undefined) tags.set(String(tag), (tags.get(String(tag)) ?? 0) + 1);
    });
    const bodies = [1, 2, 3].map((fill) => new Uint8Array(3_000).fill(fill));
    const answers = bodies.map((payload) =>
      world.client.request({ to: serverAddress, method: "POST", path: ["mirror"], payload, blockSize: 512 }),
    );
    for (const [i, answer] of answers.entries()) expect((await world.run(answer)).payload).toEqual(bodies[i]);
    // Six blocks up and five more down for each.
    expect([...tags.values()]).toEqual([11, 11, 11]);
    expect(inResponses.some((has) => has)).toBe(false);
  });

  it("RFC 9175 4.2: tokens of our client aren't used again while an answer could be mistaken", async () => {
    await build({ amplification: "none" });
    const tokens: string[] = [];
    world.network.taps.push(({ bytes, from }) => {
      if (from.address !== serverAddress.address) tokens.push(decodePlain(bytes).token);
    });
    for (let i = 0; i < 300; i++) await world.get("value");
    expect(new Set(tokens).size).toBe(tokens.length);
  });
});
