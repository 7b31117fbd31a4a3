import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import type { PeerIdentity } from "../../coap/route.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { bytesOf as hexBytes, oscoreVectors, parametersOf } from "../contract/oscore-vectors.ts";
import { bytesOf, decodePlain, encodePlain, serverAddress, textOf } from "./coap-harness.ts";
import { mirrored, node, type OscoreForger, OscoreWorld, type OscoreWorldOptions, shared } from "./oscore-world.ts";

let world: OscoreWorld;
let forger: OscoreForger;
let runs = 0;
let late: PromiseWithResolvers<void>;
/** Datagrams from the server, as they are. */
let sent: Uint8Array[] = [];

async function build(options: OscoreWorldOptions = {}): Promise<void> {
  world = new OscoreWorld(options);
  runs = 0;
  late = Promise.withResolvers();
  sent = [];
  const { server } = world;
  const nameOf = (identity: PeerIdentity): string => (identity.kind === "none" ? "nobody" : identity.id);
  for (const replay of ["again", "once"] as const) {
    server.route({
      method: "GET",
      path: `/who/${replay}`,
      replay,
      answer(request, reply) {
        runs++;
        reply.maxAge = 7;
        const host = request.option(OptionNumber.uriHost);
        reply.payload = bytesOf(`${nameOf(request.peer.identity)}${host === undefined ? "" : ` at ${textOf(host)}`}`);
      },
    });
  }
  server.route({
    method: "POST",
    path: "/late",
    replay: "again",
    async later(request) {
      runs++;
      await late.promise;
      return { payload: bytesOf(nameOf(request.peer.identity)) };
    },
  });
  await world.start();
  forger = world.forger();
  world.world.network.taps.push(({ bytes, from }) => {
    if (from.address === serverAddress.address) sent.push(bytes.slice());
  });
}

const path = (...segments: readonly string[]): (readonly [number, string])[] =>
  segments.map((segment) => [OptionNumber.uriPath, segment] as const);

/** Codes of what came back. */
async function answersTo(...messages: readonly Uint8Array[]): Promise<number[]> {
  forger.peer.take();
  for (const bytes of messages) {
    forger.peer.sendBytes(bytes);
    await world.world.clock.advance(100);
  }
  return forger.peer.take().map(({ code }) => code);
}

/** Code and text of the one answer, which is unprotected. */
async function refusal(bytes: Uint8Array): Promise<string> {
  forger.peer.take();
  forger.peer.sendBytes(bytes);
  await world.world.clock.advance(100);
  const answers = forger.peer.take();
  expect(answers).toHaveLength(1);
  const [answer] = answers;
  expect(answer!.option(OptionNumber.oscore)).toBeUndefined();
  return `${answer!.type} ${answer!.code.toString(16)} ${answer!.payload} Max-Age ${answer!.uint(OptionNumber.maxAge)}`;
}

/** The bytes again, with one of them changed, a piece put in, or cut short. */
function changed(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at < 0 ? copy.length + at : at]! ^= 1;
  return copy;
}

/** The protected message with its outer options changed. */
function withOuter(
  sealed: Uint8Array,
  more: readonly (readonly [number, Uint8Array | string | number])[],
  code?: number,
): Uint8Array {
  const seen = decodePlain(sealed);
  const option = seen.option(OptionNumber.oscore)!;
  const options = [...more, [OptionNumber.oscore, option] as const].sort(([a], [b]) => a - b);
  const payloadAt = sealed.length - payloadOf(sealed).length;
  return encodePlain({
    type: seen.type,
    code: code ?? seen.code,
    messageId: seen.messageId,
    token: hexBytes(seen.token),
    options,
    payload: sealed.slice(payloadAt),
  });
}

/** Its ciphertext: a request made here has header, one byte of token, the option and the marker before it. */
function payloadOf(sealed: Uint8Array): Uint8Array {
  const option = decodePlain(sealed).option(OptionNumber.oscore)!;
  return sealed.slice(5 + 1 + option.length + 1);
}

beforeEach(() => build());
afterEach(() => world.stop());

