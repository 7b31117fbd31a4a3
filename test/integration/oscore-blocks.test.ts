import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import {
  bytesOf,
  decodePlain,
  encodePlain,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  serverAddress,
  textOf,
} from "./coap-harness.ts";
import { type OscoreForger, OscoreWorld, type OscoreWorldOptions } from "./oscore-world.ts";

let world: OscoreWorld;
let forger: OscoreForger;
let peer: RawPeer;
let stored = "";
let messageId = 5_000;

async function build(options: OscoreWorldOptions = {}): Promise<void> {
  world = new OscoreWorld(options);
  stored = "";
  world.server.route({
    method: "PUT",
    path: "/store",
    replay: "once",
    answer: ({ payload }) => {
      stored = textOf(payload);
    },
  });
  world.server.route({
    method: "GET",
    path: "/store",
    replay: "again",
    answer: (_request, reply) => {
      reply.payload = bytesOf(stored);
    },
  });
  await world.start();
  forger = world.forger();
  ({ peer } = forger);
}

const body = (length: number): string => "0123456789abcdef".repeat(Math.ceil(length / 16)).slice(0, length);
const put = (payload: string): Partial<PlainMessage> => ({
  code: Code.put,
  options: [[OptionNumber.uriPath, "store"]],
  payload,
});
const get: Partial<PlainMessage> = { code: Code.get, options: [[OptionNumber.uriPath, "store"]] };

/** What a proxy makes of a protected message: pieces of it, each with the OSCORE option and a block option. */
function piece(sealed: Uint8Array, number: number, value: number, payload: Uint8Array): Uint8Array {
  const { code, option } = decodePlain(sealed);
  const options = [
    [OptionNumber.oscore, option(OptionNumber.oscore)!],
    [number, value],
  ] as const;
  return encodePlain({ type: "CON", code, messageId: messageId++, token: Uint8Array.of(7), options, payload });
}

const ciphertextOf = (sealed: Uint8Array): Uint8Array => sealed.slice(sealed.indexOf(0xff, 5) + 1);

async function answerTo(bytes: Uint8Array): Promise<SeenMessage> {
  peer.take();
  received.length = 0;
  peer.sendBytes(bytes);
  await world.world.clock.advance(100);
  const [answer] = peer.take();
  return answer!;
}

/** The last datagram that came to the forger, as it is. */
const received: Uint8Array[] = [];

function listen(): void {
  world.world.network.taps.push(({ bytes, from }) => {
    if (from.address === serverAddress.address) received.push(bytes.slice());
  });
}

beforeEach(async () => {
  await build();
  listen();
});
afterEach(() => world.stop());

describe("inner blocks", () => {
  it.each([16, 64, 1_024])(
    "RFC 8613 4.1.3.4.1: carry bodies both ways, %i bytes each, and nobody sees them",
    async (blockSize) => {
      const text = body(3_000);
      const blocks: (Uint8Array | undefined)[] = [];
      world.world.network.taps.push(({ bytes }) => {
        const seen = decodePlain(bytes);
        blocks.push(seen.option(OptionNumber.block1) ?? seen.option(OptionNumber.block2));
      });
      expect(await world.ask("/store", { method: "PUT", payload: bytesOf(text), blockSize })).toBe("44 ");
      expect(stored).toBe(text);
      expect(await world.ask("/store", { blockSize })).toBe(`45 ${text}`);
      expect(blocks.length).toBeGreaterThan(5);
      expect(blocks.every((each) => each === undefined)).toBe(true);
    },
  );

  it("RFC 9177 4.1: Q-Block is refused with 4.02 inside and outside of a protected message", async () => {
    const inside = forger.sealed({
      ...get,
      options: [
        [OptionNumber.uriPath, "store"],
        [OptionNumber.qBlock2, blockOption(0, true, 0)],
      ],
    });
    await answerTo(inside);
    expect(forger.opened(received.at(-1)!)).toMatchObject({ code: Code.badOption });
    const { code, option } = decodePlain(forger.sealed(get));
    const sealed = forger.sealed(get);
    const outside = encodePlain({
      type: "CON",
      code,
      messageId: messageId++,
      token: Uint8Array.of(7),
      options: [
        [OptionNumber.oscore, option(OptionNumber.oscore)!],
        [OptionNumber.qBlock2, blockOption(0, true, 0)],
      ],
      payload: ciphertextOf(sealed),
    });
    expect(await answerTo(outside)).toMatchObject({ code: Code.badOption });
  });

  it("RFC 9177 4.1: protected requests of ours go by Block1 and Block2 where Q-Block is asked for", async () => {
    const payload = bytesOf(body(3_000));
    expect(await world.ask("/store", { method: "PUT", payload, blockSize: 256, qBlock: true })).toBe("44 ");
    expect(await world.ask("/store", { blockSize: 256, qBlock: true })).toBe(`45 ${body(3_000)}`);
  });

  it("RFC 8613 4.1.3.4.2: our own messages are never longer than MAX_UNFRAGMENTED_SIZE: they go in inner blocks", async () => {
    const sizes: number[] = [];
    world.world.network.taps.push(({ bytes }) => sizes.push(bytes.length));
    await world.ask("/store", { method: "PUT", payload: bytesOf(body(9_000)) });
    await world.ask("/store");
    expect(Math.max(...sizes)).toBeLessThan(world.atServer.limits.maxUnfragmented);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_232);
  });

  it("RFC 8613 8.2: blocks survive a network that loses, doubles and reorders", async () => {
    await world.stop();
    await build({ loss: 0.1, duplication: 0.1, reordering: 0.1, seed: 5 });
    const text = body(4_000);
    expect(await world.ask("/store", { method: "PUT", payload: bytesOf(text), blockSize: 256 })).toBe("44 ");
    expect(stored).toBe(text);
    expect(await world.ask("/store", { blockSize: 256 })).toBe(`45 ${text}`);
    expect(world.server.counters()["oscore.replayed"]).toBe(0);
  });
});

