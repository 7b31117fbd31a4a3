import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { Fault } from "../../kernel/fault.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
  World,
} from "./coap-harness.ts";

let world: World;
/** A server made by hand, at 10.0.0.77, with what it got from our client. */
let hand: RawPeer;
const handAddress = { address: "10.0.0.77", port: 5683 };
const clientAt = RemoteAddress.from("10.0.0.2", 40_000);

beforeEach(async () => {
  world = new World();
  await world.start();
  hand = new RawPeer(world.network.transport(handAddress.address, handAddress.port), world.clock);
});
afterEach(() => world.stop());

const ask = (more: object = {}): Promise<unknown> =>
  world.client.request({ to: handAddress, method: "GET", path: ["x"], ...more });
const answer = (request: SeenMessage, message: object): void => {
  const plain = { type: "ACK", code: Code.content, messageId: request.messageId, ...message } as const;
  hand.sendBytes(encodePlain({ token: Buffer.from(request.token, "hex"), ...plain }), clientAt);
};
function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "no fault",
    (error: unknown) => (error instanceof Fault ? error.code : String(error)),
  );
}
const faultOf = (promise: Promise<unknown>): Promise<string> => world.run(codeOf(promise));

describe("a request that nobody answers", () => {
  it("is sent five times with doubling waits and ends as coap.timeout after at most MAX_TRANSMIT_WAIT", async () => {
    const startMs = world.clock.monotonicMs();
    expect(await faultOf(ask())).toBe("coap.timeout");
    const sent = hand.take();
    expect(sent).toHaveLength(5);
    const waits = sent.slice(1).map((message, i) => message.atMs - sent[i]!.atMs);
    expect(waits[0]).toBeGreaterThanOrEqual(1_990);
    expect(waits[0]).toBeLessThanOrEqual(3_020);
    for (let i = 1; i < waits.length; i++) expect(waits[i]! / waits[i - 1]!).toBeCloseTo(2, 1);
    expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(1);
    expect(world.clock.monotonicMs() - startMs).toBeLessThanOrEqual(93_500);
  });

  it("and is non-confirmable is sent once", async () => {
    expect(await faultOf(ask({ confirmable: false }))).toBe("coap.timeout");
    expect(hand.take()).toMatchObject([{ type: "NON" }]);
  });

  it("but acknowledged, stops being repeated and ends after the response timeout", async () => {
    const pending = codeOf(ask());
    await world.clock.advance(10);
    const [request] = hand.take();
    hand.sendBytes(encodePlain({ type: "ACK", code: 0, messageId: request!.messageId }), clientAt);
    expect(await world.run(pending)).toBe("coap.timeout");
    expect(hand.take()).toEqual([]);
    expect(world.clock.monotonicMs()).toBeGreaterThan(60_000);
  });

  it("ends at once when it is reset", async () => {
    const pending = codeOf(ask());
    await world.clock.advance(10);
    hand.sendBytes(encodePlain({ type: "RST", code: 0, messageId: hand.take()[0]!.messageId }), clientAt);
    expect(await world.run(pending)).toBe("coap.reset");
  });

  it("ends when the endpoint stops, and when its signal aborts", async () => {
    const controller = new AbortController();
    const aborted = ask({ signal: controller.signal });
    const stopped = codeOf(ask());
    aborted.catch(() => undefined);
    await world.clock.advance(10);
    controller.abort(new Error("enough"));
    await expect(aborted).rejects.toThrow("enough");
    await world.client.stop();
    expect(await stopped).toBe("coap.stopped");
    expect(world.client.counters()).toMatchObject({ "held.requests": 0, "held.outstanding": 0 });
    expect(await faultOf(ask())).toBe("coap.stopped");
  });
});

