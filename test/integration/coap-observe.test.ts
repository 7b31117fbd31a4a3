import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CoapResponse, ObservationEnd } from "../../coap/client-types.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import {
  bytesOf,
  encodePlain,
  RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
  World,
  type WorldOptions,
} from "./coap-harness.ts";

const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
let world: World;
let value = 0;
let code = 0;
let runs = 0;

async function build(options: WorldOptions = {}): Promise<World> {
  const built = new World(options);
  value = 0;
  code = Code.content;
  runs = 0;
  const { server } = built;
  server.route({
    method: "GET",
    path: "/value",
    replay: "again",
    observable: true,
    answer(request, reply) {
      runs++;
      reply.code = code;
      reply.maxAge = 30;
      if (code === Code.content)
        reply.payload = bytesOf(`${value} for ${request.peer.address}${request.queries.join("")}`);
    },
  });
  server.route({
    method: "GET",
    path: "/confirmed",
    replay: "again",
    observable: true,
    notifications: "confirmable",
    answer(_request, reply) {
      reply.payload = bytesOf(String(value));
    },
  });
  server.route({
    method: "GET",
    path: "/shared",
    replay: "again",
    observable: "shared",
    answer(_request, reply) {
      runs++;
      reply.payload = bytesOf(String(value));
    },
  });
  server.route({
    method: "GET",
    path: "/later",
    replay: "again",
    observable: true,
    async later() {
      await new Promise<void>((resolve) => built.clock.after(300, resolve));
      return { payload: bytesOf(String(value)) };
    },
  });
  server.route({
    method: "GET",
    path: "/long",
    replay: "again",
    observable: true,
    answer(_request, reply) {
      reply.payload = new Uint8Array(3_000).fill(65 + value);
    },
  });
  server.route({ method: "GET", path: "/deaf", replay: "again", answer() {} });
  return built.start();
}

beforeEach(async () => {
  world = await build();
});
afterEach(() => world.stop());

const register = (path: string, messageId: number, token: string, observe = 0, type: "CON" | "NON" = "CON") =>
  ({
    type,
    code: Code.get,
    messageId,
    token: bytesOf(token),
    options: [
      [OptionNumber.observe, observe],
      [OptionNumber.uriPath, path],
    ],
  }) as const;

/** Registers and returns the answer. */
async function observed(peer: RawPeer, path: string, messageId = 1, token = "tk"): Promise<SeenMessage> {
  peer.send(register(path, messageId, token));
  await world.clock.advance(400);
  return peer.take().at(-1)!;
}
async function change(path: string, by = 1): Promise<void> {
  value += by;
  world.server.notify(path);
  await world.clock.advance(10);
}

