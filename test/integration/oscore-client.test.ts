import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CoapResponse } from "../../coap/client-types.ts";
import { decodeMessage } from "../../coap/decode-message.ts";
import type { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { MessageView } from "../../coap/message-view.ts";
import { MessageWriter } from "../../coap/message-writer.ts";
import { OscoreExchange } from "../../coap/security/oscore/oscore-exchange.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  type PlainMessage,
  type SeenMessage,
  serverAddress,
  textOf,
} from "./coap-harness.ts";
import { mirrored, node, OscoreForger, OscoreWorld, type OscoreWorldOptions, shared } from "./oscore-world.ts";

const clientAt = RemoteAddress.from("10.0.0.2", 40_000);
let world: OscoreWorld;
/** A server without an engine that has the server's keys. */
let server: OscoreForger;
/** Requests as they came. */
let wire: Uint8Array[] = [];

/** The server of the world isn't started: its address is the forger's. */
async function build(options: OscoreWorldOptions = {}): Promise<void> {
  world = new OscoreWorld(options);
  wire = [];
  await world.client.start();
  server = new OscoreForger(world.world.rawPeer(serverAddress.address, serverAddress.port), mirrored(shared));
  world.world.network.taps.push(({ bytes, from }) => {
    if (from.address === "10.0.0.2") wire.push(bytes.slice());
  });
}

type Asked = Partial<Parameters<CoapEndpoint["request"]>[0]>;

/** A request, and how it ended: `code payload`, or the code of its fault. */
function ask(more: Asked = {}): { readonly ended: Promise<string>; result: string | undefined } {
  const asked = world.client.request({ to: world.to, method: "GET", path: ["a"], ...more });
  const state: { ended: Promise<string>; result: string | undefined } = {
    ended: Promise.resolve(""),
    result: undefined,
  };
  state.ended = asked.then(
    ({ code, payload }: CoapResponse) => `${code.toString(16)} ${textOf(payload)}`,
    (fault: { code?: string }) => fault.code ?? String(fault),
  );
  void state.ended.then((result) => {
    state.result = result;
  });
  return state;
}

const pass = (ms = 50): Promise<void> => world.world.clock.advance(ms);

/** The plain form of a request that came, and what binds its answer. */
function opened(bytes: Uint8Array): { readonly plain: SeenMessage; readonly exchange: OscoreExchange } {
  const view = new MessageView(64);
  decodeMessage(bytes, 0, bytes.length, view);
  expect(server.messages.decodeOption(view)).toBe(true);
  const { partialIv } = server.messages.option;
  expect(server.messages.openRequest(view, server.context, partialIv)).toBe(true);
  const { request } = server.messages;
  const plain = decodePlain(request.bytes.slice(request.tokenStart - 4, request.end));
  return { plain, exchange: new OscoreExchange(server.context, partialIv) };
}

function sealedAnswer(to: Uint8Array, message: Partial<PlainMessage> = {}, own = false): Uint8Array {
  const { plain, exchange } = opened(to);
  const writer = new MessageWriter(16_384);
  const bytes = encodePlain({
    type: "ACK",
    code: Code.content,
    messageId: plain.messageId,
    token: Uint8Array.from(Buffer.from(plain.token, "hex")),
    payload: "secret",
    ...message,
  });
  writer.bytes.set(bytes);
  writer.end = bytes.length;
  expect(server.messages.sealReply(writer, exchange, own)).toBe(true);
  return writer.copy();
}

const send = (bytes: Uint8Array): void => server.peer.sendBytes(bytes, clientAt);

function inTheClear(to: Uint8Array, message: Partial<PlainMessage>): Uint8Array {
  const { messageId, token } = decodePlain(to);
  return encodePlain({
    type: "ACK",
    code: Code.content,
    messageId,
    token: Uint8Array.from(Buffer.from(token, "hex")),
    ...message,
  });
}

beforeEach(() => build());
afterEach(() => world.client.stop());