describe("a response", () => {
  it("may come separately and before the ACK; it is acknowledged, and again when it is repeated", async () => {
    const pending = ask();
    await world.clock.advance(10);
    const [request] = hand.take();
    for (let i = 0; i < 2; i++) {
      answer(request!, { type: "CON", messageId: 4242, payload: "late" });
      await world.clock.advance(10);
    }
    expect(textOf(((await world.run(pending)) as { payload: Uint8Array }).payload)).toBe("late");
    expect(hand.take()).toMatchObject([
      { type: "ACK", code: 0, messageId: 4242 },
      { type: "ACK", code: 0, messageId: 4242 },
    ]);
    await world.clock.advance(100_000);
    expect(hand.take()).toEqual([]);
  });

  it("from another port is reset and doesn't answer the request", async () => {
    const pending = codeOf(ask());
    await world.clock.advance(10);
    const [request] = hand.take();
    const stranger = new RawPeer(world.network.transport(handAddress.address, 6_000), world.clock);
    const forged = {
      type: "CON",
      code: Code.content,
      messageId: 1,
      token: Buffer.from(request!.token, "hex"),
    } as const;
    stranger.sendBytes(encodePlain(forged), clientAt);
    await world.clock.advance(10);
    expect(stranger.take()).toMatchObject([{ type: "RST", messageId: 1 }]);
    expect(world.client.counters()["responsesFromElsewhere"]).toBe(1);
    expect(await world.run(pending)).toBe("coap.timeout");
  });

  it("with a token that nobody asked with is reset", async () => {
    for (const type of ["CON", "NON"] as const) {
      hand.sendBytes(encodePlain({ type, code: Code.content, messageId: 9, token: bytesOf("zz") }), clientAt);
      await world.clock.advance(10);
      expect(hand.take()).toMatchObject([{ type: "RST", messageId: 9 }]);
    }
    expect(world.client.counters()["responsesUnexpected"]).toBe(2);
  });

  it("with a critical option we don't know fails the request", async () => {
    const pending = codeOf(ask());
    await world.clock.advance(10);
    answer(hand.take()[0]!, { options: [[9, "x"]] });
    expect(await world.run(pending)).toBe("coap.bad-response");
  });

  it("carries what the caller may want", async () => {
    const pending = ask();
    await world.clock.advance(10);
    answer(hand.take()[0]!, {
      code: Code.created,
      options: [
        [OptionNumber.eTag, "v1"],
        [OptionNumber.locationPath, "nodes"],
        [OptionNumber.locationPath, "n 1"],
        [OptionNumber.contentFormat, 60],
        [OptionNumber.maxAge, 300],
        [OptionNumber.locationQuery, "a=b"],
      ],
    });
    const response = await world.run(pending as ReturnType<typeof world.client.request>);
    expect(response).toMatchObject({ code: Code.created, contentFormat: 60, maxAge: 300, observe: undefined });
    expect(response.locationPath).toEqual(["nodes", "n 1"]);
    expect(response.locationQuery).toEqual(["a=b"]);
    expect(response.from).toMatchObject(handAddress);
    expect(textOf(response.etag!)).toBe("v1");
  });
});

describe("NSTART", () => {
  it("lets one confirmable request go at a time, in order, and the next when the first is answered", async () => {
    const pendings = [1, 2, 3].map((n) => ask({ queries: [`n=${n}`] }));
    for (let n = 1; n <= 3; n++) {
      await world.clock.advance(10);
      const seen = hand.take();
      expect(seen).toHaveLength(1);
      answer(seen[0]!, {});
    }
    await world.run(Promise.all(pendings));
  });

  it("counts a request as done with its empty ACK: the next goes while the first waits for its response", async () => {
    const pendings = [ask(), ask()];
    await world.clock.advance(10);
    const [first] = hand.take();
    hand.sendBytes(encodePlain({ type: "ACK", code: 0, messageId: first!.messageId }), clientAt);
    await world.clock.advance(10);
    const [second] = hand.take();
    answer(second!, {});
    answer(first!, { type: "NON", messageId: 1 });
    await world.run(Promise.all(pendings));
  });

  it("has a bounded queue", async () => {
    const small = new World({ seed: 3, clientLimits: { queuePerPeer: 2 } });
    await small.start();
    const faults = [1, 2, 3, 4].map(() =>
      small.client.request({ to: handAddress, method: "GET", path: [] }).then(
        () => "answered",
        (error: unknown) => (error as Fault).code,
      ),
    );
    expect(await small.run(faults[3]!)).toBe("coap.queue-full");
    await small.client.stop();
    expect(await Promise.all(faults)).toEqual(["coap.stopped", "coap.stopped", "coap.stopped", "coap.queue-full"]);
    await small.stop();
  });
});