describe("an observer of ours", () => {
  it("gets the state at once and every change, with the token of its registration and a growing Observe value", async () => {
    const peer = world.rawPeer();
    const first = await observed(peer, "value");
    expect(first).toMatchObject({ type: "ACK", code: Code.content, token: "746b" });
    const numbers = [first.uint(OptionNumber.observe)];
    for (let i = 0; i < 3; i++) {
      await world.clock.advance(3_000);
      await change("/value");
      const [seen, ...rest] = peer.take();
      expect(rest).toEqual([]);
      expect(seen).toMatchObject({ type: "NON", token: "746b", payload: `${i + 1} for 10.0.1.1` });
      expect(seen!.uint(OptionNumber.maxAge)).toBe(30);
      numbers.push(seen!.uint(OptionNumber.observe));
    }
    expect(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!)).toBe(true);
    expect(world.server.observers("/value")).toBe(1);
  });

  it("gets no second stream by registering again, and an answer as fresh as any", async () => {
    const peer = world.rawPeer();
    const first = await observed(peer, "value", 1);
    await change("/value");
    const between = peer.take()[0]!;
    const again = await observed(peer, "value", 2);
    expect(world.server.observers()).toBe(1);
    expect(between.uint(OptionNumber.observe)).toBeGreaterThan(first.uint(OptionNumber.observe));
    expect(again.uint(OptionNumber.observe)).toBeGreaterThan(between.uint(OptionNumber.observe));
    await change("/value");
    expect(peer.take()).toHaveLength(1);
  });

  it("moves to another resource when it uses the token for that", async () => {
    const peer = world.rawPeer();
    await observed(peer, "value", 1);
    await observed(peer, "confirmed", 2);
    expect([world.server.observers("/value"), world.server.observers("/confirmed")]).toEqual([0, 1]);
  });

  it("goes when it asks with Observe 1, answered without Observe; a plain GET leaves it alone", async () => {
    const peer = world.rawPeer();
    await observed(peer, "value", 1);
    peer.send({
      type: "CON",
      code: Code.get,
      messageId: 2,
      token: bytesOf("other"),
      options: [[OptionNumber.uriPath, "value"]],
    });
    await world.clock.advance(10);
    expect([world.server.observers(), peer.take()[0]!.uint(OptionNumber.observe)]).toEqual([1, -1]);
    peer.send(register("value", 3, "tk", 1));
    await world.clock.advance(10);
    const [answer] = peer.take();
    expect([answer!.code, answer!.uint(OptionNumber.observe)]).toEqual([Code.content, -1]);
    expect(world.server.observers()).toBe(0);
  });

  it("goes with a Reset, of a confirmable or a non-confirmable notification", async () => {
    for (const path of ["value", "confirmed"]) {
      const peer = world.rawPeer();
      await observed(peer, path);
      await change(`/${path}`);
      peer.send({ type: "RST", code: 0, messageId: peer.take()[0]!.messageId });
      await world.clock.advance(10);
      expect(world.server.observers()).toBe(0);
    }
  });

  it("goes when a confirmable notification is never acknowledged", async () => {
    const peer = world.rawPeer();
    await observed(peer, "confirmed");
    await change("/confirmed");
    await world.clock.advance(100_000);
    expect(peer.take().filter(({ type }) => type === "CON")).toHaveLength(5);
    expect(world.server.counters()).toMatchObject({ "held.observers": 0, "held.outstanding": 0, observersEnded: 1 });
  });

  it("gets an error as its last notification, without Observe", async () => {
    const peer = world.rawPeer();
    await observed(peer, "value");
    code = Code.notFound;
    await change("/value");
    const [last] = peer.take();
    expect([last!.code, last!.uint(OptionNumber.observe)]).toEqual([Code.notFound, -1]);
    expect(world.server.observers()).toBe(0);
  });

  it("isn't taken where nothing can be observed or by an error: the answer has no Observe; over a limit it is 4.29 or 5.03", async () => {
    const peer = world.rawPeer();
    expect((await observed(peer, "deaf")).uint(OptionNumber.observe)).toBe(-1);
    code = Code.unauthorized;
    expect((await observed(peer, "value", 2)).uint(OptionNumber.observe)).toBe(-1);
    await world.stop();
    world = await build({ limits: { observersPerPeer: 2, observers: 3 } });
    const [a, b] = [world.rawPeer("10.0.2.1"), world.rawPeer("10.0.2.2")];
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push((await observed(a, "value", i, `a${i}`)).code);
    for (let i = 0; i < 2; i++) answers.push((await observed(b, "value", i, `b${i}`)).code);
    const { content, tooManyRequests, serviceUnavailable } = Code;
    expect(answers).toEqual([content, content, tooManyRequests, content, serviceUnavailable]);
    expect(world.server.counters()).toMatchObject({ overQuota: 1, overLimit: 1 });
  });

  it("has one confirmable notification under way; changes meanwhile become one, the newest", async () => {
    const peer = world.rawPeer();
    await observed(peer, "confirmed");
    for (let i = 0; i < 5; i++) await change("/confirmed");
    const [first, ...rest] = peer.take();
    expect([first!.type, first!.payload, rest.length]).toEqual(["CON", "1", 0]);
    peer.send({ type: "ACK", code: 0, messageId: first!.messageId });
    await world.clock.advance(10);
    const [second, ...more] = peer.take();
    expect([second!.payload, more.length]).toEqual(["5", 0]);
    expect(second!.messageId).not.toBe(first!.messageId);
  });

  it("gets a confirmable notification now and then, by count and by age", async () => {
    await world.stop();
    world = await build({ limits: { confirmEveryCount: 4, confirmEveryMs: 100_000 } });
    const peer = world.rawPeer();
    await observed(peer, "value");
    const types: string[] = [];
    for (let i = 0; i < 6; i++) {
      await world.clock.advance(3_000);
      await change("/value");
      for (const seen of peer.take()) {
        types.push(seen.type);
        if (seen.type === "CON") peer.send({ type: "ACK", code: 0, messageId: seen.messageId });
      }
    }
    expect(types).toEqual(["NON", "NON", "NON", "NON", "CON", "NON"]);
    await world.clock.advance(120_000);
    await change("/value");
    expect(peer.take()[0]!.type).toBe("CON");
  });

  it("with its own query has its own representation; a filter chooses whom to tell", async () => {
    const [a, b] = [world.rawPeer("10.0.3.1"), world.rawPeer("10.0.3.2")];
    await observed(a, "value");
    const withQuery = register("value", 1, "q");
    b.send({ ...withQuery, options: [...withQuery.options, [OptionNumber.uriQuery, "?"]] });
    await world.clock.advance(10);
    b.take();
    await change("/value");
    expect([a.take()[0]!.payload, b.take()[0]!.payload]).toEqual(["1 for 10.0.3.1", "1 for 10.0.3.2?"]);
    world.server.notify(["value"], (peer) => peer.address === "10.0.3.2");
    await world.clock.advance(10);
    expect([a.take().length, b.take().length]).toEqual([0, 1]);
  });

  it("of a shared representation costs no run of its own", async () => {
    const peers = Array.from({ length: 20 }, () => world.rawPeer());
    for (const [i, peer] of peers.entries()) await observed(peer, "shared", i, `t${i}`);
    runs = 0;
    await change("/shared");
    expect(runs).toBe(1);
    for (const [i, peer] of peers.entries()) {
      expect(peer.take()).toMatchObject([{ payload: "1", token: Buffer.from(`t${i}`).toString("hex") }]);
    }
  });

  it("of a route that answers later is told when it has answered, and the newest state in the end", async () => {
    const peer = world.rawPeer();
    const first = await observed(peer, "later");
    peer.send({ type: "ACK", code: 0, messageId: first.messageId });
    expect([first.type, first.payload, first.uint(OptionNumber.observe) >= 0]).toEqual(["CON", "0", true]);
    await change("/later");
    await change("/later");
    await world.clock.advance(2_000);
    expect(peer.take().at(-1)).toMatchObject({ payload: "2" });
  });

  it("gets the first block of a long notification, and the rest by asking", async () => {
    const peer = world.rawPeer();
    await observed(peer, "long");
    await change("/long");
    const [first] = peer.take();
    expect([first!.payload.length, first!.uint(OptionNumber.block2) & 8]).toEqual([1_024, 8]);
    value++;
    peer.send({
      type: "CON",
      code: Code.get,
      messageId: 50,
      options: [
        [OptionNumber.uriPath, "long"],
        [OptionNumber.block2, 0x16],
      ],
    });
    await world.clock.advance(10);
    const [second] = peer.take();
    expect(second!.payload.slice(0, 3)).toBe("BBB");
    expect(second!.option(OptionNumber.eTag)).toEqual(first!.option(OptionNumber.eTag));
    expect(world.server.observers()).toBe(1);
  });
});

