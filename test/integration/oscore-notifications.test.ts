import { afterEach, describe, expect, it } from "vitest";
import { decodeMessage } from "../../coap/decode-message.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { MessageView } from "../../coap/message-view.ts";
import { MessageWriter } from "../../coap/message-writer.ts";
import { OscoreExchange } from "../../coap/security/oscore/oscore-exchange.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { bytesOf, decodePlain, encodePlain, type SeenMessage, serverAddress, textOf } from "./coap-harness.ts";
import { mirrored, node, OscoreForger, OscoreWorld, shared } from "./oscore-world.ts";

let world: OscoreWorld;
const pass = (ms = 200): Promise<void> => world.world.clock.advance(ms);

/** A plain message by itself, and the Partial IV it came under. */
interface Opened {
  readonly plain: SeenMessage;
  readonly options: readonly (readonly [number, string])[];
  readonly exchange: OscoreExchange;
}

function opened(bytes: Uint8Array, by: OscoreForger): Opened {
  const view = new MessageView(64);
  decodeMessage(bytes, 0, bytes.length, view);
  expect(by.messages.decodeOption(view)).toBe(true);
  const { partialIv } = by.messages.option;
  expect(by.messages.openRequest(view, by.context, partialIv)).toBe(true);
  const { request } = by.messages;
  const options = Array.from({ length: request.optionCount }, (_, i) => {
    return [request.optionNumbers[i]!, Buffer.from(request.valueAt(i)).toString("hex")] as const;
  });
  const plain = decodePlain(request.bytes.slice(request.tokenStart - 4, request.end));
  return { plain, options, exchange: new OscoreExchange(by.context, partialIv) };
}

describe("our client, with a server that may do wrong", () => {
  const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
  let server: OscoreForger;
  let requests: Uint8Array[];
  let seen: string[];

  async function build(): Promise<void> {
    world = new OscoreWorld();
    requests = [];
    seen = [];
    await world.client.start();
    server = new OscoreForger(world.world.rawPeer(serverAddress.address, serverAddress.port), mirrored(shared));
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address === "10.0.0.2" && decodePlain(bytes).code !== 0) requests.push(bytes.slice());
    });
  }

  let nextId = 9_000;
  /** `iv` of -1 takes the nonce of the request, a larger one that Partial IV. */
  function tell({ plain, exchange }: Opened, payload: string, iv: number, observe: number | undefined): void {
    const bytes = encodePlain({
      type: "NON",
      code: Code.content,
      messageId: nextId++,
      token: Uint8Array.from(Buffer.from(plain.token, "hex")),
      options: observe === undefined ? [] : [[OptionNumber.observe, observe]],
      payload,
    });
    const writer = new MessageWriter(1_024);
    writer.bytes.set(bytes);
    writer.end = bytes.length;
    const { context } = server;
    if (iv >= 0) {
      expect(server.contexts.numbers.isAtHand(context)).toBe(true);
      server.contexts.numbers.take(context);
      context.sequence = iv;
    }
    const again = new OscoreExchange(exchange.context, exchange.requestIv);
    expect(server.messages.sealReply(writer, again, iv >= 0)).toBe(true);
    server.peer.sendBytes(writer.copy(), clientAt);
  }

  function observe(reRegister = false): ReturnType<OscoreWorld["client"]["observe"]> {
    return world.client.observe(
      { to: world.to, path: ["a", "b"], queries: ["c=d"], reRegister },
      { notification: ({ payload }) => seen.push(textOf(payload)), ended: (reason) => seen.push(reason) },
    );
  }

  afterEach(() => world.client.stop());

  it("RFC 8613 4.1.3.5.2, 7.4.1, 8.4.2: takes one notification without Partial IV, and counts it as the oldest", async () => {
    await build();
    observe();
    await pass();
    const registration = opened(requests[0]!, server);
    tell(registration, "first", -1, 1);
    await pass();
    tell(registration, "first again", -1, 9);
    await pass();
    expect(seen).toEqual(["first"]);
    tell(registration, "five", 5, 1);
    await pass();
    expect(seen).toEqual(["first", "five"]);
  });

  it("RFC 8613 4.1.3.5.2, 7.4.1, 8.4.2: one without Partial IV that comes late is older than all that have one", async () => {
    await build();
    observe();
    await pass();
    const registration = opened(requests[0]!, server);
    tell(registration, "five", 5, 1);
    await pass();
    tell(registration, "late", -1, 0xffffff);
    await pass();
    expect(seen).toEqual(["five"]);
  });

  it("RFC 8613 4.1.3.5.2, 7.4.1, 8, 8.4.2: the highest Partial IV is the freshest, none comes twice, and the outer Observe is nothing", async () => {
    await build();
    observe();
    await pass();
    const registration = opened(requests[0]!, server);
    for (const [iv, outer] of [
      [3, 7],
      [3, 8],
      [2, 9],
      [260, 1],
      [259, 0xffff],
      [2 ** 40 - 2, 0],
      [261, 0xfffff0],
    ] as const) {
      tell(registration, `iv ${iv}`, iv, outer);
      await pass();
    }
    expect(seen).toEqual(["iv 3", "iv 260", `iv ${2 ** 40 - 2}`]);
  });

  it("RFC 8613 4.1.3.5, 4.1.3.5.1, D.5.2: cancels with the options of its registration, but for Observe, under a number of its own", async () => {
    await build();
    const observation = observe();
    await pass();
    const registration = opened(requests[0]!, server);
    tell(registration, "first", -1, 1);
    await pass();
    observation.cancel();
    await pass();
    const cancellation = opened(requests.at(-1)!, server);
    const others = (of: Opened) => of.options.filter(([number]) => number !== OptionNumber.observe);
    expect(others(cancellation)).toEqual(others(registration));
    expect(others(registration)).toHaveLength(3);
    expect([registration.plain, cancellation.plain].map((each) => each.uint(OptionNumber.observe))).toEqual([0, 1]);
    for (const [bytes, value] of [
      [requests[0]!, 0],
      [requests.at(-1)!, 1],
    ] as const) {
      expect(decodePlain(bytes).uint(OptionNumber.observe)).toBe(value);
    }
    expect(cancellation.exchange.requestIv).toBeGreaterThan(registration.exchange.requestIv);
  });

  it("RFC 8613 7.3, 4.1.3.5.1: registers again regularly when it is asked to, each time under a new Partial IV", async () => {
    await build();
    observe(true);
    await pass();
    for (let i = 0; i < 3; i++) {
      tell(opened(requests.at(-1)!, server), `state ${i}`, -1, 1);
      await pass(120_000);
    }
    const ivs = requests.map((bytes) => opened(bytes, server).exchange.requestIv);
    expect(new Set(ivs).size).toBeGreaterThanOrEqual(4);
    expect(seen).toEqual(["state 0", "state 1", "state 2"]);
  });
});

