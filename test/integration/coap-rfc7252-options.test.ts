import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, ContentFormat, OptionNumber } from "../../coap/message.ts";
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

type Option = readonly [number, Uint8Array | string | number];
const path = (...segments: string[]): Option[] => segments.map((segment) => [OptionNumber.uriPath, segment]);
const sorted = (...options: Option[]): Option[] => options.sort(([a], [b]) => a - b);

let world: World;
let peer: RawPeer;
let nextId = 1;
let runs = 0;
const etag = bytesOf("v1");

beforeEach(async () => {
  world = new World();
  runs = 0;
  world.server.route({
    method: "GET",
    path: "/r/*",
    replay: "again",
    answer(request, reply) {
      runs++;
      reply.payload = bytesOf(JSON.stringify([request.path, request.queries, request.accept ?? null]));
    },
  });
  world.server.route({
    method: "PUT",
    path: "/guarded/:name",
    replay: "again",
    etagOf: (request) => (request.params["name"] === "there" ? etag : undefined),
    answer() {
      runs++;
    },
  });
  world.server.route({
    method: "GET",
    path: "/tagged",
    replay: "again",
    answer(_request, reply) {
      reply.etag = Uint8Array.of(1, 2, 0, 3);
      reply.payload = bytesOf("body");
    },
  });
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const send = async (message: Partial<PlainMessage> = {}): Promise<SeenMessage[]> => {
  peer.send({ type: "CON", code: Code.get, messageId: nextId++, ...message });
  await world.clock.advance(20);
  return peer.take();
};
const codeOf = async (...options: Option[]): Promise<number> => (await send({ options: sorted(...options) }))[0]!.code;
const put = async (name: string, ...options: Option[]): Promise<number> =>
  (await send({ code: Code.put, options: sorted(...path("guarded", name), ...options) }))[0]!.code;
const ask = (more: object = {}): ReturnType<typeof world.client.request> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });

