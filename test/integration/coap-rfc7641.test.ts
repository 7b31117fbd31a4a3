import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CoapResponse, ObservationEnd } from "../../coap/client-types.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  type PlainMessage,
  RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
  World,
} from "./coap-harness.ts";

const { observe, eTag } = OptionNumber;
const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
const handAt = { address: "10.0.0.77", port: 5_683 } as const;
let world: World;
let value = 0;
let code: number = Code.content;
let format: number | undefined;
let nextId = 1;

async function build(options: ConstructorParameters<typeof World>[0] = {}): Promise<void> {
  world = new World(options);
  value = 0;
  code = Code.content;
  format = 0;
  for (const [path, more] of [
    ["/v", { observable: true }],
    ["/shared", { observable: "shared" }],
    ["/con", { observable: true, notifications: "confirmable" }],
    ["/deaf", {}],
  ] as const) {
    world.server.route({
      method: "GET",
      path,
      replay: "again",
      ...more,
      answer(_request, reply) {
        reply.code = code;
        reply.contentFormat = format;
        reply.etag = bytesOf(`e${value}`);
        reply.maxAge = 5;
        reply.payload = bytesOf(String(value));
      },
    });
  }
  world.server.route({
    method: "GET",
    path: "/slow",
    replay: "again",
    observable: true,
    notifications: "confirmable",
    async later() {
      const now = value;
      await new Promise<void>((resolve) => world.clock.after(20, resolve));
      return { payload: bytesOf(String(now)) };
    },
  });
  await world.start();
}
beforeEach(() => build());
afterEach(() => world.stop());

const register = (path: string, token = "tk", more: [number, string | number][] = [], number = 0): PlainMessage => ({
  type: "CON",
  code: Code.get,
  messageId: nextId++,
  token: bytesOf(token),
  options: [[observe, number] as [number, number], [OptionNumber.uriPath, path] as [number, string], ...more].sort(
    ([a], [b]) => a - b,
  ),
});
async function ask(peer: RawPeer, what: PlainMessage): Promise<SeenMessage> {
  peer.send(what);
  await world.clock.advance(30);
  return peer.take().at(-1)!;
}
async function change(path: string, waitMs = 10): Promise<void> {
  value++;
  world.server.notify(path);
  await world.clock.advance(waitMs);
}
const acknowledge = (peer: RawPeer, seen: SeenMessage): void =>
  peer.send({ type: "ACK", code: 0, messageId: seen.messageId });

describe("RFC 7641: a server, asked for an observation", () => {
  it("RFC 7641 1.3, 4.1: answers with the state and keeps the observer up to date until it goes", async () => {
    const peer = world.rawPeer();
    const first = await ask(peer, register("v"));
    expect([first.code, first.payload, first.uint(observe) >= 0]).toEqual([Code.content, "0", true]);
    for (let i = 0; i < 20; i++) await change("/v", 1);
    for (let i = 0; i < 5; i++) {
      for (const seen of peer.take()) {
        expect(seen.token).toBe(Buffer.from("tk").toString("hex"));
        if (seen.type === "CON") acknowledge(peer, seen);
        value = Math.max(value, Number(seen.payload));
      }
      await world.clock.advance(50);
    }
    const last = await ask(peer, register("v"));
    expect(last.payload).toBe("20");
  });

  it("RFC 7641 4.1: has one entry for an endpoint and a token, which a further registration renews", async () => {
    const [a, b] = [world.rawPeer(), world.rawPeer()];
    for (const peer of [a, b, a]) await ask(peer, register("v", "one"));
    await ask(a, register("v", "two"));
    expect(world.server.observers("/v")).toBe(3);
    await ask(a, register("con", "two"));
    expect([world.server.observers("/v"), world.server.observers("/con")]).toEqual([2, 1]);
  });

  it("RFC 7641 4.1: puts no Observe into the answer where it won't notify, nor where it was asked to stop", async () => {
    const peer = world.rawPeer();
    expect((await ask(peer, register("deaf"))).uint(observe)).toBe(-1);
    await ask(peer, register("v"));
    const stopped = await ask(peer, register("v", "tk", [], 1));
    expect([stopped.code, stopped.uint(observe), world.server.observers()]).toEqual([Code.content, -1, 0]);
    await ask(peer, register("v"));
    // Also where the client wants no answer.
    peer.send(register("v", "tk", [[OptionNumber.noResponse, 26]], 1));
    await world.clock.advance(20);
    expect(world.server.observers()).toBe(0);
    const unknown = await ask(peer, register("v", "other", [], 7));
    expect([unknown.code, unknown.uint(observe), world.server.observers()]).toEqual([Code.content, -1, 0]);
  });
});