describe("message IDs", () => {
  it("count for each peer, and ours have nothing to do with theirs", async () => {
    world.server.route({ method: "GET", path: "/x", replay: "again", answer() {} });
    const sent: SeenMessage[] = [];
    world.network.taps.push(({ bytes, from }) => {
      if (from.address === "10.0.0.2") sent.push(decodePlain(bytes));
    });
    for (let i = 0; i < 3; i++) await world.get("x");
    expect(sent[1]!.messageId).toBe((sent[0]!.messageId + 1) & 0xffff);
    expect(sent[2]!.messageId).toBe((sent[0]!.messageId + 2) & 0xffff);
    expect(new Set(sent.map(({ token }) => token)).size).toBe(3);
    // A request of the server's to the client with the same ID as one of the client's own.
    world.client.route({ method: "GET", path: "/mine", replay: "once", answer() {} });
    const peer = { address: "10.0.0.2", port: 40_000 };
    const response = await world.run(world.server.request({ to: peer, method: "GET", path: ["mine"] }));
    expect(response.code).toBe(Code.content);
  });
});

describe("addresses", () => {
  it("must be IP addresses", async () => {
    expect(
      await faultOf(world.client.request({ to: { address: "node.local", port: 1 }, method: "GET", path: [] })),
    ).toBe("coap.bad-address");
  });

  it("and ports that are none are refused, and nothing is sent to what their lower bits would be", async () => {
    for (const address of ["300.0.0.1", "1.2.3", "::zz", "fe80::1%", ""]) {
      const request = world.client.request({ to: { address, port: 5683 }, method: "GET", path: [] });
      expect(await faultOf(request), address).toBe("coap.bad-address");
    }
    for (const port of [0, -1, 1.5, 70_000, Number.NaN]) {
      const to = { address: "10.0.0.1", port };
      expect(await faultOf(world.client.request({ to, method: "GET", path: [] })), String(port)).toBe(
        "coap.bad-request",
      );
      const discovered = world.client.discover({ group: "224.0.1.187", port, query: "", waitMs: 10 }, () => undefined);
      expect(await faultOf(discovered), String(port)).toBe("coap.bad-request");
    }
    expect(world.client.counters()["datagramsSent"]).toBe(0);
  });

  it("of groups are for discover, and tokens have at most 8 bytes", async () => {
    for (const address of ["224.0.1.187", "ff02::fd"]) {
      const request = world.client.request({ to: { address, port: 5683 }, method: "GET", path: [] });
      expect(await faultOf(request)).toBe("coap.bad-request");
    }
    expect(await faultOf(ask({ token: new Uint8Array(9) }))).toBe("coap.bad-request");
    expect(world.client.counters()["held.requests"]).toBe(0);
  });

  it("of IPv6 work the same", async () => {
    const server = world.endpoint(world.network.transport("fd00::1", 5683));
    const client = world.endpoint(world.network.transport("fd00::2", 5683));
    server.route({
      method: "GET",
      path: "/who",
      replay: "again",
      answer(request, reply) {
        reply.payload = bytesOf(`${request.peer.address} ${request.peer.port} ${request.peer.family}`);
      },
    });
    await server.start();
    await client.start();
    const to = { address: "fd00::1", port: 5683 };
    const response = await world.run(client.request({ to, method: "GET", path: ["who"] }));
    expect(textOf(response.payload)).toBe("fd00::2 5683 6");
    await client.stop();
    await server.stop();
  });
});

it("requests before the start and after the stop are refused, never lost", async () => {
  const endpoint = world.endpoint(world.network.transport("10.0.0.5", 1));
  const request = { to: serverAddress, method: "GET", path: [] } as const;
  expect(await faultOf(endpoint.request(request))).toBe("coap.not-started");
  await endpoint.start();
  await endpoint.stop();
  await endpoint.stop();
  expect(await faultOf(endpoint.request(request))).toBe("coap.stopped");
});