describe("critical and elective", () => {
  it("RFC 7252 5.4.1: an elective option that we don't know is ignored, of any length", async () => {
    for (const number of [2, 10, 3000, 65_534]) {
      for (const value of ["", "x", "y".repeat(300)]) {
        expect(await codeOf(...path("r"), [number, value])).toBe(Code.content);
      }
    }
  });

  it("RFC 7252 5.4.1: a critical one makes a confirmable request 4.02 with a text, and a non-confirmable one vanish", async () => {
    for (const number of [9, 13, 65_535]) {
      const options = sorted(...path("r"), [number, "x"]);
      const [answer] = await send({ options });
      expect(answer).toMatchObject({ type: "ACK", code: Code.badOption, payload: `Option ${number}` });
      expect(await send({ type: "NON", options })).toEqual([]);
    }
    expect(runs).toBe(0);
  });

  it("RFC 7252 5.4.1: a critical one in a response has it rejected: a Reset for a confirmable one, and the request fails", async () => {
    const hand = new HandServer(world);
    for (const [type, answer] of [
      ["CON", [{ type: "RST", messageId: 800 }]],
      ["ACK", []],
    ] as const) {
      const pending = faultCode(ask());
      const [request] = await hand.take();
      const messageId = type === "ACK" ? request!.messageId : 800;
      hand.answer(request!, { type, messageId, options: [[13, "x"]] });
      expect(await world.run(pending)).toBe("coap.bad-response");
      expect(await hand.take()).toMatchObject(answer);
    }
    const pending = faultCode(ask());
    const [request] = await hand.take();
    hand.answer(request!, { type: "NON", messageId: 801, options: [[13, "x"]] });
    expect(await world.run(pending)).toBe("coap.bad-response");
  });

  it("RFC 7252 5.4: an option that isn't defined for a request or a response is one that we don't know", async () => {
    // Location-Path and Max-Age are no request options, and both elective.
    expect(await codeOf(...path("r"), [OptionNumber.locationPath, "x"], [OptionNumber.maxAge, 5])).toBe(Code.content);
    const hand = new HandServer(world);
    // Uri-Path is critical, Size2 and Accept in a response: one fails, the other is ignored.
    for (const [option, fault] of [
      [OptionNumber.uriPath, "coap.bad-response"],
      [OptionNumber.accept, "coap.bad-response"],
      [OptionNumber.noResponse, "no fault"],
    ] as const) {
      const pending = faultCode(ask());
      hand.answer((await hand.take())[0]!, { options: [[option, "x"]] });
      expect(await world.run(pending)).toBe(fault);
    }
  });

  it("RFC 7252 5.4: a response carries Location for 2.01 alone, and ETag validates GET and FETCH alone", async () => {
    const { server } = world;
    server.route({
      method: "POST",
      path: "/changed",
      replay: "again",
      answer(_request, reply) {
        reply.code = Code.content;
        reply.etag = etag;
        reply.payload = bytesOf("result");
        reply.locationPath = ["a"];
        reply.locationQuery = ["b"];
      },
    });
    const options = sorted([OptionNumber.eTag, etag], ...path("changed"));
    const [answer] = await send({ code: Code.post, options });
    expect(answer).toMatchObject({ code: Code.content, payload: "result" });
    expect(answer!.option(OptionNumber.locationPath)).toBeUndefined();
    expect(answer!.option(OptionNumber.locationQuery)).toBeUndefined();
  });

  it("RFC 7252 5.4.3: a value whose length is outside its range makes the option one that we don't know", async () => {
    const critical: Option[] = [
      [OptionNumber.ifMatch, "123456789"],
      [OptionNumber.uriHost, ""],
      [OptionNumber.ifNoneMatch, "x"],
      [OptionNumber.uriPort, "abc"],
      [OptionNumber.uriPath, "p".repeat(256)],
      [OptionNumber.uriQuery, "q".repeat(256)],
      [OptionNumber.accept, "abc"],
      [OptionNumber.proxyUri, ""],
      [OptionNumber.proxyScheme, ""],
    ];
    for (const option of critical) expect(await codeOf(...path("r"), option)).toBe(Code.badOption);
    const elective: Option[] = [
      [OptionNumber.eTag, ""],
      [OptionNumber.eTag, "123456789"],
      [OptionNumber.contentFormat, "abc"],
      [OptionNumber.size1, "12345"],
    ];
    for (const option of elective) expect(await codeOf(...path("r"), option)).toBe(Code.content);
  });

  it("RFC 7252 5.4.4: a default value isn't sent, and is what an absent option means", async () => {
    for (const [name, maxAge] of [
      ["sixty", 60],
      ["other", 61],
    ] as const) {
      world.server.route({
        method: "GET",
        path: `/${name}`,
        replay: "again",
        answer(_request, reply) {
          reply.maxAge = maxAge;
        },
      });
    }
    expect((await send({ options: path("sixty") }))[0]!.option(OptionNumber.maxAge)).toBeUndefined();
    expect((await send({ options: path("other") }))[0]!.uint(OptionNumber.maxAge)).toBe(61);
    const hand = new HandServer(world);
    const pending = ask();
    const [request] = await hand.take();
    for (const number of [OptionNumber.uriHost, OptionNumber.uriPort]) expect(request!.option(number)).toBeUndefined();
    hand.answer(request!);
    expect((await world.run(pending)).maxAge).toBeUndefined();
  });

  it("RFC 7252 5.4.5: one too many of an option is one that we don't know, and we don't send it", async () => {
    const accept: Option = [OptionNumber.accept, 50];
    expect(await codeOf(...path("r"), accept, accept)).toBe(Code.badOption);
    const host: Option = [OptionNumber.uriHost, "a"];
    expect(await codeOf(...path("r"), host, host)).toBe(Code.badOption);
    const format: Option = [OptionNumber.contentFormat, 50];
    expect(await codeOf(...path("r"), format, [OptionNumber.contentFormat, 60])).toBe(Code.content);
    for (const number of [OptionNumber.ifNoneMatch, OptionNumber.accept]) {
      const options = [1, 2].map(() => ({ number, value: new Uint8Array(0) }));
      expect(await world.run(faultCode(ask({ options })))).toBe("coap.bad-request");
    }
  });
});