describe("RFC 7641: a notification", () => {
  it("RFC 7641 4.2: has Observe and the token of its registration, the initial answer too", async () => {
    const peer = world.rawPeer();
    const first = await ask(peer, register("v", "abcdefgh"));
    await change("/v");
    const all = [first, ...peer.take()];
    expect(all).toHaveLength(2);
    for (const seen of all) {
      expect([seen.token, seen.uint(observe) >= 0]).toEqual([Buffer.from("abcdefgh").toString("hex"), true]);
    }
  });

  it("RFC 7641 4.2, 4.3.2: is 2.05, whatever ETags the first observer of the resource knows", async () => {
    const [a, b] = [world.rawPeer(), world.rawPeer()];
    await ask(a, register("v", "a", [[eTag, "e1"]]));
    await ask(b, register("v", "b"));
    await change("/v");
    for (const peer of [a, b]) expect(peer.take()).toMatchObject([{ code: Code.content, payload: "1" }]);
  });

  it("RFC 7641 4.2: that is no success is the last one, without Observe, and ends the observation", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v"));
    code = Code.notFound;
    await change("/v");
    const [last] = peer.take();
    expect([last!.code, last!.uint(observe), world.server.observers()]).toEqual([Code.notFound, -1, 0]);
  });

  it("RFC 7641 4.2: has the Content-Format of the first answer, or is 4.06 and the last", async () => {
    for (const path of ["v", "shared"]) {
      format = 0;
      const [a, b] = [world.rawPeer(), world.rawPeer()];
      await ask(a, register(path));
      format = 50;
      await ask(b, register(path));
      await change(`/${path}`);
      const [seen] = a.take();
      expect([seen!.code, seen!.uint(observe)]).toEqual([Code.notAcceptable, -1]);
      expect(b.take()).toMatchObject([{ code: Code.content, payload: String(value) }]);
      expect(world.server.observers(`/${path}`)).toBe(1);
      format = undefined;
      await change(`/${path}`, 4_000);
      expect(b.take().at(-1)!.code).toBe(Code.notAcceptable);
      expect(world.server.observers(`/${path}`)).toBe(0);
    }
  });

  it("RFC 7641 4.3.1: carries the Max-Age that the route gives", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v"));
    await change("/v");
    expect(peer.take()[0]!.uint(OptionNumber.maxAge)).toBe(5);
  });

  it("RFC 7641 4.4: has a greater number than any before it, also after the observation ended and began again", async () => {
    const peer = world.rawPeer();
    let before = -1;
    for (let i = 0; i < 40; i++) {
      const numbers = [(await ask(peer, register("v"))).uint(observe)];
      for (let n = 0; n < 3; n++) {
        await change("/v");
        for (const seen of peer.take()) {
          numbers.push(seen.uint(observe));
          if (seen.type === "CON") acknowledge(peer, seen);
        }
      }
      for (const number of numbers) {
        expect(number).toBeGreaterThan(before);
        before = number;
      }
      peer.send(register("v", "tk", [], 1));
      await world.clock.advance(5);
      peer.take();
    }
  });

  it("RFC 7641 4.4: doesn't count by more than 2^23 within 256 seconds, however often the resource changes", async () => {
    const peer = world.rawPeer();
    const first = (await ask(peer, register("v"))).uint(observe);
    const beganMs = world.clock.monotonicMs();
    for (let i = 0; i < 3_000; i++) {
      for (let n = 0; n < 20; n++) world.server.notify("/v");
      await world.clock.advance(1);
      for (const seen of peer.take()) if (seen.type === "CON") acknowledge(peer, seen);
    }
    const last = (await ask(peer, register("v"))).uint(observe);
    const perMs = (last - first) / (world.clock.monotonicMs() - beganMs);
    expect(perMs * 256_000).toBeLessThan(2 ** 23);
  });

  it("RFC 7641 4.4, 4.5.1, 4.5.2: that would be retransmitted but is outdated gives way to the newest, with a number and an ID of its own", async () => {
    for (const path of ["con", "slow"]) {
      const peer = world.rawPeer();
      const registered = await ask(peer, register(path));
      if (registered.type === "CON") acknowledge(peer, registered);
      await change(`/${path}`, 200);
      const [old] = peer.take();
      await change(`/${path}`, 0);
      await world.clock.advance(100_000);
      const seen = peer.take();
      const payloads = seen.map((each) => each.payload);
      expect(payloads).toEqual(seen.map(() => String(value)));
      expect(seen.length).toBe(4);
      expect(new Set(seen.map(({ messageId }) => messageId)).size).toBe(1);
      expect(seen[0]!.messageId).not.toBe(old!.messageId);
      expect(seen[0]!.uint(observe)).toBeGreaterThan(old!.uint(observe));
      const gaps = seen.slice(1).map(({ atMs }, i) => atMs - seen[i]!.atMs);
      // The timeout goes on doubling where the old message left it.
      expect(gaps[0]! / (seen[0]!.atMs - old!.atMs)).toBeGreaterThan(1.7);
      expect(gaps[1]! / gaps[0]!).toBeGreaterThan(1.8);
      expect(world.server.observers()).toBe(0);
    }
  });
});