describe("a request that doesn't verify", () => {
  const vectors = oscoreVectors.forged.filter(({ name }) => name !== "no payload");

  it.each(vectors)("RFC 8613 8.2, 5: is answered in the clear as the RFC says: $name", async (vector) => {
    const own = world.atServer.add(parametersOf(vector.server), { isNew: true });
    const answer = await refusal(hexBytes(vector.hex));
    const code = Number.parseInt(vector.code[0]!, 10) * 32 + Number(vector.code.slice(2));
    expect(answer).toBe(`ACK ${code.toString(16)} ${vector.text} Max-Age 0`);
    expect(own.isRemoved).toBe(false);
    expect(runs).toBe(0);
  });

  it("RFC 8613 2: without payload is malformed and rejected, without a word when it isn't confirmable", async () => {
    for (const type of ["CON", "NON"] as const) {
      const sealed = forger.sealed({ type, options: path("who", "again") });
      const empty = sealed.slice(0, sealed.length - payloadOf(sealed).length - 1);
      forger.peer.take();
      forger.peer.sendBytes(empty);
      await world.world.clock.advance(100);
      expect(forger.peer.take().map((each) => `${each.type} ${each.code}`)).toEqual(type === "CON" ? ["RST 0"] : []);
    }
    expect(runs).toBe(0);
  });

  it("RFC 8613 6.1, 8.2: never runs, whatever byte is changed and wherever it is cut", async () => {
    const sealed = forger.sealed({ options: path("who", "again") });
    for (let at = 5; at < sealed.length; at++) {
      forger.peer.sendBytes(changed(sealed, at));
      forger.peer.sendBytes(sealed.slice(0, at));
    }
    await world.world.clock.advance(1_000);
    expect(runs).toBe(0);
    // None of them moved the window.
    expect(await answersTo(sealed)).toEqual([Code.changed]);
    expect(runs).toBe(1);
  });

  it("RFC 8613 8.2: text is left out where it would make the answer more than three times the request", async () => {
    const short = encodePlain({
      type: "CON",
      code: 2,
      messageId: 1,
      options: [[9, hexBytes("0914ff")]],
      payload: "12345",
    });
    const answer = await refusal(short);
    expect(answer).toBe("ACK 81 Security context not found Max-Age 0");
    const shorter = encodePlain({ type: "CON", code: 2, messageId: 2, options: [[9, hexBytes("09")]], payload: "1" });
    expect(await refusal(shorter)).toBe("ACK 82  Max-Age 0");
  });

  it("RFC 8613 4.1.3.2: verifies with another's context at no server, also when it has the same IDs", async () => {
    const other = world.forger({ ...shared, masterSecret: new Uint8Array(16).fill(3) }, "10.0.0.8");
    forger = other;
    expect(await refusal(other.sealed({ options: path("who", "again") }))).toContain("80 Decryption failed");
    expect(runs).toBe(0);
  });
});

describe("a request that comes again", () => {
  it("RFC 8613 7.4, 7.5: is a replay, from whatever address and under whatever message ID", async () => {
    const sealed = forger.sealed({ options: path("who", "again") });
    expect(await answersTo(sealed)).toEqual([Code.changed]);
    const again = sealed.slice();
    again[3]! += 7;
    expect(await refusal(again)).toBe("ACK 81 Replay detected Max-Age 0");
    const elsewhere = world.rawPeer("10.0.0.9");
    elsewhere.sendBytes(sealed);
    await world.world.clock.advance(100);
    expect(elsewhere.take().map(({ code }) => code)).toEqual([Code.unauthorized]);
    expect(runs).toBe(1);
  });

  it("RFC 8613 7.4: a replay that isn't confirmable is passed over", async () => {
    const sealed = forger.sealed({ type: "NON", options: path("who", "again") });
    expect(await answersTo(sealed, sealed, changed(sealed, 3))).toEqual([Code.changed]);
    expect(runs).toBe(1);
  });

  it("RFC 8613 7.2; RFC 7252 4.5: what isn't confirmable gets no acknowledgement, also under the message ID of what was acknowledged", async () => {
    const confirmable = forger.sealed({ options: path("who", "again") });
    const next = forger.sealed({ type: "NON", options: path("who", "again") });
    next.set(confirmable.subarray(2, 4), 2);
    forger.peer.take();
    for (const bytes of [confirmable, next]) {
      forger.peer.sendBytes(bytes);
      await world.world.clock.advance(100);
    }
    expect(forger.peer.take().map(({ type }) => type)).toEqual(["ACK", "NON"]);
    expect(runs).toBe(2);
  });

  it.each(["again", "once"])(
    "RFC 8613 7.2; RFC 7252 4.5: a retransmission gets the bytes of the first answer, on a route with replay: %s",
    async (replay) => {
      const sealed = forger.sealed({ options: path("who", replay) });
      expect(await answersTo(sealed, sealed, sealed)).toEqual([Code.changed, Code.changed, Code.changed]);
      expect(Buffer.compare(sent[0]!, sent[1]!)).toBe(0);
      expect(Buffer.compare(sent[0]!, sent[2]!)).toBe(0);
      expect(runs).toBe(1);
      expect(forger.opened(sent[0]!)?.payload).toBe("esp-1");
    },
  );

  it("RFC 8613 7.2; RFC 7252 4.5: a retransmission of what is answered later gets an empty ACK, also after the answer", async () => {
    const sealed = forger.sealed({ code: 2, options: path("late") });
    expect(await answersTo(sealed, sealed)).toEqual([0]);
    late.resolve();
    await world.world.clock.advance(1_000);
    expect(forger.peer.take().map(({ code }) => code)).toEqual([Code.changed]);
    expect(forger.opened(sent.at(-1)!)?.payload).toBe("esp-1");
    expect((await answersTo(sealed)).filter((code) => code !== Code.changed)).toEqual([0]);
    expect(runs).toBe(1);
  });

  it("RFC 8613 7.4, 8.2: the window takes what comes out of order and nothing twice, whatever the order", async () => {
    const sealed = Array.from({ length: 150 }, () => forger.sealed({ type: "NON", options: path("who", "again") }));
    const order = [0, 5, 3, 64, 2, 70, 70, 69, 7, 8, 5, 140, 77, 76, 139, 3];
    const taken = new Set<number>();
    let highest = -1;
    let expected = 0;
    for (const index of order) {
      const isTaken = !taken.has(index) && index > highest - 64;
      if (isTaken) {
        taken.add(index);
        expected++;
      }
      highest = Math.max(highest, index);
      forger.peer.sendBytes(sealed[index]!);
      await world.world.clock.advance(100);
      expect(runs, `after ${index}`).toBe(expected);
    }
  });
});