describe("the URI", () => {
  it("RFC 7252 5.10.1: segments and queries are any bytes, never percent-decoded, and a slash inside parts nothing", async () => {
    const [answer] = await send({
      options: [...path("r", "a/b", "%2e", "", "ü"), [OptionNumber.uriQuery, "a=b&c"], [OptionNumber.uriQuery, "%20"]],
    });
    expect(JSON.parse(answer!.payload)).toEqual([["r", "a/b", "%2e", "", "ü"], ["a=b&c", "%20"], null]);
  });

  it("RFC 7252 5.10.1: dot segments are never sent, and never reach a route", async () => {
    for (const dots of [".", ".."]) {
      expect(await codeOf(...path("r", dots, "x"))).toBe(Code.notFound);
      expect(await world.run(faultCode(ask({ path: ["a", dots] })))).toBe("coap.bad-request");
    }
    expect(await codeOf(...path("r", "...", ".x", "x."))).toBe(Code.content);
    expect(runs).toBe(1);
  });

  it("RFC 7252 5.10.2, 5.7.2: Proxy-Uri and Proxy-Scheme are 5.05, whatever else the request names", async () => {
    expect(await codeOf(...path("r"), [OptionNumber.proxyUri, "coap://10.0.0.1/r"])).toBe(Code.proxyingNotSupported);
    expect(await codeOf(...path("nowhere"), [OptionNumber.proxyScheme, "coap"])).toBe(Code.proxyingNotSupported);
    expect(runs).toBe(0);
  });

  it("RFC 7252 5.10.2: a request of ours with Proxy-Uri has no part of a URI beside it", async () => {
    const options = [{ number: OptionNumber.proxyUri, value: bytesOf("coap://h/x") }];
    expect(await world.run(faultCode(ask({ options })))).toBe("coap.bad-request");
    expect(await world.run(faultCode(ask({ path: [], queries: ["a"], options })))).toBe("coap.bad-request");
    const hand = new HandServer(world);
    const pending = ask({ path: [], options });
    const [request] = await hand.take();
    expect(textOf(request!.option(OptionNumber.proxyUri)!)).toBe("coap://h/x");
    hand.answer(request!);
    await world.run(pending);
  });

  it("RFC 7252 5.10.7: a Location has no dot segments, and one that comes with an option reserved for it is refused", async () => {
    for (const [i, segment] of [".", ".."].entries()) {
      world.server.route({
        method: "POST",
        path: `/made/${i}`,
        replay: "again",
        answer(_request, reply) {
          reply.code = Code.created;
          reply.locationPath = ["a", segment];
        },
      });
      const [answer] = await send({ code: Code.post, options: path("made", String(i)) });
      expect(answer!.code).toBe(Code.internalServerError);
    }
    const hand = new HandServer(world);
    const reserved: Option = [132, "x"];
    for (const [options, fault] of [
      [[[OptionNumber.locationPath, "a"], reserved], "coap.bad-response"],
      [[[OptionNumber.locationQuery, "a"], reserved], "coap.bad-response"],
      [[reserved], "no fault"],
    ] as [Option[], string][]) {
      const pending = faultCode(ask());
      hand.answer((await hand.take())[0]!, { code: Code.created, options });
      expect(await world.run(pending)).toBe(fault);
    }
  });
});

describe("Accept", () => {
  it("RFC 7252 5.10.4: what can't be had in the format asked for is 4.06, also where the route names no format", async () => {
    world.server.route({
      method: "GET",
      path: "/json",
      replay: "again",
      answer(_request, reply) {
        reply.contentFormat = ContentFormat.json;
        reply.payload = bytesOf("{}");
      },
    });
    expect(await codeOf(...path("json"), [OptionNumber.accept, ContentFormat.json])).toBe(Code.content);
    expect(await codeOf(...path("json"), [OptionNumber.accept, ContentFormat.cbor])).toBe(Code.notAcceptable);
    expect(await codeOf(...path("r"), [OptionNumber.accept, ContentFormat.textPlain])).toBe(Code.notAcceptable);
    // Another error goes first.
    expect(await codeOf(...path("nowhere"), [OptionNumber.accept, ContentFormat.cbor])).toBe(Code.notFound);
  });
});

