import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { coapLimits } from "../../coap/limits.ts";
import { Code, methodCode, OptionNumber } from "../../coap/message.ts";
import { faultCode, HandServer, handAddress } from "./coap-hand-server.ts";
import {
  bytesOf,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
  World,
} from "./coap-harness.ts";

/** RFC 7967 (No-Response), RFC 8132 (FETCH, PATCH, iPATCH) and, of RFC 8516 (4.29), what binds a client. */

const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);

type Options = NonNullable<PlainMessage["options"]>;

let world: World;
let peer: RawPeer;
let nextId = 1;

beforeEach(async () => {
  world = await new World().start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const send = async (message: Partial<PlainMessage>): Promise<SeenMessage[]> => {
  peer.send({ type: "CON", code: Code.post, messageId: nextId++, ...message });
  await world.clock.advance(20);
  return peer.take();
};
const ask = (more: object = {}): ReturnType<typeof world.client.request> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });

describe("No-Response", () => {
  const classes = [
    [2, Code.changed],
    [4, Code.badRequest],
    [5, Code.serviceUnavailable],
  ] as const;
  const bit = { 2: 2, 4: 8, 5: 16 } as const;

  beforeEach(() => {
    for (const [name, code] of classes) {
      world.server.route({
        method: "POST",
        path: `/${name}`,
        replay: "once",
        answer(_request, reply) {
          reply.code = code;
        },
      });
    }
    world.server.route({
      method: "POST",
      path: "/slow",
      replay: "again",
      async later() {
        await new Promise<void>((resolve) => world.clock.after(500, resolve));
        return {};
      },
    });
  });
  const unwanted = (name: number | string, value: number | Uint8Array): Options => [
    ...path(String(name)),
    [OptionNumber.noResponse, value],
  ];

  it("RFC 7967 2.1: each class that the client didn't name is answered, each that it named is not", async () => {
    for (const [name, code] of classes) {
      for (const value of [0, 2, 8, 16, 10, 18, 24, 26]) {
        const isNamed = (value & bit[name]) !== 0;
        const [ack] = await send({ options: unwanted(name, value) });
        expect(ack).toMatchObject({ type: "ACK", code: isNamed ? 0 : code, token: "" });
        const nons = await send({ type: "NON", options: unwanted(name, value) });
        expect(nons).toMatchObject(isNamed ? [] : [{ type: "NON", code }]);
      }
    }
    // What the engine answers itself is an answer like others.
    expect(await send({ type: "NON", options: unwanted("nowhere", 8) })).toEqual([]);
    expect(await send({ type: "NON", options: unwanted("nowhere", 2) })).toMatchObject([{ code: Code.notFound }]);
  });

  it("RFC 7967 2.1: an answer that comes late and isn't wanted leaves the empty ACK alone, and a duplicate runs nothing", async () => {
    const message = { options: unwanted("slow", 2), messageId: 7_000 };
    await send(message);
    await world.clock.advance(60_000);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0, messageId: 7_000 }]);
    expect(await send(message)).toMatchObject([{ type: "ACK", code: 0, messageId: 7_000 }]);
    expect(await send({ ...message, messageId: 7_001, type: "NON" })).toEqual([]);
    await world.clock.advance(60_000);
    expect(peer.take()).toEqual([]);
  });

  it("RFC 7967 2: it is elective and there once: a bad or second one changes nothing", async () => {
    expect(await send({ options: unwanted(2, Uint8Array.of(0, 2)) })).toMatchObject([{ code: Code.changed }]);
    const twice = [...unwanted(2, 8), [OptionNumber.noResponse, 2] as const];
    expect(await send({ options: twice })).toMatchObject([{ code: Code.changed }]);
  });

  it("RFC 7967 3.1, 3.2: a request without an answer holds its token and, at PROBING_RATE, the next one back", async () => {
    const hand = new HandServer(world);
    const options = [{ number: OptionNumber.noResponse, value: Uint8Array.of(26) }];
    const token = bytesOf("tk");
    const quiet = faultCode(ask({ confirmable: false, token, options }));
    const [first] = await hand.take();
    expect(first).toMatchObject({ type: "NON", token: "746b" });
    expect(await world.run(faultCode(ask({ confirmable: false, token })))).toBe("coap.bad-request");
    const next = faultCode(ask({ confirmable: false }));
    expect(await hand.take()).toEqual([]);
    expect(await world.run(quiet)).toBe("coap.timeout");
    await world.clock.advance(100);
    const [second] = hand.peer.take();
    expect(second!.atMs - first!.atMs).toBeGreaterThan(coapLimits.defaults.responseTimeoutMs - 10);
    hand.answer(second!, { type: "NON", messageId: 3 });
    expect(await world.run(next)).toBe("no fault");
  });
});