describe("outer options", () => {
  it("RFC 8613 8.2, 4.2, 4.1.3.6: those of class E are dropped, and so is the outer code", async () => {
    const sealed = forger.sealed({ options: path("who", "again") });
    const dressed = withOuter(
      sealed,
      [
        [OptionNumber.ifMatch, "x"],
        [OptionNumber.ifNoneMatch, ""],
        [OptionNumber.uriPath, "elsewhere"],
        [OptionNumber.accept, 60],
        [OptionNumber.observe, 0],
        [OptionNumber.noResponse, 2],
      ],
      5,
    );
    expect(await answersTo(dressed)).toEqual([Code.changed]);
    expect(forger.opened(sent.at(-1)!)?.payload).toBe("esp-1");
    expect(world.server.observers()).toBe(0);
  });

  it("RFC 8613 4.1.2, 8.2: Uri-Host belongs to the request, wherever a proxy changed it", async () => {
    const sealed = forger.sealed({ options: path("who", "again") });
    await answersTo(withOuter(sealed, [[OptionNumber.uriHost, "changed.example"]]));
    expect(forger.opened(sent.at(-1)!)?.payload).toBe("esp-1 at changed.example");
  });

  it("RFC 8613 8.2; RFC 7252 5.4.1: an unknown critical one is 4.02, an unknown elective one nothing", async () => {
    const options = path("who", "again");
    expect(await refusal(withOuter(forger.sealed({ options }), [[65_001, "x"]]))).toBe("ACK 82  Max-Age 0");
    expect(await answersTo(withOuter(forger.sealed({ options }), [[65_000, "x"]]))).toEqual([Code.changed]);
    const sealed = forger.sealed({ options });
    const twice = withOuter(sealed, [[OptionNumber.oscore, decodePlain(sealed).option(9)!]]);
    expect(await refusal(twice)).toBe("ACK 82  Max-Age 0");
  });

  it("RFC 8613 10; RFC 7252 5.7.2: a message for a proxy is 5.05", async () => {
    const sealed = forger.sealed({ options: path("who", "again") });
    for (const [number, value] of [
      [OptionNumber.proxyUri, "coap://x"],
      [OptionNumber.proxyScheme, "coap"],
    ] as const) {
      expect(await refusal(withOuter(sealed, [[number, value]]))).toBe("ACK a5  Max-Age 0");
    }
    expect(runs).toBe(0);
  });

  it("RFC 8613 4.1.3.7: an OSCORE option inside is refused, under protection", async () => {
    // GET with an empty OSCORE option, then Uri-Path who, again.
    const text = Uint8Array.from([1, 0x90, 0x23, ...bytesOf("who"), 5, ...bytesOf("again")]);
    await answersTo(forger.sealedText(text));
    expect(forger.opened(sent.at(-1)!)?.code).toBe(Code.badOption);
    expect(runs).toBe(0);
  });

  it.each([
    ["no code", [0]],
    ["a response", [0x45]],
    ["an option that is cut short", [1, 0xb9, 1]],
    ["a payload marker and no payload", [1, 0xb1, 0x61, 0xff]],
    ["a reserved delta", [1, 0xf0]],
  ])("RFC 8613 8.2: what verifies and holds %s is refused and runs nothing", async (_what, text) => {
    expect(await refusal(forger.sealedText(Uint8Array.from(text)))).toBe("ACK 82 Failed to decode COSE Max-Age 0");
    expect(runs).toBe(0);
  });

  it("RFC 8613 9: a route's link says osc, without a value, to who asks in the clear as well", async () => {
    const attributes = { rt: "x", osc: true };
    world.server.route({ method: "GET", path: "/linked", replay: "again", attributes, answer() {} });
    const plain = encodePlain({ type: "CON", code: 1, messageId: 6, options: path(".well-known", "core") });
    await answersTo(plain);
    expect(decodePlain(sent.at(-1)!).payload).toBe('</linked>;rt="x";osc');
  });

  it("RFC 8613 8.2: an endpoint with contexts still answers the clear as nobody's", async () => {
    const plain = encodePlain({ type: "CON", code: 1, messageId: 5, options: path("who", "again") });
    await answersTo(plain);
    expect(decodePlain(sent.at(-1)!).payload).toBe("nobody");
    expect(await answersTo(forger.sealed({ options: path("who", "again") }))).toEqual([Code.changed]);
  });
});