describe("outer blocks of a request", () => {
  it("RFC 8613 4.1.3.4.2, 8.2.1: are put together before the message is opened, and its answer has the last one's Block1", async () => {
    const sealed = forger.sealed(put(body(200)));
    const ciphertext = ciphertextOf(sealed);
    for (let at = 0; at < ciphertext.length; at += 64) {
      const isLast = at + 64 >= ciphertext.length;
      const value = blockOption(at / 64, !isLast, 2);
      const answer = await answerTo(piece(sealed, OptionNumber.block1, value, ciphertext.subarray(at, at + 64)));
      expect([answer.code, answer.uint(OptionNumber.block1)]).toEqual([isLast ? Code.changed : Code.continue, value]);
      expect(stored === "").toBe(!isLast);
    }
    expect(stored).toBe(body(200));
    expect(forger.opened(received.at(-1)!)?.code).toBe(Code.changed);
  });

  it("RFC 8613 4.1.3.4.2: beyond MAX_UNFRAGMENTED_SIZE are discarded with 4.13", async () => {
    await world.stop();
    await build({ oscoreLimits: { maxUnfragmented: 128 } });
    const sealed = forger.sealed(put(body(200)));
    const ciphertext = ciphertextOf(sealed);
    const codes: number[] = [];
    for (let at = 0; at < ciphertext.length; at += 64) {
      const value = blockOption(at / 64, at + 64 < ciphertext.length, 2);
      const answer = await answerTo(piece(sealed, OptionNumber.block1, value, ciphertext.subarray(at, at + 64)));
      codes.push(answer.code);
    }
    expect(codes).toEqual(
      [Code.continue, Code.continue, Code.requestEntityTooLarge, Code.requestEntityTooLarge].slice(0, codes.length),
    );
    expect(stored).toBe("");
  });

  it("RFC 8613 4.1.3.4.2; RFC 7959 2.9.2: out of order are 4.08, of a wrong length 4.00, and nothing is opened", async () => {
    const sealed = forger.sealed(put(body(200)));
    const ciphertext = ciphertextOf(sealed);
    const send = (number: number, more: boolean, exponent: number, from: number, to: number): Promise<SeenMessage> =>
      answerTo(piece(sealed, OptionNumber.block1, blockOption(number, more, exponent), ciphertext.subarray(from, to)));
    expect((await send(1, true, 2, 64, 128)).code).toBe(Code.requestEntityIncomplete);
    expect((await send(0, true, 2, 0, 60)).code).toBe(Code.badRequest);
    expect((await send(0, true, 7, 0, 64)).code).toBe(Code.badRequest);
    expect((await send(0, true, 2, 0, 64)).code).toBe(Code.continue);
    expect((await send(0, true, 2, 0, 64)).code).toBe(Code.continue);
    expect((await send(2, false, 2, 128, 192)).code).toBe(Code.requestEntityIncomplete);
    expect(stored).toBe("");
  });

  it("that strangers begin fill a few places and no more, and make room again", async () => {
    await world.stop();
    await build({ oscoreLimits: { outerTransfers: 6, outerIdleMs: 10_000 } });
    const begin = async (from: RawPeer): Promise<number> => {
      const sealed = forger.sealed(put(body(200)));
      from.take();
      from.sendBytes(piece(sealed, OptionNumber.block1, blockOption(0, true, 2), ciphertextOf(sealed).subarray(0, 64)));
      await world.world.clock.advance(100);
      return from.take()[0]!.code;
    };
    const codes: number[] = [];
    for (let i = 0; i < 5; i++) codes.push(await begin(peer));
    const other = world.rawPeer("10.0.0.9");
    for (let i = 0; i < 3; i++) codes.push(await begin(other));
    const { continue: more, serviceUnavailable: full } = Code;
    expect(codes).toEqual([more, more, more, more, full, more, more, full]);
    await world.world.clock.advance(11_000);
    expect(await begin(peer)).toBe(more);
  });
});

