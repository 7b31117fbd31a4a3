import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
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

const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);
type Options = PlainMessage["options"];

let world: World;
let peer: RawPeer;
let nextId = 1;
let runs = 0;

beforeEach(async () => {
  world = new World();
  runs = 0;
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const route = (method: "GET" | "POST" | "PUT" | "DELETE", path: string, reply: object = {}, more: object = {}): void =>
  world.server.route({
    method,
    path,
    replay: "again",
    ...more,
    answer(request, into) {
      runs++;
      if (request.payload.length > 0) into.payload = request.payload;
      Object.assign(into, reply);
    },
  });
const send = async (message: Partial<PlainMessage> = {}): Promise<SeenMessage[]> => {
  const plain: PlainMessage = { type: "CON", code: Code.get, messageId: nextId++, ...message };
  peer.send(plain);
  await world.clock.advance(20);
  return peer.take();
};
const ask = (more: object = {}): ReturnType<typeof world.client.request> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });
const codeOf = async (message: Partial<PlainMessage>): Promise<number> => (await send(message))[0]!.code;

describe("methods", () => {
  it("RFC 7252 5.8, 5.8.3: an unrecognised method is 4.05, piggybacked, whatever the path; an unsupported one too", async () => {
    route("GET", "/here");
    for (const code of [8, 9, 30, 31]) {
      for (const options of [path("here"), path("nowhere")]) {
        expect(await send({ code, options })).toMatchObject([{ type: "ACK", code: Code.methodNotAllowed }]);
      }
    }
    expect(await codeOf({ code: Code.put, options: path("here") })).toBe(Code.methodNotAllowed);
    expect(await codeOf({ code: Code.get, options: path("nowhere") })).toBe(Code.notFound);
    expect(runs).toBe(0);
  });

  it("RFC 7252 5.8.1, 5.8.2, 5.8.3, 5.8.4: a route that says nothing else answers 2.05, 2.04, 2.04 and 2.02", async () => {
    for (const method of ["GET", "POST", "PUT", "DELETE"] as const) route(method, "/r");
    const codes: number[] = [];
    // The second DELETE finds nothing any more, and is 2.02 all the same.
    for (const code of [Code.get, Code.post, Code.put, Code.delete, Code.delete])
      codes.push(await codeOf({ code, options: path("r") }));
    expect(codes).toEqual([Code.content, Code.changed, Code.changed, Code.deleted, Code.deleted]);
    route("GET", "/v", { etag: Uint8Array.of(7), payload: bytesOf("v") });
    const asked = (tag: number) => codeOf({ options: [[OptionNumber.eTag, Uint8Array.of(tag)], ...path("v")] });
    expect([await asked(7), await asked(8)]).toEqual([Code.valid, Code.content]);
  });

  it("RFC 7252 5.8.2, 5.8.3: a resource that was created is 2.01 with its Location", async () => {
    route("POST", "/made", { code: Code.created, locationPath: ["made", "7"], locationQuery: ["v=1"] });
    const [answer] = await send({ code: Code.post, options: path("made") });
    expect(answer).toMatchObject({ code: Code.created });
    const response = await world.get("made", { method: "POST" });
    expect([response.locationPath, response.locationQuery]).toEqual([["made", "7"], ["v=1"]]);
  });

  it("RFC 7252 5.1, 5.8.3: GET, PUT and DELETE that come twice leave what once left", async () => {
    const stored = new Map([["b", "there"]]);
    const at = (method: "GET" | "PUT" | "DELETE", answer: (name: string, payload: Uint8Array) => void): void =>
      world.server.route({
        ...{ method, path: "/state/:name", replay: "again" },
        answer: ({ params, payload }) => answer(params["name"]!, payload),
      });
    at("PUT", (name, payload) => void stored.set(name, textOf(payload)));
    at("DELETE", (name) => void stored.delete(name));
    // A GET that would store what it was sent, were it given anything.
    at("GET", (name, payload) => void (payload.length > 0 && stored.set(name, "by GET")));
    const options = (name: string): [number, string][] => path("state", name);
    const twice = async (message: Partial<PlainMessage>): Promise<number[]> => {
      const same = { ...message, messageId: nextId++ };
      return [await codeOf(same), await codeOf(same), await codeOf(message)];
    };
    expect(await twice({ code: Code.put, options: options("a"), payload: "on" })).toEqual(Array(3).fill(Code.changed));
    expect([...stored]).toEqual([
      ["b", "there"],
      ["a", "on"],
    ]);
    expect(await twice({ code: Code.delete, options: options("b") })).toEqual(Array(3).fill(Code.deleted));
    expect(await twice({ options: options("a"), payload: "x" })).toEqual(Array(3).fill(Code.content));
    expect([...stored]).toEqual([["a", "on"]]);
  });
});

