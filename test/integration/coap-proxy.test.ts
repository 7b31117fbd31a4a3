import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { CoapReply, CoapRequest } from "../../coap/route.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import type { AskerRules } from "../../manager/adapters/coap/asker.ts";
import type { CoapContext } from "../../manager/adapters/coap/coap-context.ts";
import { CoapNodeCaller } from "../../manager/adapters/coap/node-caller.ts";
import { proxyRoutes } from "../../manager/adapters/coap/proxy-routes.ts";
import { bytesOf, encodePlain, type PlainMessage, RawPeer, type SeenMessage, textOf, World } from "./coap-harness.ts";

/** The manager's reverse proxy at /nodes/ID/proxy/..., with a node behind it, on virtual time. */

type Option = readonly [number, Uint8Array | string | number];
const path = (...segments: string[]): Option[] => segments.map((segment) => [OptionNumber.uriPath, segment]);
// The last two bits of an option's number: critical, and unsafe to forward.
const [elective, critical, unsafe, unsafeCritical] = [2052, 2053, 2054, 2055];

let world: World;
let node: CoapEndpoint;
let operator: RawPeer;
let nextId = 1;
const seen: { options: number[]; ifMatch: string[]; etags: string[]; hops: number | undefined }[] = [];
let answer: (request: CoapRequest, reply: CoapReply) => void;
const warned: string[] = [];

beforeEach(async () => {
  world = new World();
  seen.length = 0;
  warned.length = 0;
  answer = (_request, reply) => {
    reply.payload = bytesOf("from the node");
    reply.contentFormat = 0;
  };
  const log = { debug() {}, info() {}, error() {}, warn: (event: string) => void warned.push(event) };
  const at = { address: "10.0.0.20", port: 5683, family: 4 } as const;
  const nodes: Record<string, typeof at | { address: string; port: number; family: 4 }> = {
    n1: at,
    silent: { address: "10.0.0.21", port: 5683, family: 4 },
    loop: { address: "10.0.0.1", port: 5683, family: 4 },
  };
  const registry = {
    find: async (id: string) =>
      nodes[id] === undefined ? undefined : { id, manifest: { id }, path: nodes[id], lifetimeSeconds: 60 },
  };
  const context = {
    endpoint: world.server,
    entropy: seededEntropy(8),
    caller: new CoapNodeCaller({
      doors: { open: world.server, secured: undefined },
      contexts: { identityOf: () => undefined },
      isInsecure: true,
    }),
    app: { registry },
    askers: { operator: () => ({ kind: "operator" }) } satisfies Partial<Record<keyof AskerRules, unknown>>,
    log,
  } as unknown as CoapContext;
  for (const route of proxyRoutes(context)) world.server.route(route);
  node = world.endpoint(world.network.transport(at.address, at.port), {}, { amplification: "none" });
  for (const method of ["GET", "PUT"] as const) {
    node.route({
      method,
      path: "/*",
      replay: "again",
      forwards: true,
      answer(request, reply) {
        seen.push({
          options: request.unrecognized.map(({ number }) => number),
          ifMatch: request.values(OptionNumber.ifMatch).map(textOf),
          etags: request.values(OptionNumber.eTag).map(textOf),
          hops: request.option(OptionNumber.hopLimit)?.[0],
        });
        answer(request, reply);
      },
    });
  }
  await world.start();
  await node.start();
  operator = world.rawPeer();
});
afterEach(async () => {
  await node.stop();
  await world.stop();
});

const send = async (message: Partial<PlainMessage>, waitMs = 100): Promise<SeenMessage[]> => {
  operator.send({ type: "CON", code: Code.get, messageId: nextId++, options: through("n1"), ...message });
  await world.clock.advance(waitMs);
  return operator.take();
};
const through = (id: string, ...options: Option[]): Option[] =>
  [...path("nodes", id, "proxy", "x"), ...options].sort(([a], [b]) => a - b);