describe("ETag, If-Match and If-None-Match", () => {
  it("RFC 7252 5.10.6: an entity-tag is compared as bytes and as a whole", async () => {
    const same = Uint8Array.of(1, 2, 0, 3);
    const others = [
      Uint8Array.of(1, 2, 0),
      Uint8Array.of(1, 2, 0, 3, 0),
      Uint8Array.of(0, 1, 2, 3),
      Uint8Array.of(1, 2, 0, 4),
    ];
    for (const tag of others) expect(await codeOf([OptionNumber.eTag, tag], ...path("tagged"))).toBe(Code.content);
    expect(await codeOf([OptionNumber.eTag, same], ...path("tagged"))).toBe(Code.valid);
    expect(await codeOf([OptionNumber.eTag, others[0]!], [OptionNumber.eTag, same], ...path("tagged"))).toBe(
      Code.valid,
    );
  });

  it("RFC 7252 5.10.6.1: a response has one ETag of 1 to 8 bytes, and of two that come the first counts", async () => {
    world.server.route({
      method: "GET",
      path: "/long-tag",
      replay: "again",
      answer(_request, reply) {
        reply.etag = new Uint8Array(9);
      },
    });
    expect(await codeOf(...path("long-tag"))).toBe(Code.internalServerError);
    const hand = new HandServer(world);
    const pending = ask();
    const options: Option[] = [
      [OptionNumber.eTag, "a"],
      [OptionNumber.eTag, "b"],
    ];
    hand.answer((await hand.take())[0]!, { options });
    expect(textOf((await world.run(pending)).etag!)).toBe("a");
  });

  it("RFC 7252 5.10.8: a condition that doesn't hold is 4.12 and the method isn't performed", async () => {
    const ifMatch = (tag: Uint8Array | string): Option => [OptionNumber.ifMatch, tag];
    const ifNoneMatch: Option = [OptionNumber.ifNoneMatch, ""];
    const refused = [
      await put("there", ifMatch("v2")),
      await put("there", ifMatch("v1x")),
      await put("missing", ifMatch("v1")),
      await put("missing", ifMatch("")),
      await put("there", ifNoneMatch),
      await put("there", ifMatch("v1"), ifNoneMatch),
    ];
    expect(refused).toEqual(Array.from(refused, () => Code.preconditionFailed));
    expect(runs).toBe(0);
    expect(await put("there", ifMatch("v1"))).toBe(Code.changed);
    expect(await put("there", ifMatch("v0"), ifMatch("v1"))).toBe(Code.changed);
    expect(await put("there", ifMatch(""))).toBe(Code.changed);
    expect(await put("missing", ifNoneMatch)).toBe(Code.changed);
    expect(runs).toBe(4);
  });
});

it("RFC 7252 7.2.1: ct is a number from 0 to 65535", () => {
  for (const ct of [-1, 65_536, 1.5, [50, 70_000]]) {
    expect(() =>
      world.server.route({ method: "GET", path: "/ct", replay: "again", attributes: { ct }, answer() {} }),
    ).toThrow(expect.objectContaining({ code: "coap.bad-route" }));
  }
});

it("RFC 7252 7.2: a server lists its resources in link format at /.well-known/core", async () => {
  world.server.route({ method: "GET", path: "/t", replay: "again", attributes: { rt: "temp", ct: 0 }, answer() {} });
  const response = await world.get(".well-known/core");
  expect(response).toMatchObject({ code: Code.content, contentFormat: ContentFormat.linkFormat });
  expect(textOf(response.payload)).toBe('</t>;rt="temp";ct=0');
  expect((await world.run(world.client.request({ to: serverAddress, method: "GET", path: ["t"] }))).code).toBe(
    Code.content,
  );
});

it("RFC 7252 12.2, 12.3: no option or Content-Format of ours is from the range for experiments", () => {
  for (const number of [...Object.values(OptionNumber), ...Object.values(ContentFormat)])
    expect(number).toBeLessThan(65_000);
});