describe("an answer", () => {
  it("RFC 8613 8, 8.4: that was changed, is another's or comes in the clear is dropped, and the genuine one still taken", async () => {
    const state = ask();
    await pass();
    const good = sealedAnswer(wire[0]!);
    for (let at = good.length - 14; at < good.length; at++) {
      const bad = good.slice();
      bad[at]! ^= 1;
      send(bad);
    }
    send(inTheClear(wire[0]!, { payload: "a lie" }));
    const other = new OscoreForger(
      world.rawPeer("10.0.0.9"),
      mirrored({ ...shared, masterSecret: new Uint8Array(16) }),
    );
    const writer = new MessageWriter(256);
    const plain = inTheClear(wire[0]!, { payload: "a lie" });
    writer.bytes.set(plain);
    writer.end = plain.length;
    other.messages.sealReply(writer, new OscoreExchange(other.context, 0), false);
    send(writer.copy());
    await pass();
    expect(state.result).toBeUndefined();
    send(good);
    expect(await world.world.run(state.ended)).toBe("45 secret");
    const counters = world.client.counters();
    expect(counters["oscore.responsesUnverified"]).toBeGreaterThan(5);
    expect(counters["oscore.responsesUnprotected"]).toBe(1);
  });

  it("RFC 8613 D.5.3: an error in the clear, from whom ever, ends the request and never counts as its answer", async () => {
    for (const code of [Code.unauthorized, Code.badRequest, Code.gatewayTimeout]) {
      wire = [];
      const state = ask();
      await pass();
      send(inTheClear(wire[0]!, { code, payload: "Decryption failed" }));
      expect(await world.world.run(state.ended)).toBe("coap.oscore-refused");
    }
  });

  it("RFC 8613 4.1.3.6: a 5.04 that comes although none was wanted ends the request alone", async () => {
    const state = ask({ options: [{ number: OptionNumber.noResponse, value: Uint8Array.of(26) }] });
    await pass();
    expect(decodePlain(wire[0]!).option(OptionNumber.noResponse)).toBeUndefined();
    expect(opened(wire[0]!).plain.uint(OptionNumber.noResponse)).toBe(26);
    send(inTheClear(wire[0]!, { code: Code.gatewayTimeout }));
    expect(await world.world.run(state.ended)).toBe("coap.oscore-refused");
  });

  it("RFC 8613 4.1.3.5.2, 8.4: that claims to be a notification of a request without Observe is dropped", async () => {
    const state = ask();
    await pass();
    send(sealedAnswer(wire[0]!, { options: [[OptionNumber.observe, 5]] }, true));
    await pass();
    expect(state.result).toBeUndefined();
    send(sealedAnswer(wire[0]!));
    expect(await world.world.run(state.ended)).toBe("45 secret");
  });

  it("RFC 8613 8.3, 8.4: with a Partial IV of the server's own verifies as well", async () => {
    const state = ask();
    await pass();
    send(sealedAnswer(wire[0]!, {}, true));
    expect(await world.world.run(state.ended)).toBe("45 secret");
  });

  it("RFC 8613 4.2, 8.4: outer options with an inner meaning are dropped, and so is the outer code", async () => {
    const state = ask();
    await pass();
    const good = sealedAnswer(wire[0]!, { options: [[OptionNumber.maxAge, 9]] });
    const seen = decodePlain(good);
    const dressed = encodePlain({
      type: "ACK",
      code: Code.notFound,
      messageId: seen.messageId,
      token: Uint8Array.from(Buffer.from(seen.token, "hex")),
      options: [
        [OptionNumber.eTag, "x"],
        [OptionNumber.oscore, ""],
        [OptionNumber.contentFormat, 60],
        [OptionNumber.maxAge, 0],
      ],
      payload: good.slice(good.indexOf(0xff) + 1),
    });
    send(dressed);
    expect(await world.world.run(state.ended)).toBe("45 secret");
  });

  it("RFC 8613 2, 8.4: without payload, or with an option that doesn't decode, is dropped", async () => {
    const state = ask();
    await pass();
    const good = sealedAnswer(wire[0]!);
    for (const value of ["", "\x20", "\x06", "\x19", "\x02\x00\x01"]) {
      const payload = value === "" ? undefined : good.slice(good.indexOf(0xff) + 1);
      send(
        inTheClear(wire[0]!, {
          code: Code.changed,
          options: [[OptionNumber.oscore, value]],
          ...(payload && { payload }),
        }),
      );
    }
    await pass();
    expect(state.result).toBeUndefined();
    expect(world.client.counters()["oscore.responsesUnverified"]).toBe(5);
    send(good);
    expect(await world.world.run(state.ended)).toBe("45 secret");
  });

  it("RFC 8613 2; RFC 7252 5.4.1: that is protected although the request wasn't is rejected", async () => {
    const state = ask({ to: serverAddress });
    await pass();
    send(inTheClear(wire[0]!, { options: [[OptionNumber.oscore, ""]], payload: "12345678901234567" }));
    await pass();
    expect(state.result).toBe("coap.bad-response");
  });

  it("a confirmable one that doesn't verify is acknowledged and not reset", async () => {
    const state = ask();
    await pass();
    const bad = sealedAnswer(wire[0]!, { type: "CON", messageId: 77 });
    bad[bad.length - 1]! ^= 1;
    send(bad);
    await pass();
    expect(server.peer.take().filter(({ code }) => code === 0)).toMatchObject([{ type: "ACK", messageId: 77 }]);
    expect(state.result).toBeUndefined();
    send(sealedAnswer(wire[0]!));
    expect(await world.world.run(state.ended)).toBe("45 secret");
  });
});