describe("payloads", () => {
  it("RFC 7252 5.5: a payload of GET or DELETE is ignored, also one that is too long, and ours have none", async () => {
    for (const [method, code] of [
      ["GET", Code.get],
      ["DELETE", Code.delete],
    ] as const) {
      const seen: number[] = [];
      world.server.route({
        method,
        path: "/p",
        replay: "again",
        maxBody: 4,
        accepts: [60],
        answer: (request) => void seen.push(request.payload.length),
      });
      const [answer] = await send({ code, options: path("p"), payload: "longer than four" });
      expect(answer!.code >> 5).toBe(2);
      expect(seen).toEqual([0]);
      expect(await world.run(faultCode(ask({ method, payload: bytesOf("x") })))).toBe("coap.bad-request");
    }
  });

  it("RFC 7252 5.5.2, 5.9.2, 5.9.3: diagnostic payloads are UTF-8, and absent where the code says all", async () => {
    const [refused] = await send({ options: [[9, "x"]] });
    expect(refused).toMatchObject({ code: Code.badOption, payload: "Option 9" });
    const [missing] = await send({ options: path("nowhere") });
    expect(missing).toMatchObject({ code: Code.notFound, payload: "" });
    // What a route has to say of an error goes out as it says it, and what it throws stays inside.
    route("GET", "/full", { code: Code.serviceUnavailable, payload: new TextEncoder().encode("Störung 冷") });
    const [full] = await send({ options: path("full") });
    expect(full).toMatchObject({ code: Code.serviceUnavailable, payload: "Störung 冷" });
    world.server.route({
      ...{ method: "GET", path: "/broken", replay: "again" },
      answer() {
        throw new Error("the password is sesame");
      },
    });
    const [broken] = await send({ options: path("broken") });
    expect(broken).toMatchObject({ code: Code.internalServerError, payload: "" });
  });

  it("RFC 7252 5.5, 5.9.1.3: 2.03 has an ETag and no payload, whoever answers it, and a payload that comes with it is ignored", async () => {
    const etag = bytesOf("v1");
    route("GET", "/valid", { etag, payload: bytesOf("body") });
    route("GET", "/own", { code: Code.valid, etag, payload: bytesOf("never") });
    route("GET", "/wrong", { code: Code.valid });
    for (const name of ["valid", "own"]) {
      const [answer] = await send({ options: [[OptionNumber.eTag, "v1"], ...path(name)] });
      expect(answer).toMatchObject({ code: Code.valid, payload: "" });
      expect(answer!.option(OptionNumber.eTag)).toEqual(etag);
      expect(answer!.option(OptionNumber.contentFormat)).toBeUndefined();
    }
    expect(await codeOf({ options: path("wrong") })).toBe(Code.internalServerError);
    const hand = new HandServer(world);
    const pending = ask();
    const [request] = await hand.take();
    hand.answer(request!, { code: Code.valid, options: [[OptionNumber.eTag, "v1"]], payload: "ignore me" });
    expect((await world.run(pending)).payload).toHaveLength(0);
  });
});