describe("FETCH", () => {
  it("can be observed, each body being a resource of its own", async () => {
    world.server.route({
      method: "FETCH",
      path: "/select",
      replay: "again",
      observable: true,
      answer(request, reply) {
        reply.payload = bytesOf(`${textOf(request.payload)}=${value}`);
      },
    });
    const seen: string[] = [];
    for (const field of ["a", "b"]) {
      world.client.observe(
        { to: serverAddress, method: "FETCH", path: ["select"], payload: bytesOf(field), contentFormat: 0 },
        { notification: ({ payload }) => void seen.push(textOf(payload)), ended() {} },
      );
    }
    await world.clock.advance(50);
    await change("/select");
    expect(seen.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["a=0", "a=1", "b=0", "b=1"]);
  });
});

describe("a thousand observers", () => {
  it("are all told by confirmable notifications, in windows, on a network that loses some", async () => {
    await world.stop();
    world = await build({ loss: 0.02 });
    const clients = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const client = world.endpoint(world.network.transport(`10.1.0.${i}`), { observations: 100 });
        await client.start();
        return client;
      }),
    );
    const latest = new Map<string, string>();
    for (const [i, client] of clients.entries()) {
      for (let n = 0; n < 50; n++) {
        client.observe(
          { to: serverAddress, path: ["confirmed"] },
          {
            notification: (response) => latest.set(`${i}/${n}`, textOf(response.payload)),
            ended: (reason) => latest.set(`${i}/${n}`, reason),
          },
        );
      }
    }
    await world.clock.advance(60_000);
    expect(world.server.observers()).toBe(1_000);
    await change("/confirmed");
    await change("/confirmed");
    await world.clock.advance(100_000);
    expect([...latest.values()].filter((seen) => seen !== "2")).toEqual([]);
    for (const client of clients) await client.stop();
  });
});

