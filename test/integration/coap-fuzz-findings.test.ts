import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { type RawPeer, World } from "./coap-harness.ts";

let world: World;
let peer: RawPeer;
const group = "224.0.1.187";

async function openWorld(amplification: "all" | "none"): Promise<World> {
  const opened = new World({ groups: [group], amplification });
  opened.server.route({
    method: "POST",
    path: "/echo",
    replay: "once",
    answer(request, reply) {
      reply.payload = request.payload;
    },
  });
  opened.server.route({
    method: "POST",
    path: "/slow",
    replay: "once",
    later: () => new Promise((resolve) => world.clock.after(1000, () => resolve({}))),
  });
  opened.server.route({
    method: "GET",
    path: "/told",
    replay: "again",
    observable: true,
    notifications: "confirmable",
    answer(request, reply) {
      reply.payload = new TextEncoder().encode(request.queries.join());
    },
  });
  return opened.start();
}

beforeEach(async () => {
  world = await openWorld("all");
  peer = world.rawPeer("192.0.2.1");
});
afterEach(() => world.stop());

const token = Uint8Array.of(7);

describe("what the endpoint fuzzer found", () => {
  it("a short datagram with the message ID of a long request gets no long answer, and the long one itself gets it again", async () => {
    const long = {
      type: "CON",
      code: 2,
      messageId: 9,
      token,
      options: [[11, "echo"]],
      payload: "x".repeat(400),
    } as const;
    peer.send(long);
    await world.clock.advance(10);
    const [answer] = peer.take();
    expect(answer).toMatchObject({ type: "ACK", payload: "x".repeat(400) });
    peer.send({ type: "CON", code: 1, messageId: 9, token });
    await world.clock.advance(10);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0, messageId: 9 }]);
    peer.send(long);
    await world.clock.advance(10);
    expect(peer.take()).toMatchObject([{ type: "ACK", payload: "x".repeat(400) }]);
  });

  it("a non-confirmable request with the message ID of one that still runs is not acknowledged", async () => {
    peer.send({ type: "CON", code: 2, messageId: 5, token, options: [[11, "slow"]] });
    await world.clock.advance(10);
    peer.send({ type: "NON", code: 2, messageId: 5, token, options: [[11, "slow"]] });
    await world.clock.advance(10);
    expect(peer.take()).toEqual([]);
    await world.clock.advance(300);
    expect(peer.take()).toMatchObject([{ type: "ACK", code: 0 }]);
  });

  it("a confirmable message to the group is not acknowledged, though its message ID is known", async () => {
    const request = { type: "CON", code: 2, messageId: 6, token, options: [[11, "echo"]], payload: "a" } as const;
    peer.send(request);
    await world.clock.advance(10);
    expect(peer.take().length).toBe(1);
    const { port } = world.server.address();
    const bytes = Uint8Array.of(0x41, 2, 0, 6, 7, 0xb4, ...new TextEncoder().encode("echo"), 0xff, 97);
    peer.sendBytes(bytes, RemoteAddress.from(group, port));
    peer.sendBytes(Uint8Array.of(0x40, 0, 0, 9), RemoteAddress.from(group, port));
    await world.clock.advance(6000);
    expect(peer.take()).toEqual([]);
    expect(world.server.counters()).toMatchObject({ multicastSilent: 1, responsesUnexpected: 1 });
  });

  it("an observer who changes what it observes is answered that, though a notification to it waits for its turn", async () => {
    const asks = async (messageId: number, told: number, query: string): Promise<void> => {
      const options = [
        [6, new Uint8Array(0)],
        [11, "told"],
        [15, query],
      ] as const;
      peer.send({ type: "CON", code: 1, messageId, token: Uint8Array.of(told), options });
      await world.clock.advance(10);
    };
    await world.stop();
    world = await openWorld("none");
    peer = world.rawPeer("192.0.2.1");
    await asks(1, 1, "first");
    await asks(2, 2, "second");
    expect(world.server.observers()).toBe(2);
    peer.take();
    world.server.notify("/told");
    await world.clock.advance(10);
    // One is on its way and not acknowledged, the other waits behind it.
    expect(peer.take().map(({ type }) => type)).toEqual(["CON"]);
    await asks(3, 1, "third");
    expect(peer.take().find(({ messageId }) => messageId === 3)).toMatchObject({ type: "ACK", payload: "third" });
  });
});