describe("responses", () => {
  it("RFC 7252 5.2.1, 5.2.2, 5.2.3: a client takes a response in the ACK, after it, before it, confirmable or not", async () => {
    const hand = new HandServer(world);
    const ways: ((request: SeenMessage) => void)[] = [
      (request) => hand.answer(request),
      (request) => {
        hand.send({ type: "ACK", code: 0, messageId: request.messageId });
        hand.answer(request, { type: "CON", messageId: 900 });
      },
      (request) => {
        hand.send({ type: "ACK", code: 0, messageId: request.messageId });
        hand.answer(request, { type: "NON", messageId: 901 });
      },
      (request) => hand.answer(request, { type: "CON", messageId: 902 }),
      (request) => {
        hand.answer(request, { type: "NON", messageId: 903 });
        hand.send({ type: "ACK", code: 0, messageId: request.messageId });
      },
    ];
    const others: SeenMessage[] = [];
    const request = async (): Promise<SeenMessage> => {
      const seen = await hand.take();
      others.push(...seen.filter(({ code }) => code !== Code.get));
      return seen.find(({ code }) => code === Code.get)!;
    };
    for (const way of ways) {
      const pending = ask();
      way(await request());
      expect((await world.run(pending)).code).toBe(Code.content);
    }
    const nons = ["CON", "NON"] as const;
    for (const type of nons) {
      const pending = ask({ confirmable: false });
      hand.answer(await request(), { type, messageId: type === "CON" ? 904 : 905 });
      expect((await world.run(pending)).code).toBe(Code.content);
    }
    await world.clock.advance(200_000);
    others.push(...hand.peer.take());
    // Empty ACKs of the confirmable ones, and nothing that was asked twice.
    expect(others.map(({ type, code, messageId }) => [type, code, messageId])).toEqual([
      ["ACK", 0, 900],
      ["ACK", 0, 902],
      ["ACK", 0, 904],
    ]);
    expect(world.client.counters()["retransmissions"]).toBe(0);
  });

  it("RFC 7252 5.2.2: a separate response is repeated until any ACK with its ID, whatever that carries, or a Reset", async () => {
    world.server.route({
      method: "GET",
      path: "/slow",
      replay: "again",
      async later() {
        await new Promise<void>((resolve) => world.clock.after(300, resolve));
        return {};
      },
    });
    const endings: ((id: number) => void)[] = [
      (id) => peer.send({ type: "ACK", code: 0, messageId: id }),
      (id) => peer.send({ type: "ACK", code: Code.content, messageId: id, token: bytesOf("?"), payload: "odd" }),
      (id) => peer.send({ type: "RST", code: 0, messageId: id }),
    ];
    for (const end of endings) {
      await send({ options: path("slow") });
      await world.clock.advance(4_000);
      const [ack, ...responses] = peer.take();
      expect(ack).toMatchObject({ type: "ACK", code: 0 });
      expect(responses.length).toBe(2);
      end(responses[0]!.messageId);
      await world.clock.advance(100_000);
      expect(peer.take()).toEqual([]);
    }
  });

  it("RFC 7252 5.2.3: a non-confirmable request is answered non-confirmably, errors too", async () => {
    route("GET", "/r");
    expect(await send({ type: "NON", options: path("r") })).toMatchObject([{ type: "NON", code: Code.content }]);
    expect(await send({ type: "NON", options: path("nowhere") })).toMatchObject([{ type: "NON", code: Code.notFound }]);
  });

  it("RFC 7252 5.3.1: every response echoes the token, whatever its length, and so do refusals", async () => {
    route("GET", "/r");
    for (let length = 0; length <= 8; length++) {
      const token = Uint8Array.from({ length }, (_, i) => (i * 37) & 0xff);
      for (const options of [path("r"), path("nowhere"), [[9, "x"]] as Options]) {
        const [answer] = await send({ token, options: options! });
        expect(answer!.token).toBe(Buffer.from(token).toString("hex"));
      }
    }
  });

  it("RFC 7252 5.3.1, 11.4: tokens of ours are 32 random bits or more, and no two that are open are alike", async () => {
    const hand = new HandServer(world);
    const many = new World({ seed: 9, clientLimits: { queuePerPeer: 400 } });
    await many.start();
    const tokens = new Set<string>();
    many.network.taps.push(({ bytes }) =>
      tokens.add(Buffer.from(bytes.subarray(4, 4 + (bytes[0]! & 15))).toString("hex")),
    );
    for (let i = 0; i < 200; i++) {
      const to = { address: `10.1.0.${i}`, port: 5683 };
      many.client.request({ to, method: "GET", path: [] }).catch(() => undefined);
    }
    expect(tokens.size).toBe(200);
    for (const token of tokens) expect(token.length).toBeGreaterThanOrEqual(8);
    const firstBytes = new Set([...tokens].map((token) => token.slice(0, 2)));
    expect(firstBytes.size).toBeGreaterThan(80);
    await many.stop();
    // A token that is in use can't be given to a second request.
    const token = bytesOf("mine");
    const first = faultCode(ask({ token }));
    expect(await world.run(faultCode(ask({ token })))).toBe("coap.bad-request");
    hand.answer((await hand.take())[0]!);
    expect(await world.run(first)).toBe("no fault");
  });

  it("RFC 7252 5.3.2: a response counts only from where the request went, with its token, and in an ACK with its ID", async () => {
    const hand = new HandServer(world);
    const pending = ask();
    const [request] = await hand.take();
    const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
    const token = Buffer.from(request!.token, "hex");
    const elsewhere = world.rawPeer(handAddress.address, 6_000);
    elsewhere.sendBytes(
      encodePlain({ type: "NON", code: Code.content, messageId: 1, token, payload: "port" }),
      clientAt,
    );
    const other = world.rawPeer();
    other.sendBytes(
      encodePlain({ type: "NON", code: Code.content, messageId: 2, token, payload: "address" }),
      clientAt,
    );
    hand.answer(request!, { messageId: request!.messageId ^ 1, payload: "other ID" });
    hand.answer(request!, {
      type: "NON",
      messageId: 3,
      token: Uint8Array.of(...token.subarray(0, 3)),
      payload: "short",
    });
    hand.answer(request!, { type: "NON", messageId: 4, token: Uint8Array.of(...token, 0), payload: "long" });
    await world.clock.advance(100);
    hand.answer(request!, { payload: "mine" });
    expect(textOf((await world.run(pending)).payload)).toBe("mine");
  });

  it("RFC 7252 5.9.2.2, 5.9.2.3: a refusal is handed to the caller, and nothing is asked again", async () => {
    const hand = new HandServer(world);
    for (const code of [Code.unauthorized, Code.badOption, Code.forbidden, Code.serviceUnavailable]) {
      const pending = ask();
      hand.answer((await hand.take())[0]!, { code });
      expect((await world.run(pending)).code).toBe(code);
      await world.clock.advance(100_000);
      expect(hand.peer.take()).toEqual([]);
    }
  });

  it("RFC 7252 5.9.2.9: 4.13 says in Size1 how much would be taken", async () => {
    route("PUT", "/small", {}, { maxBody: 10 });
    const [answer] = await send({ code: Code.put, options: path("small"), payload: "eleven bytes" });
    expect(answer).toMatchObject({ code: Code.requestEntityTooLarge });
    expect(answer!.uint(OptionNumber.size1)).toBe(10);
  });

  it("RFC 7252 5.6.1: Max-Age 0 is sent, so that no cache keeps the answer", async () => {
    route("GET", "/now", { maxAge: 0 });
    expect((await send({ options: path("now") }))[0]!.option(OptionNumber.maxAge)).toHaveLength(0);
  });
});