describe("an answer", () => {
  it("RFC 8613 2, 4.2, 5, 8.3: looks like 2.04 with an empty OSCORE option, whatever it is, errors too", async () => {
    for (const [options, code] of [
      [path("who", "again"), Code.content],
      [path("nowhere"), Code.notFound],
    ] as const) {
      const sealed = forger.sealed({ options });
      expect(await answersTo(sealed)).toEqual([Code.changed]);
      const seen = decodePlain(sent.at(-1)!);
      expect(seen.option(OptionNumber.oscore)).toHaveLength(0);
      expect(seen.option(OptionNumber.maxAge)).toBeUndefined();
      expect(forger.opened(sent.at(-1)!)?.code).toBe(code);
    }
  });

  it("RFC 8613 4.1.3.1, 4.1.1: Max-Age is inside", async () => {
    await answersTo(forger.sealed({ options: path("who", "again") }));
    expect(forger.opened(sent.at(-1)!)?.uint(OptionNumber.maxAge)).toBe(7);
  });

  it("RFC 8613 4.1.3.6: No-Response is heeded inside, and its retransmission stays without an answer", async () => {
    const sealed = forger.sealed({ options: [...path("who", "again"), [OptionNumber.noResponse, 2]] });
    expect(decodePlain(sealed).option(OptionNumber.noResponse)).toBeUndefined();
    expect(await answersTo(sealed, sealed)).toEqual([0, 0]);
    expect(runs).toBe(1);
  });

  it("RFC 8613 8, 5.4, 7.1: an answer is bound to its request alone", async () => {
    const first = forger.sealed({ options: path("who", "again") });
    const ofFirst = forger.exchange!;
    await answersTo(first);
    await answersTo(forger.sealed({ options: path("who", "again") }));
    expect(forger.opened(sent.at(-1)!, ofFirst)).toBeUndefined();
  });

  it("RFC 8613 3.1: server and client keep their IDs when they change roles", async () => {
    world.client.route({
      method: "GET",
      path: "/who",
      replay: "again",
      answer: ({ peer }, reply) => {
        reply.payload = bytesOf(peer.identity.kind === "none" ? "nobody" : peer.identity.id);
      },
    });
    expect(await world.ask("/who/again")).toBe("45 esp-1");
    const to = { address: "10.0.0.2", port: 40_000, identity: node };
    const back = await world.world.run(world.server.request({ to, method: "GET", path: ["who"] }));
    expect(textOf(back.payload)).toBe("manager");
  });
});

