import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { encodePlain, textOf, World } from "./coap-harness.ts";

const group = "224.0.1.187";
let world: World;

beforeEach(async () => {
  world = new World({ groups: [group], limits: { leisureMs: 1_000 } });
  world.server.route({
    method: "GET",
    path: "/register",
    replay: "again",
    attributes: { rt: "coxswain.manager" },
    answer() {},
  });
  world.server.route({ method: "GET", path: "/time", replay: "again", multicast: true, answer() {} });
  await world.start();
});
afterEach(() => world.stop());

const ask = (
  query: string | undefined,
  messageId = 1,
  type: "CON" | "NON" = "NON",
  segments = [".well-known", "core"],
): Uint8Array =>
  encodePlain({
    type,
    code: Code.get,
    messageId,
    options: [
      ...segments.map((segment) => [OptionNumber.uriPath, segment] as const),
      ...(query === undefined ? [] : [[OptionNumber.uriQuery, query] as const]),
    ],
  });
const toGroup = RemoteAddress.from(group, 5683);

describe("a request to the group", () => {
  it("is answered only where something matches, once, non-confirmably, from the server's own address", async () => {
    const peer = world.rawPeer();
    peer.sendBytes(ask("rt=coxswain.manager"), toGroup);
    peer.sendBytes(ask("rt=coxswain.manager"), toGroup);
    await world.clock.advance(2_000);
    expect(peer.take()).toMatchObject([
      { type: "NON", code: Code.content, payload: '</register>;rt="coxswain.manager"' },
    ]);
    peer.sendBytes(ask("rt=something.else", 2), toGroup);
    await world.clock.advance(2_000);
    expect(peer.take()).toEqual([]);
  });

  it("is answered after a random part of the leisure", async () => {
    const delays: number[] = [];
    for (let id = 10; id < 40; id++) {
      const peer = world.rawPeer();
      const startMs = world.clock.monotonicMs();
      peer.sendBytes(ask("rt=*", id), toGroup);
      await world.clock.advance(1_100);
      delays.push(peer.take()[0]!.atMs - startMs);
    }
    expect(Math.min(...delays)).toBeLessThan(250);
    expect(Math.max(...delays)).toBeGreaterThan(750);
  });

  it("is never answered with an error, a Reset, or at all when it is confirmable or for a route that isn't meant for groups", async () => {
    const peer = world.rawPeer();
    peer.sendBytes(ask("rt=*", 3, "CON"), toGroup);
    peer.sendBytes(ask(undefined, 4, "NON", ["nowhere"]), toGroup);
    peer.sendBytes(ask(undefined, 5, "NON", ["register"]), toGroup);
    peer.sendBytes(ask(undefined, 6, "NON", ["time"]), toGroup);
    peer.sendBytes(Uint8Array.from([0x40, 0, 0, 9]), toGroup);
    peer.sendBytes(Uint8Array.from([0x40, 1, 0, 10, 0xff]), toGroup);
    peer.sendBytes(encodePlain({ type: "CON", code: Code.content, messageId: 11 }), toGroup);
    await world.clock.advance(5_000);
    expect(peer.take()).toEqual([]);
  });

  it("waits in a bounded line", async () => {
    const small = new World({ seed: 4, groups: [group], limits: { leisurely: 3 } });
    small.server.route({ method: "GET", path: "/a", replay: "again", attributes: { rt: "x" }, answer() {} });
    await small.start();
    const peers = Array.from({ length: 5 }, () => small.rawPeer());
    for (const peer of peers) peer.sendBytes(ask("rt=x"), toGroup);
    await small.clock.advance(6_000);
    expect(peers.filter((peer) => peer.take().length === 1)).toHaveLength(3);
    expect(small.server.counters()).toMatchObject({ overLimit: 2, multicastSilent: 2 });
    await small.stop();
  });
});

describe("discover", () => {
  it("finds every server of the group that matches, each once, although the question is repeated", async () => {
    const others = await Promise.all(
      ["10.0.0.8", "10.0.0.9"].map(async (address) => {
        const other = world.endpoint(world.network.transport(address, 5683, { groups: [group] }));
        other.route({
          method: "GET",
          path: "/thing",
          replay: "again",
          attributes: { rt: address === "10.0.0.8" ? "coxswain.manager" : "lamp" },
          answer() {},
        });
        await other.start();
        return other;
      }),
    );
    const found: string[] = [];
    const search = world.client.discover(
      { group, port: 5683, query: "rt=coxswain.manager", waitMs: 10_000 },
      (response) => {
        found.push(`${response.from.address}:${response.from.port} ${textOf(response.payload)}`);
      },
    );
    await world.run(search);
    expect(found.sort((a, b) => (a < b ? -1 : 1))).toEqual([
      '10.0.0.1:5683 </register>;rt="coxswain.manager"',
      '10.0.0.8:5683 </thing>;rt="coxswain.manager"',
    ]);
    const counters = world.server.counters();
    expect(counters["requests"]).toBe(counters["multicastRequests"]);
    for (const other of others) await other.stop();
  });

  it("fetches the rest of an answer that comes in blocks", async () => {
    for (let i = 0; i < 100; i++) {
      world.server.route({
        method: "GET",
        path: `/many/${i}`,
        replay: "again",
        attributes: { rt: "many" },
        answer() {},
      });
    }
    const sizes: number[] = [];
    await world.run(
      world.client.discover({ group, port: 5683, query: "rt=many", waitMs: 4_000 }, ({ payload }) => {
        sizes.push(textOf(payload).split(",").length);
      }),
    );
    expect(sizes).toEqual([100]);
  });

  it("ends early, and quietly, when its signal aborts", async () => {
    const controller = new AbortController();
    const search = world.client.discover(
      { group, port: 5683, query: "rt=*", waitMs: 10_000, signal: controller.signal },
      () => controller.abort(),
    );
    await world.run(search);
    expect(world.clock.monotonicMs()).toBeLessThan(1_200);
  });
});