describe("RFC 7641: how notifications are sent", () => {
  it("RFC 7641 4.5: are confirmable one time in ten, and at least every 24 hours", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v"));
    const types: string[] = [];
    for (let i = 0; i < 31; i++) {
      await world.clock.advance(3_000);
      await change("/v");
      for (const seen of peer.take()) {
        types.push(seen.type);
        if (seen.type === "CON") acknowledge(peer, seen);
      }
      await world.clock.advance(5);
    }
    expect(types.map((type, i) => [i, type]).filter(([, type]) => type === "CON")).toEqual([
      [9, "CON"],
      [19, "CON"],
      [29, "CON"],
    ]);
    await world.clock.advance(24 * 3_600_000);
    await change("/v");
    expect(peer.take()).toMatchObject([{ type: "CON" }]);
  });

  it("RFC 7641 4.5: end when one of them is reset, or never acknowledged", async () => {
    for (const path of ["v", "con"]) {
      const peer = world.rawPeer();
      await ask(peer, register(path));
      await change(`/${path}`);
      peer.send({ type: "RST", code: 0, messageId: peer.take()[0]!.messageId });
      await world.clock.advance(10);
      expect(world.server.observers()).toBe(0);
    }
    const peer = world.rawPeer();
    await ask(peer, register("con"));
    await change("/con", 100_000);
    expect([peer.take().length, world.server.observers()]).toEqual([5, 0]);
  });

  it("RFC 7641 4.5.1: non-confirmable come one in 3 s without an RTT estimate; what is sooner is confirmable, one at a time", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v", "one"));
    await ask(peer, register("con", "two"));
    const non: number[] = [];
    let open = 0;
    const ids = new Set<number>();
    for (let i = 0; i < 300; i++) {
      value++;
      world.server.notify("/v");
      world.server.notify("/con");
      await world.clock.advance(10);
      for (const seen of peer.take()) {
        if (seen.type === "NON") non.push(seen.atMs);
        else if (!ids.has(seen.messageId)) {
          ids.add(seen.messageId);
          open++;
        }
      }
    }
    // Nothing was acknowledged: one non-confirmable, and confirmable ones that take each other's place.
    expect(non).toHaveLength(1);
    expect(world.server.counters()["held.outstanding"]).toBe(1);
    expect(open).toBeLessThanOrEqual(2);
  });

  it("RFC 7641 4.5.1: non-confirmable come one in a round-trip time once that is known", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v"));
    const non: number[] = [];
    let waits: SeenMessage | undefined;
    for (let i = 0; i < 4_000; i++) {
      value++;
      world.server.notify("/v");
      await world.clock.advance(5);
      // This peer takes 200 ms to acknowledge.
      if (waits !== undefined && world.clock.monotonicMs() - waits.atMs > 195) {
        acknowledge(peer, waits);
        waits = undefined;
      }
      for (const seen of peer.take()) {
        if (seen.type === "NON") non.push(seen.atMs);
        else waits = seen;
      }
    }
    const gaps = non.slice(1).map((at, i) => at - non[i]!);
    expect(gaps.length).toBeGreaterThan(20);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(195);
  });

  it("RFC 7641 4.5.1: are outstanding one at a time to a client, whatever it observes", async () => {
    const peer = world.rawPeer();
    for (let i = 0; i < 5; i++) await ask(peer, register("con", `t${i}`));
    await change("/con");
    const seen = peer.take();
    expect(seen).toHaveLength(1);
    expect(world.server.counters()["held.outstanding"]).toBe(1);
    acknowledge(peer, seen[0]!);
    await world.clock.advance(10);
    expect(peer.take()).toHaveLength(1);
  });

  it("RFC 7641 7: never go on unconfirmed, so that a forged registration costs its victim little", async () => {
    const peer = world.rawPeer();
    await ask(peer, register("v"));
    for (let i = 0; i < 100; i++) await change("/v", 4_000);
    const seen = peer.take();
    expect(seen.filter(({ type }) => type === "NON").length).toBeLessThanOrEqual(9);
    expect(world.server.observers()).toBe(0);
  });
});