describe("contexts", () => {
  it("RFC 8613 3.3, 4.1.3.2: two never have the same sender key, nor the same recipient ID and ID Context", () => {
    const add = (change: object) => () => world.atServer.add({ ...mirrored(shared), ...change });
    const clash = expect.objectContaining({ code: "coap.oscore-parameters" });
    expect(add({})).toThrow(clash);
    expect(add({ recipientId: bytesOf("y") })).toThrow(clash);
    expect(add({ masterSecret: new Uint8Array(16).fill(1) })).toThrow(clash);
    expect(add({ recipientId: bytesOf("y"), senderId: bytesOf("z") })).not.toThrow();
  });

  it.each([
    [{ masterSecret: new Uint8Array(15) }],
    [{ senderId: new Uint8Array(8) }],
    [{ recipientId: new Uint8Array(8) }],
    [{ recipientId: bytesOf("s"), senderId: bytesOf("s") }],
    [{ algorithm: "A128GCM", senderId: new Uint8Array(7).fill(1) }],
    [{ idContext: new Uint8Array(65) }],
  ])("RFC 8613 3.2, 3.3: are not made of what the nonce has no room for, or with the same ID twice: %j", (change) => {
    expect(() => world.atServer.add({ ...shared, ...(change as object) })).toThrow(
      expect.objectContaining({ code: "coap.oscore-parameters" }),
    );
  });

  it("RFC 8613 5, 5.1: the kid context says which of several with one kid is meant; without it each is tried", async () => {
    for (const id of ["one", "two", "three"]) {
      const parameters = { ...mirrored(shared), idContext: bytesOf(id) };
      world.atServer.add(parameters, { isNew: true, identity: { kind: "node", id, scheme: "oscore" } });
    }
    for (const [id, sends] of [
      ["two", true],
      ["three", false],
    ] as const) {
      const other = world.forger({ ...shared, idContext: bytesOf(id) }, `10.0.1.${sends ? 1 : 2}`);
      if (!sends) other.context.kidContext = undefined;
      forger = other;
      await answersTo(other.sealed({ options: path("who", "again") }));
      expect(other.opened(sent.at(-1)!)?.payload).toBe(id);
    }
  });

  it("that are revoked are refused at the next datagram, and what they hold ends", async () => {
    const asked = forger.sealed({ code: 2, options: path("late") });
    await answersTo(asked);
    expect(world.server.counters()["held.running"]).toBe(1);
    expect(world.atServer.revoke(node)).toBe(1);
    expect(world.server.counters()["held.running"]).toBe(0);
    late.resolve();
    await world.world.clock.advance(1_000);
    expect(forger.peer.take()).toEqual([]);
    expect(await refusal(forger.sealed({ options: path("who", "again") }))).toContain("81 Security context not found");
    expect(world.atServer.of(node)).toBeUndefined();
  });

  it("on trial beside those in use: what verified last protects our own requests", async () => {
    const fresh = { ...shared, senderId: bytesOf("new"), masterSecret: new Uint8Array(16).fill(5) };
    const trial = world.atServer.add(mirrored(fresh), { identity: node, isNew: true });
    expect(world.atServer.of(node)).toBe(trial);
    await answersTo(forger.sealed({ options: path("who", "again") }));
    expect(world.atServer.of(node)).toBe(world.serverContext);
    forger = world.forger(fresh, "10.0.0.8");
    await answersTo(forger.sealed({ options: path("who", "again") }));
    expect(world.atServer.of(node)).toBe(trial);
    world.atServer.remove(trial);
    expect(world.atServer.of(node)).toBe(world.serverContext);
  });

  it("at their limit are refused by name", async () => {
    await world.stop();
    await build({ oscoreLimits: { contexts: 1 } });
    expect(() => world.atServer.add({ ...shared, senderId: bytesOf("a"), recipientId: bytesOf("b") })).toThrow(
      expect.objectContaining({ code: "coap.queue-full" }),
    );
  });

  it("keep to themselves what another sends in blocks from the same address", async () => {
    let body = "";
    world.server.route({
      method: "PUT",
      path: "/store",
      replay: "again",
      answer: ({ payload }) => {
        body = textOf(payload);
      },
    });
    const other = { ...shared, senderId: bytesOf("o"), masterSecret: new Uint8Array(16).fill(6) };
    world.atServer.add(mirrored(other), { isNew: true });
    const second = world.forger(other, "10.0.0.8");
    const block = (value: number, text: string) =>
      ({ code: 3, options: [...path("store"), [OptionNumber.block1, value]], payload: text }) as const;
    const from = forger.peer;
    from.sendBytes(forger.sealed(block(0x08, "a".repeat(16))));
    await world.world.clock.advance(100);
    from.sendBytes(
      second.sealed({ ...block(0x10, "b".repeat(16)), messageId: 900 }),
      RemoteAddress.from("10.0.0.1", 5683),
    );
    await world.world.clock.advance(100);
    expect(second.opened(sent.at(-1)!)?.code).toBe(Code.requestEntityIncomplete);
    from.sendBytes(forger.sealed(block(0x10, "c".repeat(16))));
    await world.world.clock.advance(100);
    expect(body).toBe(`${"a".repeat(16)}${"c".repeat(16)}`);
  });
});