describe("FETCH, PATCH and iPATCH", () => {
  const bodies: string[] = [];
  beforeEach(() => {
    bodies.length = 0;
    for (const method of ["FETCH", "PATCH", "iPATCH"] as const) {
      world.server.route({
        method,
        path: "/object",
        replay: method === "PATCH" ? "once" : "again",
        accepts: [50],
        etagOf: () => bytesOf("v1"),
        answer(request, reply) {
          bodies.push(`${method} ${request.payload.length}`);
          if (textOf(request.payload) === "conflict") {
            reply.code = Code.conflict;
            reply.payload = bytesOf("member a is no list");
          } else if (method === "FETCH") {
            reply.etag = bytesOf("v1");
            reply.payload = request.payload;
          }
        },
      });
    }
  });
  const object = (...more: [number, string | number][]): Options =>
    [...path("object"), ...more].sort(([a], [b]) => a - b);
  const json: [number, number] = [OptionNumber.contentFormat, 50];

  it("RFC 8132 2.3.1: a FETCH of ours names the format of its body, or isn't sent", async () => {
    expect(await world.run(faultCode(ask({ method: "FETCH", payload: bytesOf("{}") })))).toBe("coap.bad-request");
    const response = await world.get("object", { method: "FETCH", contentFormat: 50, payload: bytesOf("{}") });
    expect([response.code, textOf(response.payload)]).toEqual([Code.content, "{}"]);
  });

  it("RFC 8132 2.3.2: an ETag in a FETCH is answered 2.03 when what it selects is still the same", async () => {
    const [valid] = await send({ code: Code.fetch, options: object([OptionNumber.eTag, "v1"], json), payload: "{}" });
    expect(valid).toMatchObject({ code: Code.valid, payload: "" });
    const [content] = await send({ code: Code.fetch, options: object([OptionNumber.eTag, "v0"], json), payload: "{}" });
    expect(content).toMatchObject({ code: Code.content, payload: "{}" });
  });

  it("RFC 8132 3: a body that isn't fit for the resource is refused before the route runs, and so is a condition that fails", async () => {
    for (const code of [Code.fetch, Code.patch, Code.iPatch]) {
      const wrong: [number, number] = [OptionNumber.contentFormat, 60];
      expect(await send({ code, options: object(wrong), payload: "x" })).toMatchObject([
        { code: Code.unsupportedContentFormat },
      ]);
      expect(await send({ code, options: object(), payload: "x" })).toMatchObject([
        { code: Code.unsupportedContentFormat },
      ]);
      expect(await send({ code, options: object([OptionNumber.ifMatch, "v0"], json), payload: "x" })).toMatchObject([
        { code: Code.preconditionFailed },
      ]);
    }
    expect(bodies).toEqual([]);
  });

  it("RFC 8132 3: PATCH and iPATCH are both there, each run with its whole body or not at all, PATCH once", async () => {
    const payload = new Uint8Array(3_000).fill(0x20);
    for (const method of ["PATCH", "iPATCH"] as const) {
      // The first two blocks of three: nothing may be seen of them.
      for (const block of [0, 1]) {
        const blockOption = block * 16 + 8 + 6;
        const options = object(json, [OptionNumber.block1, blockOption]);
        const [answer] = await send({ code: methodCode(method), options, payload: payload.subarray(0, 1_024) });
        expect(answer).toMatchObject({ code: Code.continue });
      }
      expect(bodies).toEqual([]);
      const request = { to: serverAddress, method, path: ["object"], contentFormat: 50, payload };
      expect((await world.run(world.client.request(request))).code).toBe(Code.changed);
      expect(bodies.splice(0)).toEqual([`${method} 3000`]);
    }
    const patch = { code: Code.patch, messageId: 4_000, options: object(json), payload: "{}" };
    expect([...(await send(patch)), ...(await send(patch))]).toMatchObject([
      { code: Code.changed },
      { code: Code.changed },
    ]);
    expect(bodies).toEqual(["PATCH 2"]);
  });

  it("RFC 8132 3, 3.4: what can't be changed is an error code, and a conflict says what it is", async () => {
    const conflict = { code: Code.patch, options: object(json), payload: "conflict" };
    expect(await send(conflict)).toMatchObject([{ code: Code.conflict, payload: "member a is no list" }]);
    expect(await send({ code: Code.iPatch, options: path("nothing"), payload: "x" })).toMatchObject([
      { code: Code.notFound },
    ]);
    world.server.route({ method: "GET", path: "/fixed", replay: "again", answer() {} });
    expect(await send({ code: Code.patch, options: path("fixed"), payload: "x" })).toMatchObject([
      { code: Code.methodNotAllowed },
    ]);
  });
});

