import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { settingsDescription } from "../../manager/settings.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  World,
} from "./coap-harness.ts";

const group = "224.0.1.187";
const toGroup = RemoteAddress.from(group, 5683);
const path = (...segments: string[]): [number, string][] => segments.map((segment) => [OptionNumber.uriPath, segment]);

let world: World;
let peer: RawPeer;
let nextId = 1;

beforeEach(async () => {
  world = new World({ groups: [group], limits: { leisureMs: 2_000 } });
  world.server.route({
    method: "GET",
    path: "/here",
    replay: "again",
    multicast: true,
    answer(request, reply) {
      if (request.queries.length > 0) reply.code = Code.badRequest;
      else reply.payload = bytesOf("here");
    },
  });
  world.server.route({
    method: "GET",
    path: "/alone",
    replay: "again",
    answer(_request, reply) {
      reply.payload = bytesOf("alone");
    },
  });
  await world.start();
  peer = world.rawPeer();
});
afterEach(() => world.stop());

const ask = async (more: Partial<PlainMessage> = {}): Promise<SeenMessage[]> => {
  const message = { type: "NON", code: Code.get, messageId: nextId++, options: path("here"), ...more } as const;
  peer.sendBytes(encodePlain(message), toGroup);
  await world.clock.advance(2_100);
  return peer.take();
};

describe("a server in a group", () => {
  it("RFC 7252 8.2: answers after a random part of the leisure, each request anew", async () => {
    const delays: number[] = [];
    for (let i = 0; i < 30; i++) {
      const startMs = world.clock.monotonicMs();
      const [answer] = await ask({ token: Uint8Array.of(i) });
      expect(answer).toMatchObject({ type: "NON", payload: "here" });
      delays.push(answer!.atMs - startMs);
    }
    expect(Math.min(...delays)).toBeLessThan(500);
    expect(Math.max(...delays)).toBeGreaterThan(1_500);
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_010);
  });

  it("RFC 7252 8.1, 11.3: knows a request for the group from one for itself, by the address it was sent to", async () => {
    // The same message both ways: only the one for the group waits, and only routes meant for groups answer there.
    const message = encodePlain({ type: "NON", code: Code.get, messageId: 900, options: path("alone") });
    peer.sendBytes(message, toGroup);
    await world.clock.advance(3_000);
    expect(peer.take()).toEqual([]);
    peer.sendBytes(message);
    await world.clock.advance(10);
    expect(peer.take()).toMatchObject([{ type: "NON", payload: "alone" }]);
    expect(world.server.counters()).toMatchObject({ multicastRequests: 1, multicastSilent: 1 });
  });

  it("RFC 7252 8, 11.3: takes nothing from a group that it wasn't told to join", async () => {
    peer.sendBytes(
      encodePlain({ type: "NON", code: Code.get, messageId: 1, options: path("here") }),
      RemoteAddress.from("224.0.1.188", 5683),
    );
    await world.clock.advance(3_000);
    expect(peer.take()).toEqual([]);
    expect(world.server.counters()["multicastRequests"]).toBe(0);
  });
});