describe("our server, with clients that share a token", () => {
  let forger: OscoreForger;
  let sent: Uint8Array[];
  let value: number;

  async function build(): Promise<void> {
    world = new OscoreWorld();
    sent = [];
    value = 0;
    for (const path of ["/one", "/two"]) {
      world.server.route({
        method: "GET",
        path,
        replay: "again",
        observable: true,
        answer(_request, reply) {
          reply.payload = bytesOf(`${path} ${value}`);
        },
      });
    }
    await world.start();
    forger = world.forger();
    world.world.network.taps.push(({ bytes, from }) => {
      if (from.address === serverAddress.address) sent.push(bytes.slice());
    });
  }

  const about = (path: string, observe?: number) =>
    ({
      options: [
        ...(observe === undefined ? [] : [[OptionNumber.observe, observe] as const]),
        [OptionNumber.uriPath, path] as const,
      ],
      token: Uint8Array.of(7),
    }) as const;

  async function send(bytes: Uint8Array): Promise<void> {
    sent.length = 0;
    forger.peer.sendBytes(bytes, RemoteAddress.from(serverAddress.address, serverAddress.port));
    await pass();
  }

  /** What those exchanges open of the notifications of a change. */
  async function told(...exchanges: readonly OscoreExchange[]): Promise<(string | undefined)[]> {
    value++;
    sent.length = 0;
    world.server.notify("/one");
    world.server.notify("/two");
    // Without an estimate of the round trip a peer is sent one notification in 3 seconds.
    await pass(10_000);
    return exchanges.map((exchange) => {
      const inner = sent.map((bytes) => forger.opened(bytes, exchange)).find((each) => each !== undefined);
      expect(inner?.option(OptionNumber.observe)).toHaveLength(0);
      return inner?.payload;
    });
  }

  afterEach(() => world.stop());

  it("RFC 8613 4.1.3.5, 4.1.3.5.2: an observation goes on though another request has its token, whatever that asks", async () => {
    await build();
    await send(forger.sealed(about("one", 0)));
    const one = forger.exchange!;
    await send(forger.sealed(about("two")));
    expect(await told(one)).toEqual(["/one 1"]);
    await send(forger.sealed(about("two", 0)));
    const two = forger.exchange!;
    expect(world.server.observers()).toBe(2);
    expect(await told(one, two)).toEqual(["/one 2", "/two 2"]);
  });

  it("RFC 8613 4.1.3.5, D.5.2: a cancellation counts for what it names inside, not for another resource with its token", async () => {
    await build();
    await send(forger.sealed(about("one", 0)));
    const one = forger.exchange!;
    await send(forger.sealed(about("two", 1)));
    expect(world.server.observers()).toBe(1);
    expect(await told(one)).toEqual(["/one 1"]);
    await send(forger.sealed(about("one", 1)));
    expect(world.server.observers()).toBe(0);
  });

  it("RFC 8613 4.1.3.5: two contexts at one address may have one token, and each ends its own alone", async () => {
    await build();
    const other = { ...shared, senderId: bytesOf("o"), masterSecret: new Uint8Array(16).fill(6) };
    const theirs = world.atServer.add(mirrored(other), { isNew: true });
    const second = new OscoreForger(forger.peer, other);
    await send(forger.sealed(about("one", 0)));
    const one = forger.exchange!;
    await send(second.sealed({ ...about("one", 0), messageId: 700 }));
    expect(world.server.observers()).toBe(2);
    await send(second.sealed({ ...about("one", 1), messageId: 701 }));
    expect(world.server.observers()).toBe(1);
    expect(await told(one)).toEqual(["/one 1"]);
    world.atServer.remove(theirs);
    expect(world.server.observers()).toBe(1);
    world.atServer.revoke(node);
    expect(world.server.observers()).toBe(0);
  });
});
