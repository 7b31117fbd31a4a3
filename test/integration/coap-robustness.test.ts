import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { Route } from "../../coap/route.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { bytesOf, serverAddress, textOf, World } from "./coap-harness.ts";
import { labelledSecurity } from "./labelled-security.ts";

let world: World;
let value = 0;
const state: Route = {
  method: "GET",
  path: "/state",
  replay: "again",
  observable: true,
  answer(request, reply) {
    const { identity } = request.peer;
    reply.payload = bytesOf(`${value} ${identity.kind === "none" ? "nobody" : identity.id}`);
  },
};

beforeEach(async () => {
  world = new World();
  value = 0;
  world.server.route(state);
  await world.start();
});
afterEach(() => world.stop());

describe("code of others that throws", () => {
  it("in a listener of an observation costs one count, and the next notification comes", async () => {
    const heard: string[] = [];
    world.client.observe(
      { to: serverAddress, path: ["state"] },
      {
        notification: ({ payload }) => {
          heard.push(textOf(payload));
          throw new Error("listener");
        },
        ended() {
          throw new Error("listener");
        },
      },
    );
    await world.clock.advance(20);
    value = 1;
    world.server.notify("/state");
    await world.clock.advance(20);
    expect(heard).toEqual(["0 nobody", "1 nobody"]);
    await world.client.stop();
    expect(world.client.counters()["handlerFailed"]).toBe(3);
  });

  it("in a filter, or in the route of a notification, hurts that one change", async () => {
    const peer = world.rawPeer();
    const options = [
      [OptionNumber.observe, 0],
      [OptionNumber.uriPath, "state"],
    ] as const;
    peer.send({ type: "CON", code: Code.get, messageId: 1, options });
    await world.clock.advance(10);
    peer.take();
    world.server.notify("/state", () => {
      throw new Error("filter");
    });
    await world.clock.advance(10);
    expect(peer.take()).toEqual([]);
    world.server.notify("/state");
    await world.clock.advance(10);
    expect(peer.take()).toHaveLength(1);
    expect(world.server.counters()["handlerFailed"]).toBe(1);
  });
});

describe("a flood of addresses", () => {
  it("fills the peer table once: those who are known are served, strangers get 5.03, and all is well after a while", async () => {
    const small = new World({ seed: 9, limits: { peers: 32 } });
    small.server.route(state);
    await small.start();
    const known = small.rawPeer("10.2.0.1");
    const ask = (messageId: number) =>
      ({ type: "CON", code: Code.get, messageId, options: [[OptionNumber.uriPath, "state"]] }) as const;
    known.send(ask(1));
    await small.clock.advance(10);
    const strangers = Array.from({ length: 60 }, (_, i) => small.rawPeer(`10.3.0.${i}`));
    for (const stranger of strangers) stranger.send(ask(1));
    known.send(ask(2));
    await small.clock.advance(10);
    const codes = strangers.map((stranger) => stranger.take()[0]!.code);
    expect(codes.filter((code) => code === Code.content)).toHaveLength(31);
    expect(codes.filter((code) => code === Code.serviceUnavailable)).toHaveLength(29);
    expect(known.take().map(({ code }) => code)).toEqual([Code.content, Code.content]);
    await small.clock.advance(600_000);
    strangers[59]!.send(ask(3));
    await small.clock.advance(10);
    expect(strangers[59]!.take()[0]!.code).toBe(Code.content);
    expect(small.server.counters()).toMatchObject({ droppedPeersFull: 29, "held.peers": 1 });
    await small.stop();
  });
});

describe("the security port", () => {
  it("gives requests their identity, and what was held for an address goes when it changes hands", async () => {
    const transport = world.network.transport("10.0.0.50", 5684);
    const secure = new CoapEndpoint({
      transport,
      security: labelledSecurity(),
      clock: world.clock,
      entropy: seededEntropy(3),
      log: silentLog,
    });
    secure.route(state);
    secure.route({
      method: "POST",
      path: "/once",
      replay: "once",
      answer: (request, reply) =>
        void Object.assign(reply, { payload: bytesOf(JSON.stringify(request.peer.identity)) }),
    });
    await secure.start();
    const heard: string[] = [];
    const raw = world.network.transport("10.4.0.1", 7_000);
    await raw.open({
      datagram: (bytes, start, end) => void heard.push(textOf(bytes.subarray(start, end))),
    });
    const { encodePlain } = await import("./coap-harness.ts");
    const { RemoteAddress } = await import("../../coap/transport/remote-address.ts");
    const to = RemoteAddress.from("10.0.0.50", 5684);
    const send = async (who: number, message: Parameters<typeof encodePlain>[0]): Promise<string> => {
      const bytes = Uint8Array.from([who, ...encodePlain(message)]);
      raw.send(bytes, 0, bytes.length, to);
      await world.clock.advance(10);
      return heard.splice(0).join();
    };
    const observe = {
      type: "CON",
      code: Code.get,
      messageId: 1,
      options: [
        [OptionNumber.observe, 0],
        [OptionNumber.uriPath, "state"],
      ],
    } as const;
    const post = { type: "CON", code: Code.post, messageId: 2, options: [[OptionNumber.uriPath, "once"]] } as const;
    expect(await send(1, observe)).toContain("0 n1");
    expect(await send(1, post)).toContain('"id":"n1"');
    expect(secure.observers()).toBe(1);
    // The same address and message ID, another identity: neither the stored answer nor the observation may be theirs.
    expect(await send(2, post)).toContain('"id":"n2"');
    expect(secure.observers()).toBe(0);
    await secure.stop();
    await raw.close();
  });
});