describe("RFC 7641: our client", () => {
  let seen: string[] = [];
  let ended: ObservationEnd[] = [];
  const listener = {
    notification: (response: CoapResponse) => void seen.push(textOf(response.payload)),
    ended: (reason: ObservationEnd) => void ended.push(reason),
  };
  let hand: RawPeer;
  beforeEach(() => {
    seen = [];
    ended = [];
    hand = new RawPeer(world.network.transport(handAt.address, handAt.port), world.clock);
  });
  const send = (token: string, more: Partial<PlainMessage>): void => {
    const base = { type: "CON", code: Code.content, messageId: nextId++, token: Buffer.from(token, "hex") } as const;
    hand.sendBytes(encodePlain({ ...base, ...more }), clientAt);
  };
  async function open(): Promise<{ observation: ReturnType<typeof world.client.observe>; asked: SeenMessage }> {
    const request = { to: handAt, path: ["a"], queries: ["q"], accept: 50, blockSize: 64 };
    const observation = world.client.observe(request, listener);
    await world.clock.advance(10);
    const [asked] = hand.take();
    send(asked!.token, { type: "ACK", messageId: asked!.messageId, options: [[observe, 5]], payload: "first" });
    await world.clock.advance(10);
    return { observation, asked: asked! };
  }

  it("RFC 7641 3.5: acknowledges a confirmable notification that it knows, and resets one that it doesn't", async () => {
    const { asked, observation } = await open();
    send(asked.token, { messageId: 500, options: [[observe, 6]], payload: "second" });
    send("00112233445566ff", { messageId: 501, options: [[observe, 7]], payload: "nobody's" });
    await world.clock.advance(10);
    expect(hand.take()).toMatchObject([
      { type: "ACK", messageId: 500 },
      { type: "RST", messageId: 501 },
    ]);
    observation.cancel();
    await world.clock.advance(10);
    const [cancelled] = hand.take();
    send(cancelled!.token, { type: "ACK", messageId: cancelled!.messageId });
    send(asked.token, { messageId: 502, options: [[observe, 8]], payload: "too late" });
    await world.clock.advance(10);
    expect(hand.take()).toMatchObject([{ type: "RST", messageId: 502 }]);
    expect([seen, ended]).toEqual([["first", "second"], ["cancelled"]]);
  });

  it("RFC 7641 3.3.1, 3.6: renews and cancels with the token and the options of its registration", async () => {
    const { asked, observation } = await open();
    const same = (each: SeenMessage, number: number): void => {
      expect(each.token).toBe(asked.token);
      expect(Math.max(0, each.uint(observe))).toBe(number);
      for (const option of [OptionNumber.uriPath, OptionNumber.uriQuery, OptionNumber.accept, OptionNumber.block2]) {
        expect(each.option(option)).toEqual(asked.option(option));
      }
    };
    observation.renew();
    await world.clock.advance(10);
    const [renewed] = hand.take();
    same(renewed!, 0);
    send(asked.token, { type: "ACK", messageId: renewed!.messageId, options: [[observe, 9]], payload: "again" });
    await world.clock.advance(10);
    observation.cancel();
    await world.clock.advance(10);
    same(hand.take()[0]!, 1);
    expect(seen).toEqual(["first", "again"]);
  });

  it("RFC 7641 3.4: takes what is newer by its number or 128 s younger, and drops the rest", async () => {
    const { asked } = await open();
    const order: [number, string][] = [
      [7, "newer"],
      [6, "older"],
      [7, "same"],
      [0x7fffff, "far"],
      [0xfffff0, "farther"],
      [1, "wrapped"],
      [0xfffff1, "old again"],
    ];
    for (const [number, payload] of order) {
      send(asked.token, { type: "NON", options: [[observe, number]], payload });
      await world.clock.advance(10);
    }
    expect(seen).toEqual(["first", "newer", "far", "farther", "wrapped"]);
    await world.clock.advance(128_100);
    send(asked.token, { type: "NON", options: [[observe, 0xffffe0]], payload: "after a restart" });
    await world.clock.advance(10);
    expect(seen.at(-1)).toBe("after a restart");
  });

  it("RFC 7641 3.2: takes a notification without Observe, or an error, as the last", async () => {
    const { asked } = await open();
    send(asked.token, { type: "NON", code: Code.notFound });
    await world.clock.advance(10);
    expect([ended, world.client.observations()]).toEqual([["refused"], 0]);
  });

  it("RFC 7641 3.3.1: registers again by itself only after Max-Age and 5 to 15 s more without a notification", async () => {
    const sent: SeenMessage[] = [];
    world.network.taps.push(({ bytes, from }) => {
      if (from.address === "10.0.0.2") sent.push(decodePlain(bytes, world.clock.monotonicMs()));
    });
    world.client.observe({ to: serverAddress, path: ["v"], reRegister: true }, listener);
    await world.clock.advance(1_000);
    sent.length = 0;
    // Max-Age is 5 s: while notifications come there is no need to ask.
    for (let i = 0; i < 20; i++) await change("/v", 4_000);
    expect(sent.filter((each) => each.code === Code.get)).toEqual([]);
    const quietFrom = world.clock.monotonicMs() - 4_000;
    world.server.forgetObservers("/v");
    await world.clock.advance(40_000);
    const again = sent.filter((each) => each.code === Code.get);
    expect(again.length).toBeGreaterThan(0);
    const waitMs = again[0]!.atMs - quietFrom;
    expect(waitMs).toBeGreaterThanOrEqual(10_000);
    expect(waitMs).toBeLessThanOrEqual(20_100);
    seen.length = 0;
    await change("/v");
    expect(seen.at(-1)).toBe(String(value));
  });
});