describe("4.29 at a client", () => {
  const refuse = async (hand: HandServer, more: object, maxAge: number | undefined): Promise<void> => {
    const pending = ask(more);
    const [request] = await hand.take();
    const options = maxAge === undefined ? [] : [[OptionNumber.maxAge, maxAge] as const];
    hand.answer(request!, { code: Code.tooManyRequests, options });
    expect((await world.run(pending)).code).toBe(Code.tooManyRequests);
  };

  it("RFC 8516 4: a similar request isn't sent before Max-Age has passed, others are", async () => {
    const hand = new HandServer(world);
    await refuse(hand, {}, 20);
    const similar = [{}, { confirmable: false }, { accept: 50 }, { blockSize: 64 }];
    for (const more of similar) expect(await world.run(faultCode(ask(more)))).toBe("coap.back-off");
    expect(await hand.take()).toEqual([]);
    const others = [{ path: ["y"] }, { path: ["x", "y"] }, { queries: ["a"] }, { method: "POST" }];
    for (const more of others) {
      const pending = ask(more);
      hand.answer((await hand.take())[0]!);
      expect((await world.run(pending)).code).toBe(Code.content);
    }
    await world.clock.advance(18_000);
    expect(await world.run(faultCode(ask()))).toBe("coap.back-off");
    await world.clock.advance(2_000);
    const pending = ask();
    hand.answer((await hand.take())[0]!);
    expect((await world.run(pending)).code).toBe(Code.content);
  });

  it("RFC 8516 4: without Max-Age it is 60 seconds, and the caller is told how long", async () => {
    const hand = new HandServer(world);
    await refuse(hand, {}, undefined);
    await expect(ask()).rejects.toMatchObject({ code: "coap.back-off", data: { seconds: 60 } });
    await world.clock.advance(59_000);
    await expect(ask()).rejects.toMatchObject({ code: "coap.back-off", data: { seconds: 1 } });
    await world.clock.advance(1_100);
    const pending = ask();
    hand.answer((await hand.take())[0]!);
    await world.run(pending);
  });

  it("RFC 8516 4: an observation that was refused so isn't asked for again either", async () => {
    const hand = new HandServer(world);
    const ends: string[] = [];
    const observe = (): void =>
      void world.client.observe(
        { to: handAddress, path: ["x"] },
        { notification() {}, ended: (reason) => void ends.push(reason) },
      );
    observe();
    hand.answer((await hand.take())[0]!, { code: Code.tooManyRequests, options: [[OptionNumber.maxAge, 30]] });
    await world.clock.advance(10);
    observe();
    expect(await hand.take()).toEqual([]);
    expect(ends).toEqual(["refused", "refused"]);
    expect(await world.run(faultCode(ask()))).toBe("coap.back-off");
  });
});