describe("outer blocks of an answer", () => {
  it("RFC 8613 4.1.3.4.2: an answer is cut as the request's outer Block2 asks, and fetched block by block", async () => {
    stored = body(150);
    const sealed = forger.sealed(get);
    const exchange = forger.exchange!;
    const first = await answerTo(piece(sealed, OptionNumber.block2, blockOption(0, false, 2), ciphertextOf(sealed)));
    const chunks = [ciphertextOf(received.at(-1)!)];
    let block = first.uint(OptionNumber.block2);
    expect(block).toBe(blockOption(0, true, 2));
    while ((block & 8) !== 0) {
      const value = blockOption(chunks.length, false, 2);
      const next = await answerTo(piece(sealed, OptionNumber.block2, value, new Uint8Array(0)));
      expect(next.option(OptionNumber.oscore)).toHaveLength(0);
      block = next.uint(OptionNumber.block2);
      expect(block >> 4).toBe(chunks.length);
      chunks.push(ciphertextOf(received.at(-1)!));
    }
    const whole = encodePlain({
      type: "ACK",
      code: first.code,
      messageId: first.messageId,
      token: Uint8Array.of(7),
      options: [[OptionNumber.oscore, new Uint8Array(0)]],
      payload: Uint8Array.from(chunks.flatMap((each) => [...each])),
    });
    expect(forger.opened(whole, exchange)?.payload).toBe(stored);
  });

  it("RFC 7959 2.9.2: of an answer that isn't kept are 4.08", async () => {
    const sealed = forger.sealed(get);
    const answer = await answerTo(piece(sealed, OptionNumber.block2, blockOption(3, false, 2), new Uint8Array(0)));
    expect(answer.code).toBe(Code.requestEntityIncomplete);
  });

  it("RFC 8613 8.4.1, 4.1.3.4.2: our client puts together what a proxy cut, asking for each block with the same OSCORE option", async () => {
    stored = body(700);
    const kept = new Map<string, Uint8Array>();
    const asked: string[] = [];
    // A proxy between the two: it cuts every protected answer into blocks of 256 and gives out the rest itself.
    await world.server.stop();
    const behind = world.endpoint(world.world.network.transport("10.0.0.77", 5_683), world.atServer);
    behind.route({
      method: "GET",
      path: "/store",
      replay: "again",
      answer: (_request, reply) => {
        reply.payload = bytesOf(stored);
      },
    });
    await behind.start();
    const front = world.world.network.transport(serverAddress.address, serverAddress.port);
    const { RemoteAddress } = await import("../../coap/transport/remote-address.ts");
    const client = RemoteAddress.from("10.0.0.2", 40_000);
    const server = RemoteAddress.from("10.0.0.77", 5_683);
    const cut = (bytes: Uint8Array, number: number, like: SeenMessage): Uint8Array => {
      const { code, option } = decodePlain(bytes);
      const payload = ciphertextOf(bytes);
      const end = Math.min(payload.length, number * 256 + 256);
      return encodePlain({
        type: "ACK",
        code,
        messageId: like.messageId,
        token: Uint8Array.from(Buffer.from(like.token, "hex")),
        options: [
          [OptionNumber.oscore, option(OptionNumber.oscore)!],
          [OptionNumber.block2, blockOption(number, end < payload.length, 4)],
        ],
        payload: payload.slice(number * 256, end),
      });
    };
    const open = new Map<string, SeenMessage>();
    await front.open({
      datagram: (bytes, start, end, source) => {
        const copy = bytes.slice(start, end);
        const message = decodePlain(copy);
        if (source.port === 5_683) {
          const like = open.get(message.token)!;
          kept.set(Buffer.from(like.option(OptionNumber.oscore)!).toString("hex"), copy);
          const answer = cut(copy, 0, like);
          front.send(answer, 0, answer.length, client);
          return;
        }
        const name = Buffer.from(message.option(OptionNumber.oscore)!).toString("hex");
        asked.push(name);
        const block2 = message.uint(OptionNumber.block2);
        if (block2 < 16) {
          open.set(message.token, message);
          front.send(copy, 0, copy.length, server);
          return;
        }
        expect(message.payload).toBe("");
        const answer = cut(kept.get(name)!, block2 >> 4, message);
        front.send(answer, 0, answer.length, client);
      },
    });
    expect(await world.ask("/store")).toBe(`45 ${stored}`);
    expect(asked).toHaveLength(3);
    expect(new Set(asked).size).toBe(1);
    await front.close();
    await behind.stop();
  });
});
