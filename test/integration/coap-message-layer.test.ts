import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { bytesOf, serverAddress, World } from "./coap-harness.ts";

const vectors = JSON.parse(readFileSync(new URL("../vectors/coap-message.json", import.meta.url), "utf8")) as {
  malformed: { name: string; hex: string; expect: "ignore" | "reset" | "reject" }[];
};
const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);

let world: World;
const runs = { again: 0, once: 0, later: 0 };

beforeEach(async () => {
  world = new World();
  runs.again = 0;
  runs.once = 0;
  runs.later = 0;
  world.server.route({
    method: "GET",
    path: "/again",
    replay: "again",
    answer(_request, reply) {
      reply.payload = bytesOf(`run ${++runs.again}`);
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
    method: "POST",
    path: "/later/:ms",
    replay: "once",
    async later(request) {
      runs.later++;
      const ms = Number(request.params["ms"]);
      await new Promise<void>((resolve) => world.clock.after(ms, resolve));
      return { payload: bytesOf(`run ${runs.later}`) };
    },
  });
  await world.start();
});
afterEach(() => world.stop());

describe("a malformed datagram", () => {
  for (const { name, hex, expect: verdict } of vectors.malformed) {
    it(`gets ${verdict === "reset" ? "a Reset and nothing else" : "no answer"}: ${name}`, async () => {
      const peer = world.rawPeer();
      const bytes = Uint8Array.from(Buffer.from(hex, "hex"));
      peer.sendBytes(bytes);
      await world.clock.advance(500);
      const answers = peer.take();
      if (verdict === "reset") {
        expect(answers).toHaveLength(1);
        expect(answers[0]).toMatchObject({ type: "RST", code: 0, messageId: (bytes[2]! << 8) | bytes[3]! });
      } else {
        expect(answers).toEqual([]);
      }
      const counters = world.server.counters();
      const counted = { ignore: "ignoredNotCoap", reset: "malformedReset", reject: "malformedRejected" }[verdict];
      expect(counters[counted]).toBe(1);
    });
  }

  it("is dropped when it is longer than the limit", async () => {
    const peer = world.rawPeer();
    peer.send({ type: "CON", code: Code.get, messageId: 1, payload: new Uint8Array(2_100) });
    await world.clock.advance(100);
    expect(peer.take()).toEqual([]);
    expect(world.server.counters()["droppedTooLong"]).toBe(1);
  });

  it("from port 0 is dropped: there is nobody to answer", async () => {
    const source = RemoteAddress.from("10.0.0.9", 0);
    const bytes = Uint8Array.from(Buffer.from("40010001b5616761696e", "hex"));
    const receivers: { datagram(b: Uint8Array, s: number, e: number, from: RemoteAddress): void }[] = [];
    const other = world.endpoint(world.network.transport("10.0.0.3", 5683));
    const transport = world.network.transport("10.0.0.4", 5683);
    const open = transport.open.bind(transport);
    transport.open = async (receiver) => {
      receivers.push(receiver);
      await open(receiver);
    };
    const endpoint = world.endpoint(transport);
    await endpoint.start();
    receivers[0]!.datagram(bytes, 0, bytes.length, source);
    expect(endpoint.counters()).toMatchObject({ droppedPortZero: 1, datagramsSent: 0 });
    await endpoint.stop();
    await other.stop();
  });
});

describe("ping", () => {
  it("is answered with a Reset", async () => {
    const peer = world.rawPeer();
    peer.send({ type: "CON", code: 0, messageId: 77 });
    await world.clock.advance(100);
    expect(peer.take()).toMatchObject([{ type: "RST", messageId: 77 }]);
  });

  it("says whether the other end lives", async () => {
    expect(await world.run(world.client.ping(serverAddress))).toBe(true);
    expect(await world.run(world.client.ping({ address: "10.9.9.9", port: 5683 }))).toBe(false);
  });
});

describe("a duplicate", () => {
  it("runs an `again` route again and is answered with its own token", async () => {
    const peer = world.rawPeer();
    for (let i = 0; i < 2; i++) {
      peer.send({ type: "CON", code: Code.get, messageId: 5, token: bytesOf("t1"), options: path("again") });
      await world.clock.advance(50);
    }
    expect(peer.take()).toMatchObject([
      { type: "ACK", messageId: 5, code: Code.content, payload: "run 1", token: "7431" },
      { type: "ACK", messageId: 5, payload: "run 2" },
    ]);
  });

  it("runs a `once` route once; the stored answer is repeated byte for byte for EXCHANGE_LIFETIME", async () => {
    const peer = world.rawPeer();
    const request = {
      type: "CON",
      code: Code.post,
      messageId: 6,
      token: bytesOf("t2"),
      options: path("once"),
    } as const;
    peer.send(request);
    await world.clock.advance(240_000);
    peer.send(request);
    await world.clock.advance(5_000);
    const [first, second] = peer.take();
    expect(second).toMatchObject({ type: "ACK", messageId: 6, payload: "run 1", token: first!.token });
    await world.clock.advance(10_000);
    peer.send(request);
    await world.clock.advance(100);
    expect(peer.take()).toMatchObject([{ payload: "run 2" }]);
    expect(runs.once).toBe(2);
  });

  it("of a non-confirmable `once` request is ignored silently", async () => {
    const peer = world.rawPeer();
    for (let i = 0; i < 3; i++) peer.send({ type: "NON", code: Code.post, messageId: 7, options: path("once") });
    await world.clock.advance(100);
    expect(peer.take()).toHaveLength(1);
    expect(runs.once).toBe(1);
  });

  it("of a running handler gets an empty ACK", async () => {
    const peer = world.rawPeer();
    const request = {
      type: "CON",
      code: Code.post,
      messageId: 8,
      token: bytesOf("x"),
      options: path("later", "150"),
    } as const;
    peer.send(request);
    await world.clock.advance(20);
    peer.send(request);
    await world.clock.advance(50);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0, messageId: 8 }]);
    await world.clock.advance(200);
    expect(peer.take()).toMatchObject([{ type: "CON", code: Code.changed, token: "78" }]);
    expect(runs.later).toBe(1);
  });

  it("is told apart by peer: the same message ID from two addresses is two requests", async () => {
    const [a, b] = [world.rawPeer(), world.rawPeer()];
    for (const peer of [a, b]) peer.send({ type: "CON", code: Code.post, messageId: 9, options: path("once") });
    await world.clock.advance(100);
    expect([a.take()[0]!.payload, b.take()[0]!.payload].sort()).toEqual(["run 1", "run 2"]);
  });
});