describe("an observation of ours", () => {
  let seen: string[] = [];
  let ended: [ObservationEnd, number | undefined][] = [];
  const listener = {
    notification: (response: CoapResponse) => void seen.push(textOf(response.payload)),
    ended: (reason: ObservationEnd, response?: CoapResponse) => void ended.push([reason, response?.code]),
  };
  /** A server made by hand. */
  let hand: RawPeer;
  const handAt = { address: "10.0.0.77", port: 5683 };
  const notify = (token: string, observe: number | undefined, payload: string, more: object = {}): void => {
    const options = observe === undefined ? [] : [[OptionNumber.observe, observe] as const];
    const message = {
      type: "NON",
      code: Code.content,
      messageId: Math.floor(world.clock.monotonicMs()) & 0xffff,
      options,
      payload,
    } as const;
    hand.sendBytes(encodePlain({ token: Buffer.from(token, "hex"), ...message, ...more }), clientAt);
  };
  async function open(): Promise<{ observation: ReturnType<typeof world.client.observe>; token: string }> {
    const observation = world.client.observe({ to: handAt, path: ["v"] }, listener);
    await world.clock.advance(10);
    const [request] = hand.take();
    expect(request!.uint(OptionNumber.observe)).toBe(0);
    notify(request!.token, 10, "first", { type: "ACK", messageId: request!.messageId });
    await world.clock.advance(10);
    return { observation, token: request!.token };
  }
  beforeEach(() => {
    seen = [];
    ended = [];
    hand = new RawPeer(world.network.transport(handAt.address, handAt.port), world.clock);
  });

  it("hears every change of a server of ours, and cancels there", async () => {
    const observation = world.client.observe({ to: serverAddress, path: ["value"] }, listener);
    await world.clock.advance(20);
    await change("/value");
    await change("/value");
    expect(seen).toEqual(["0 for 10.0.0.2", "1 for 10.0.0.2", "2 for 10.0.0.2"]);
    observation.cancel();
    observation.cancel();
    await world.clock.advance(20);
    expect(ended).toEqual([["cancelled", undefined]]);
    expect([world.server.observers(), world.client.observations(), observation.isActive]).toEqual([0, 0, false]);
  });

  it("drops notifications that are older than what it knows, but takes any after 128 s", async () => {
    const { token } = await open();
    for (const [observe, payload] of [
      [12, "c"],
      [11, "b"],
      [12, "c again"],
      [13, "d"],
    ] as const) {
      notify(token, observe, payload);
      await world.clock.advance(10);
    }
    expect(seen).toEqual(["first", "c", "d"]);
    expect(world.client.counters()["notificationsStale"]).toBe(2);
    await world.clock.advance(130_000);
    notify(token, 3, "after a restart");
    await world.clock.advance(10);
    expect(seen.at(-1)).toBe("after a restart");
  });

  it("knows that numbers wrap", async () => {
    const { token } = await open();
    notify(token, 0x7fffff, "a");
    await world.clock.advance(10);
    notify(token, 0xfffff0, "b");
    await world.clock.advance(10);
    notify(token, 2, "c");
    await world.clock.advance(10);
    notify(token, 0xfffff1, "old");
    await world.clock.advance(10);
    expect(seen).toEqual(["first", "a", "b", "c"]);
  });

  it("acknowledges confirmable notifications, each repeat too, and resets those after its end", async () => {
    const { observation, token } = await open();
    for (let i = 0; i < 2; i++) {
      notify(token, 11, "x", { type: "CON", messageId: 900 });
      await world.clock.advance(10);
    }
    expect(hand.take()).toMatchObject([
      { type: "ACK", messageId: 900 },
      { type: "ACK", messageId: 900 },
    ]);
    expect(seen).toEqual(["first", "x"]);
    observation.cancel();
    await world.clock.advance(10);
    const [deregister] = hand.take();
    expect(deregister!.uint(OptionNumber.observe)).toBe(1);
    notify(token, undefined, "", { type: "ACK", messageId: deregister!.messageId });
    await world.clock.advance(10);
    notify(token, 14, "too late", { type: "CON", messageId: 901 });
    await world.clock.advance(10);
    expect(hand.take()).toMatchObject([{ type: "RST", messageId: 901 }]);
    expect(seen).toEqual(["first", "x"]);
  });

  it("ends with what ended it: an error, no Observe, a Reset, silence, the endpoint", async () => {
    const { token } = await open();
    notify(token, undefined, "", { code: Code.notFound });
    await world.clock.advance(10);
    expect(ended).toEqual([["refused", Code.notFound]]);

    world.client.observe({ to: serverAddress, path: ["deaf"] }, listener);
    await world.clock.advance(20);
    expect(ended.at(-1)).toEqual(["refused", Code.content]);

    world.client.observe({ to: handAt, path: [] }, listener);
    await world.clock.advance(10);
    hand.sendBytes(encodePlain({ type: "RST", code: 0, messageId: hand.take()[0]!.messageId }), clientAt);
    await world.clock.advance(10);
    expect(ended.at(-1)).toEqual(["reset", undefined]);

    world.client.observe({ to: handAt, path: [] }, listener);
    await world.clock.advance(100_000);
    expect(ended.at(-1)).toEqual(["timeout", undefined]);

    world.client.observe({ to: serverAddress, path: ["value"] }, listener);
    await world.clock.advance(20);
    await world.client.stop();
    expect(ended.at(-1)).toEqual(["stopped", undefined]);
    expect(world.client.counters()["held.observations"]).toBe(0);
  });

  it("renews under the same token, which makes no second stream", async () => {
    const observation = world.client.observe({ to: serverAddress, path: ["value"] }, listener);
    await world.clock.advance(20);
    observation.renew();
    await world.clock.advance(20);
    await change("/value");
    expect([seen.length, world.server.observers()]).toEqual([3, 1]);
  });

  it("brings notifications of many blocks whole", async () => {
    const bodies: Uint8Array[] = [];
    world.client.observe(
      { to: serverAddress, path: ["long"] },
      { ...listener, notification: ({ payload }) => void bodies.push(payload) },
    );
    await world.clock.advance(100);
    await change("/long");
    await world.clock.advance(100);
    expect(bodies.map((body) => [body.length, body[0], body[2_999]])).toEqual([
      [3_000, 65, 65],
      [3_000, 66, 66],
    ]);
  });

  it("is a flat row for a kind that many share", async () => {
    const heard: [number, string][] = [];
    const kind = {
      path: ["value"],
      notification: (context: number, response: CoapResponse) => void heard.push([context, textOf(response.payload)]),
      ended: (context: number, reason: ObservationEnd) => void heard.push([context, reason]),
    };
    const rows = [7, 8, 9].map((context) => world.client.observeRow(serverAddress, kind, context));
    await world.clock.advance(50);
    expect(new Set(heard.map(([context]) => context))).toEqual(new Set([7, 8, 9]));
    heard.length = 0;
    world.client.cancelRow(rows[1]!);
    await world.clock.advance(50);
    await change("/value");
    expect(heard.sort(([a], [b]) => a - b)).toEqual([
      [7, "1 for 10.0.0.2"],
      [8, "cancelled"],
      [9, "1 for 10.0.0.2"],
    ]);
  });
});