describe("a proxy", () => {
  it("RFC 7252 5.7.1: options that it doesn't know pass both ways when they are safe, and refuse the request or the answer when not", async () => {
    answer = (_request, reply) => {
      reply.payload = bytesOf("ok");
      reply.options = [elective, critical].map((number) => ({ number, value: bytesOf(`back ${number}`) }));
    };
    const [passed] = await send({ options: through("n1", [elective, "a"], [critical, "b"]) });
    expect(passed).toMatchObject({ code: Code.content, payload: "ok" });
    expect(seen[0]!.options).toEqual([elective, critical]);
    for (const number of [elective, critical]) expect(textOf(passed!.option(number)!)).toBe(`back ${number}`);

    for (const number of [unsafe, unsafeCritical]) {
      for (const type of ["CON", "NON"] as const) {
        expect(await send({ type, options: through("n1", [number, "a"]) })).toMatchObject([{ code: Code.badOption }]);
      }
    }
    expect(seen).toHaveLength(1);
    for (const number of [unsafe, unsafeCritical]) {
      answer = (_request, reply) => {
        reply.options = [{ number, value: bytesOf("x") }];
      };
      expect(await send({})).toMatchObject([{ code: Code.badGateway }]);
    }
  });

  it("RFC 7252 5.7.1: a route that doesn't forward still ignores what is elective and refuses what is critical", async () => {
    world.server.route({ method: "GET", path: "/own", replay: "again", answer() {} });
    const own = (number: number): Partial<PlainMessage> => ({ options: [...path("own"), [number, "x"]] });
    expect(await send(own(elective))).toMatchObject([{ code: Code.content }]);
    expect(await send(own(unsafe))).toMatchObject([{ code: Code.content }]);
    expect(await send(own(critical))).toMatchObject([{ code: Code.badOption }]);
  });

  it("RFC 7252 5.7.1: conditions and ETags are for the node, which has the versions", async () => {
    answer = (request, reply) => {
      reply.code = request.method === "PUT" ? Code.preconditionFailed : Code.content;
      reply.etag = bytesOf("v1");
    };
    const put = { code: Code.put, options: through("n1", [OptionNumber.ifMatch, "v0"], [OptionNumber.ifMatch, "v9"]) };
    expect(await send(put)).toMatchObject([{ code: Code.preconditionFailed }]);
    expect(seen[0]!.ifMatch).toEqual(["v0", "v9"]);
    const [valid] = await send({ options: through("n1", [OptionNumber.eTag, "v1"]) });
    expect(valid).toMatchObject({ code: Code.valid, payload: "" });
    expect(textOf(valid!.option(OptionNumber.eTag)!)).toBe("v1");
  });

  it("RFC 7252 5.7.1: 5.04 when the node doesn't answer in time, 5.02 when its answer can't be understood", async () => {
    const answers = await send({ options: through("silent") }, 100_000);
    expect(answers.find(({ type }) => type === "CON")).toMatchObject({ code: Code.gatewayTimeout });
    await node.stop();
    const hand = new RawPeer(world.network.transport("10.0.0.20", 5683), world.clock);
    operator.send({ type: "CON", code: Code.get, messageId: nextId++, options: through("n1") });
    await world.clock.advance(20);
    const [request] = hand.take();
    const token = Buffer.from(request!.token, "hex");
    const broken: PlainMessage = {
      type: "ACK",
      code: Code.content,
      messageId: request!.messageId,
      token,
      options: [[unsafeCritical, "x"]],
    };
    hand.transport.send(...datagram(broken));
    await world.clock.advance(20);
    expect(operator.take()).toMatchObject([{ code: Code.badGateway }]);
  });

  it("RFC 7252 5.7.2, 5.10.2: a request with Proxy-Uri or Proxy-Scheme is 5.05 there too", async () => {
    for (const option of [
      [OptionNumber.proxyUri, "coap://10.0.0.20/x"],
      [OptionNumber.proxyScheme, "coap"],
    ] as const) {
      expect(await send({ options: through("n1", option) })).toMatchObject([{ code: Code.proxyingNotSupported }]);
    }
    expect(seen).toEqual([]);
  });
});

describe("Hop-Limit", () => {
  it("RFC 8768 3: 0 and more than 255 are 4.00 at any server, and of two the first counts", async () => {
    world.server.route({ method: "GET", path: "/own", replay: "again", answer() {} });
    const hops = (value: Uint8Array, at = path("own")): Partial<PlainMessage> => ({
      options: [...at, [OptionNumber.hopLimit, value] as Option].sort(([a], [b]) => a - b),
    });
    for (const value of [Uint8Array.of(), Uint8Array.of(0), Uint8Array.of(1, 0), Uint8Array.of(1, 0, 0, 0, 0)]) {
      for (const at of [path("own"), path("nodes", "n1", "proxy", "x")]) {
        expect(await send(hops(value, at))).toMatchObject([{ code: Code.badRequest }]);
        expect(await send({ type: "NON", ...hops(value, at) })).toMatchObject([{ type: "NON", code: Code.badRequest }]);
      }
    }
    expect(await send(hops(Uint8Array.of(1)))).toMatchObject([{ code: Code.content }]);
    const twice = through("n1", [OptionNumber.hopLimit, 9], [OptionNumber.hopLimit, 0]);
    expect(await send({ options: twice })).toMatchObject([{ code: Code.content }]);
    expect(seen).toMatchObject([{ hops: 8 }]);
  });

  it("RFC 8768 3: it goes down by one with each proxy, from 16 where the request has none", async () => {
    await send({});
    await send({ options: through("n1", [OptionNumber.hopLimit, 255]) });
    await send({ options: through("n1", [OptionNumber.hopLimit, 2]) });
    expect(seen.map(({ hops }) => hops)).toEqual([15, 254, 1]);
  });

  it("RFC 8768 3, 4: at 0 nothing is forwarded; 5.08 names the proxy in one word, and the event is logged", async () => {
    const [refused] = await send({ options: through("n1", [OptionNumber.hopLimit, 1]) });
    expect(refused).toMatchObject({ code: Code.hopLimitReached });
    expect(refused!.payload).toMatch(/^coxswain-[0-9a-z]+$/);
    expect(seen).toEqual([]);
    expect(warned).toEqual(["coap-hop-limit-reached"]);
  });

  it("RFC 8768 4: a 5.08 from further on gets the proxy's name in front, as long as it fits, and never passes it twice", async () => {
    const [refused] = await send({ options: through("n1", [OptionNumber.hopLimit, 1]) });
    const own = refused!.payload;
    const passes = async (trail: string): Promise<SeenMessage> => {
      answer = (_request, reply) => {
        reply.code = Code.hopLimitReached;
        reply.payload = bytesOf(trail);
      };
      return (await send({}))[0]!;
    };
    expect(await passes("p2 p3")).toMatchObject({ code: Code.hopLimitReached, payload: `${own} p2 p3` });
    const long = `p2 ${"x".repeat(1_010)}`;
    expect(await passes(long)).toMatchObject({ code: Code.hopLimitReached, payload: long });
    expect(await passes(`p2 ${own} p3`)).toMatchObject({ code: Code.badGateway });
    expect(warned).toEqual(["coap-hop-limit-reached", "coap-hop-limit-loop"]);
  });
});

/** Arguments of `send`, towards the server. */
function datagram(message: PlainMessage): [Uint8Array, number, number, RemoteAddress] {
  const bytes = encodePlain(message);
  return [bytes, 0, bytes.length, RemoteAddress.from("10.0.0.1", 5683)];
}