describe("limits of `once` exchanges", () => {
  it("answer 4.29 to a peer over its quota and 5.03 when all are taken, each with Max-Age, and forget nobody early", async () => {
    const small = new World({ seed: 2, limits: { onceExchanges: 16, onceExchangesPerPeer: 10 } });
    small.server.route({ method: "POST", path: "/once", replay: "once", answer() {} });
    await small.start();
    const [a, b] = [small.rawPeer(), small.rawPeer()];
    for (let id = 0; id < 11; id++) a.send({ type: "CON", code: Code.post, messageId: id, options: path("once") });
    await small.clock.advance(100);
    for (let id = 0; id < 7; id++) b.send({ type: "CON", code: Code.post, messageId: id, options: path("once") });
    await small.clock.advance(100);
    const [fromA, fromB] = [a.take(), b.take()];
    const refusedA = fromA.filter(({ code }) => code === Code.tooManyRequests);
    const refusedB = fromB.filter(({ code }) => code === Code.serviceUnavailable);
    expect([refusedA.length, refusedB.length]).toEqual([1, 1]);
    expect(refusedA[0]!.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
    expect(refusedB[0]!.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
    await small.clock.advance(250_000);
    a.send({ type: "CON", code: Code.post, messageId: 99, options: path("once") });
    await small.clock.advance(100);
    expect(a.take()).toMatchObject([{ code: Code.changed }]);
    expect(small.server.counters()).toMatchObject({ "held.onceExchanges": 1 });
    await small.stop();
  });
});

describe("an answer that takes long", () => {
  it("travels in the ACK when it comes before 200 ms", async () => {
    const peer = world.rawPeer();
    peer.send({ type: "CON", code: Code.post, messageId: 1, options: path("later", "100") });
    await world.clock.advance(1_000);
    expect(peer.take()).toMatchObject([{ type: "ACK", messageId: 1, code: Code.changed }]);
  });

  it("is a confirmable message of its own after that, repeated until acknowledged, and a late duplicate gets an empty ACK", async () => {
    const peer = world.rawPeer();
    const request = {
      type: "CON",
      code: Code.post,
      messageId: 2,
      token: bytesOf("q"),
      options: path("later", "900"),
    } as const;
    peer.send(request);
    await world.clock.advance(700);
    const [ack] = peer.take();
    expect(ack).toMatchObject({ type: "ACK", code: 0, messageId: 2 });
    expect(ack!.atMs).toBeGreaterThanOrEqual(200);
    await world.clock.advance(4_000);
    const answers = peer.take();
    expect(answers.length).toBeGreaterThan(1);
    for (const answer of answers) {
      expect(answer).toMatchObject({ type: "CON", code: Code.changed, token: "71", messageId: answers[0]!.messageId });
    }
    peer.send({ type: "ACK", code: 0, messageId: answers[0]!.messageId });
    peer.send(request);
    await world.clock.advance(60_000);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0, messageId: 2 }]);
    expect(runs.later).toBe(1);
  });

  it("is non-confirmable for a non-confirmable request, without an ACK", async () => {
    const peer = world.rawPeer();
    peer.send({ type: "NON", code: Code.post, messageId: 3, options: path("later", "900") });
    await world.clock.advance(5_000);
    expect(peer.take()).toMatchObject([{ type: "NON", code: Code.changed }]);
  });

  it("is 5.04 after the deadline, and the handler's signal aborts", async () => {
    const reasons: unknown[] = [];
    world.server.route({
      method: "GET",
      path: "/never",
      replay: "again",
      later: (_request, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reasons.push(signal.reason);
            reject(signal.reason);
          });
        }),
    });
    const response = await world.get("never");
    expect(response.code).toBe(Code.gatewayTimeout);
    expect(reasons).toHaveLength(1);
    expect(world.server.counters()).toMatchObject({ handlerTooLate: 1, handlerFailed: 0, "held.running": 0 });
  });
});

describe("a handler that throws", () => {
  it("is 5.00 without an internal text, and counted", async () => {
    const boom = (): never => {
      throw new Error("secret detail");
    };
    world.server.route({ method: "GET", path: "/boom", replay: "again", answer: boom });
    world.server.route({ method: "GET", path: "/boom-later", replay: "again", later: async () => boom() });
    world.server.route({ method: "GET", path: "/boom-now", replay: "again", later: boom });
    for (const name of ["boom", "boom-later", "boom-now"]) {
      const response = await world.get(name);
      expect(response.code).toBe(Code.internalServerError);
      expect(response.payload).toHaveLength(0);
    }
    expect(world.server.counters()["handlerFailed"]).toBe(3);
  });
});

describe("No-Response (RFC 7967)", () => {
  it("turns an unwanted success into an empty ACK, and into nothing for a non-confirmable request", async () => {
    const peer = world.rawPeer();
    const options = [...path("once"), [OptionNumber.noResponse, 2] as const];
    peer.send({ type: "CON", code: Code.post, messageId: 1, options });
    peer.send({ type: "NON", code: Code.post, messageId: 2, options });
    await world.clock.advance(100);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0, messageId: 1 }]);
    expect(runs.once).toBe(2);
  });
});