describe("a request", () => {
  it("RFC 8613 4, 4.1.1, 4.2, 5, 6.2: shows a proxy POST, its OSCORE option and nothing of what it says", async () => {
    const payload = bytesOf("secret payload");
    ask({ method: "PUT", path: ["secret-path"], queries: ["secret=query"], payload, contentFormat: 60, accept: 0 });
    await pass();
    const seen = decodePlain(wire[0]!);
    expect(seen.code).toBe(Code.post);
    expect(Buffer.from(wire[0]!).includes("secret")).toBe(false);
    for (const number of [
      OptionNumber.uriPath,
      OptionNumber.uriQuery,
      OptionNumber.contentFormat,
      OptionNumber.accept,
    ]) {
      expect(seen.option(number)).toBeUndefined();
    }
    expect(opened(wire[0]!).plain).toMatchObject({ code: Code.put, payload: "secret payload", token: seen.token });
  });

  it("RFC 8613 4, 4.1, 4.1.2: Uri-Host, Uri-Port and Hop-Limit stay outside, unknown options go inside", async () => {
    ask({
      options: [
        { number: OptionNumber.uriHost, value: bytesOf("host.example") },
        { number: OptionNumber.uriPort, value: Uint8Array.of(1) },
        { number: OptionNumber.hopLimit, value: Uint8Array.of(9) },
        { number: 65_000, value: bytesOf("unknown") },
      ],
    });
    await pass();
    const seen = decodePlain(wire[0]!);
    expect(textOf(seen.option(OptionNumber.uriHost)!)).toBe("host.example");
    expect([seen.uint(OptionNumber.uriPort), seen.uint(OptionNumber.hopLimit)]).toEqual([1, 9]);
    expect(seen.option(65_000)).toBeUndefined();
    const { plain } = opened(wire[0]!);
    expect(textOf(plain.option(65_000)!)).toBe("unknown");
    expect(plain.option(OptionNumber.uriHost)).toBeUndefined();
  });

  it("RFC 8613 4.1.3.3: of a Proxy-Uri the origin stays outside, path and query go inside, decoded", async () => {
    const value = bytesOf("coap://example.com:61616/resource/a%2Fb?q=1&r=%20");
    ask({ path: [], options: [{ number: OptionNumber.proxyUri, value }] });
    await pass();
    expect(textOf(decodePlain(wire[0]!).option(OptionNumber.proxyUri)!)).toBe("coap://example.com:61616");
    opened(wire[0]!);
    const { request } = server.messages;
    expect(request.texts(OptionNumber.uriPath)).toEqual(["resource", "a/b"]);
    expect(request.texts(OptionNumber.uriQuery)).toEqual(["q=1", "r= "]);
    expect(await ask({ options: [{ number: OptionNumber.proxyUri, value: bytesOf("not a uri") }] }).ended).toBe(
      "coap.bad-request",
    );
  });

  it("RFC 8613 4.1.3.7: with an OSCORE option is not protected again", async () => {
    const state = ask({ options: [{ number: OptionNumber.oscore, value: new Uint8Array(0) }] });
    expect(await state.ended).toBe("coap.bad-request");
    expect(wire).toEqual([]);
  });

  it("RFC 8613 8.1: to a group is not sent: protection is for one server", async () => {
    const state = ask({ to: { ...world.to, address: "224.0.1.187" } });
    await pass();
    expect(state.result).toBe("coap.bad-request");
    expect(wire).toEqual([]);
  });

  it("RFC 8613 5, 6.1, 8.1: names its kid last, its number without leading zeros, and its ID Context where it has one", async () => {
    for (const [sequence, value] of [
      [0, "0900c1"],
      [255, "09ffc1"],
      [256, "0a0100c1"],
      [2 ** 40 - 1, "0dffffffffffc1"],
    ] as const) {
      wire = [];
      expect(world.atClient.numbers.isAtHand(world.clientContext)).toBe(true);
      world.atClient.numbers.ownAll(world.clientContext);
      world.clientContext.sequence = sequence;
      ask();
      await pass();
      expect(Buffer.from(decodePlain(wire[0]!).option(OptionNumber.oscore)!).toString("hex")).toBe(value);
      await pass(300_000);
    }
    await world.client.stop();
    await build({ parameters: { ...shared, idContext: bytesOf("id") } });
    ask();
    await pass();
    expect(Buffer.from(decodePlain(wire[0]!).option(OptionNumber.oscore)!).toString("hex")).toBe("1900026964c1");
  });

  it("RFC 8613 7.2: a retransmission is the same bytes, a new request has the next number", async () => {
    const state = ask();
    await pass(8_000);
    expect(wire.length).toBeGreaterThan(1);
    for (const each of wire) expect(Buffer.compare(each, wire[0]!)).toBe(0);
    send(sealedAnswer(wire[0]!));
    await world.world.run(state.ended);
    ask();
    await pass();
    expect(Array.from(decodePlain(wire.at(-1)!).option(OptionNumber.oscore)!.subarray(0, 2))).toEqual([9, 1]);
  });

  it("to an identity without a context, or after it was removed, goes nowhere and never in the clear", async () => {
    const nobody = { ...serverAddress, identity: node };
    expect(await ask({ to: nobody }).ended).toBe("coap.oscore-no-context");
    const state = ask();
    await pass();
    world.atClient.remove(world.clientContext);
    expect(await world.world.run(state.ended)).toBe("coap.oscore-no-context");
    expect(await ask().ended).toBe("coap.oscore-no-context");
    expect(await ask({ to: { ...serverAddress, oscore: world.clientContext } }).ended).toBe("coap.oscore-no-context");
    expect(wire.every((each) => decodePlain(each).option(OptionNumber.oscore) !== undefined)).toBe(true);
  });

  it("an Echo is given, but a server that always wants another isn't asked for ever", async () => {
    const state = ask();
    await pass();
    for (let i = 0; i < 8 && state.result === undefined; i++) {
      const last = wire.at(-1)!;
      send(
        sealedAnswer(last, { code: Code.unauthorized, payload: "", options: [[OptionNumber.echo, `echo ${i}`]] }, true),
      );
      await pass();
    }
    expect((await world.world.run(state.ended)).slice(0, 2)).toBe("81");
    const echoes = wire.map((each) => opened(each).plain.option(OptionNumber.echo));
    expect(echoes[0]).toBeUndefined();
    expect(textOf(echoes[1]!)).toBe("echo 0");
    expect(wire.length).toBeLessThan(5);
  });
});