describe("a client that asks a group", () => {
  it("RFC 7252 8.1, 8.2, 8.2.1: asks non-confirmably, without ETag, from an endpoint of its own, and matches by token alone", async () => {
    const asked: { from: string; message: SeenMessage }[] = [];
    world.network.taps.push(({ bytes, from, to }) => {
      if (to.address === group) asked.push({ from: `${from.address}|${from.port}`, message: decodePlain(bytes) });
    });
    const heard: string[] = [];
    await world.run(
      world.client.discover(
        { group, port: 5683, query: "rt=*", waitMs: 4_000 },
        ({ from }) => void heard.push(from.address),
      ),
    );
    world.server.route({ method: "GET", path: "/listed", replay: "again", attributes: { rt: "x" }, answer() {} });
    await world.run(
      world.client.discover(
        { group, port: 5683, query: "rt=*", waitMs: 4_000 },
        ({ from }) => void heard.push(from.address),
      ),
    );
    // The answer comes from the server's own address, not from the group's.
    expect(heard).toEqual(["10.0.0.1"]);
    expect(asked.length).toBeGreaterThan(0);
    for (const { from, message } of asked) {
      expect(message).toMatchObject({ type: "NON", code: Code.get });
      expect(message.option(OptionNumber.eTag)).toBeUndefined();
      // Message IDs of the client's unicast messages belong to another endpoint.
      expect(from).not.toBe("10.0.0.2|40000");
      expect(message.token).toHaveLength(8);
    }
    expect(new Set(asked.map(({ message }) => message.token)).size).toBe(2);
  });

  it("RFC 7252 8.2: an answer counts by the token of the question, whoever gives it, and without it not", async () => {
    const answerers = ["10.0.3.1", "10.0.3.2", "10.0.3.3"].map((address) => ({
      address,
      transport: world.network.transport(address, 61_000),
    }));
    for (const { transport } of answerers) await transport.open({ datagram() {} });
    world.network.taps.push(({ bytes, from, to }) => {
      if (to.address !== group) return;
      const { token, messageId } = decodePlain(bytes);
      for (const [i, { transport }] of answerers.entries()) {
        const right = Uint8Array.from(Buffer.from(token, "hex"));
        const wrong = [right, right.map((byte, at) => (at === 3 ? byte ^ 1 : byte)), right.subarray(0, 3)][i]!;
        const answer = encodePlain({
          type: "NON",
          code: Code.content,
          messageId: messageId + i,
          token: wrong,
          payload: "</x>",
        });
        transport.send(answer, 0, answer.length, RemoteAddress.from(from.address, from.port));
      }
    });
    const heard: string[] = [];
    const search = { group, port: 5683, query: "rt=*", waitMs: 4_000 };
    await world.run(world.client.discover(search, ({ from }) => void heard.push(from.address)));
    expect(heard).toEqual(["10.0.3.1"]);
    for (const { transport } of answerers) await transport.close();
  });

  it("RFC 7252 8.1: a group is asked by discover alone, so never confirmably", async () => {
    for (const confirmable of [true, false]) {
      const request = world.client.request({
        to: { address: group, port: 5683 },
        method: "GET",
        path: ["here"],
        confirmable,
      });
      await expect(request).rejects.toMatchObject({ code: "coap.bad-request" });
    }
    await expect((async () => world.client.ping({ address: group, port: 5683 }))()).rejects.toMatchObject({
      code: "coap.bad-request",
    });
  });
});

describe("No-Response to a group", () => {
  it("RFC 7967 2.1: what the client left out of its disinterest is answered, although a group is else told nothing of it", async () => {
    const noResponse = (
      value: number | Uint8Array,
      ...more: [number, string | Uint8Array][]
    ): Partial<PlainMessage> => ({
      options: [...path("here"), ...more, [OptionNumber.noResponse, value] as const].sort(([a], [b]) => a - b),
    });
    const error: [number, string] = [OptionNumber.uriQuery, "wrong"];
    expect(await ask({ options: [...path("here"), error] })).toEqual([]);
    expect(await ask(noResponse(2, error))).toMatchObject([{ type: "NON", code: Code.badRequest }]);
    expect(await ask(noResponse(0, error))).toMatchObject([{ type: "NON", code: Code.badRequest }]);
    expect(await ask(noResponse(8, error))).toEqual([]);
    expect(await ask(noResponse(2))).toEqual([]);
    expect(await ask(noResponse(24))).toMatchObject([{ type: "NON", payload: "here" }]);
    // Requests that a group isn't served at all stay unanswered.
    expect(await ask({ options: [...path("alone"), [OptionNumber.noResponse, 2]] })).toEqual([]);
  });
});

it("RFC 7252 7.1; RFC 6690 4: the manager, which offers discovery, listens on port 5683 unless it is told otherwise", () => {
  expect(settingsDescription.coap.port.default).toBe(5683);
});
