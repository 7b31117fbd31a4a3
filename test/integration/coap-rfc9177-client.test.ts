import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blockNumber, blockOption, hasMoreBlocks } from "../../coap/blockwise/block-option.ts";
import { missingBlocksFormat } from "../../coap/blockwise/missing-blocks.ts";
import type { CoapResponse } from "../../coap/client-types.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import { faultCode, HandServer, handAddress } from "./coap-hand-server.ts";
import { bytesOf, decodePlain, type PlainMessage, type SeenMessage, textOf, World } from "./coap-harness.ts";

const { qBlock1, qBlock2, requestTag, size1, size2, eTag, block1, block2 } = OptionNumber;
const size = 16;
let world: World;
let hand: HandServer;

beforeEach(async () => {
  world = new World({ delayMs: [2, 2] });
  await world.start();
  hand = new HandServer(world);
});
afterEach(() => world.stop());

const whole = (total: number): string =>
  Array.from({ length: total }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(size)).join("");
const parts = { to: handAddress, path: ["q"], qBlock: true, blockSize: size } as const;
let nextId = 1;

/** A request of ours and what becomes of it. */
class Asked {
  text: string | undefined;
  fault: string | undefined;
  readonly abort = new AbortController();

  constructor(more: {
    method: "GET" | "PUT" | "FETCH";
    payload?: Uint8Array;
    confirmable?: boolean;
    contentFormat?: number;
    options?: readonly { number: number; value: Uint8Array }[];
  }) {
    const request = world.client.request({ ...parts, ...more, signal: this.abort.signal });
    request.then(
      (response) => {
        this.text = textOf(response.payload);
      },
      () => undefined,
    );
    void faultCode(request).then((code) => {
      if (code !== "no fault") this.fault = code;
    });
  }
}

/** A request that is past the question whether Q-Block is there, and the messages that it then sent. */
async function begun(...asked: ConstructorParameters<typeof Asked>): Promise<{ asked: Asked; sent: SeenMessage[] }> {
  const request = new Asked(...asked);
  const [probe] = await hand.take();
  hand.answer(probe!, block(0, 3));
  return { asked: request, sent: await hand.take() };
}
function block(number: number, total: number, tag = 1, body = whole(total)): Partial<PlainMessage> {
  return {
    options: [
      [eTag, Uint8Array.of(tag)],
      [size2, body.length],
      [qBlock2, blockOption(number, number + 1 < total, 0)],
    ],
    payload: body.slice(number * size, number * size + size),
  };
}
/** Non-confirmable, under the token of that message. */
function say(to: SeenMessage, message: Partial<PlainMessage>): void {
  hand.answer(to, { type: "NON", messageId: nextId++, ...message });
}
const sendBlocks = (to: SeenMessage, total: number, numbers: readonly number[], tag = 1): void => {
  for (const number of numbers) say(to, block(number, total, tag));
};
const report = (...bytes: number[]): Partial<PlainMessage> => ({
  code: Code.requestEntityIncomplete,
  options: [[OptionNumber.contentFormat, missingBlocksFormat]],
  payload: Uint8Array.from(bytes),
});
const uploaded = (sent: readonly SeenMessage[]): number[] => sent.map((each) => blockNumber(each.uint(qBlock1)));
/** The Q-Block2 options of requests: number and, with "+", M. */
function wishes(sent: readonly SeenMessage[]): string[] {
  return sent.map((each) =>
    each
      .all(qBlock2)
      .map((value) => `${blockNumber(value)}${hasMoreBlocks(value) ? "+" : ""}`)
      .join(" "),
  );
}
const range = (from: number, end: number): number[] => Array.from({ length: end - from }, (_, i) => from + i);

describe("RFC 9177: a client that asks whether there is Q-Block", () => {
  it("RFC 9177 4.1: asks confirmably, once, and goes by Block1 and Block2 after 4.02", async () => {
    let stored = "";
    world.server.route({
      method: "PUT",
      path: "/q",
      replay: "once",
      answer(request) {
        stored = textOf(request.payload);
      },
    });
    world.server.route({
      method: "GET",
      path: "/q",
      replay: "again",
      answer(_request, reply) {
        reply.payload = bytesOf(whole(5));
      },
    });
    const options: string[] = [];
    world.network.taps.push(({ bytes, from }) => {
      const seen = decodePlain(bytes);
      if (from.port !== 40_000) return;
      const numbers = [qBlock1, qBlock2, block1, block2].filter((number) => seen.uint(number) >= 0);
      options.push(`${seen.type} ${numbers}`);
    });
    // The world's server takes Q-Block of nobody without an identity.
    const to = { to: { address: "10.0.0.1", port: 5683 } };
    const got = await world.run(world.client.request({ ...parts, ...to, method: "GET" }));
    await world.run(world.client.request({ ...parts, ...to, method: "PUT", payload: bytesOf(whole(3)) }));
    expect([textOf(got.payload), stored]).toEqual([whole(5), whole(3)]);
    expect(options[0]).toBe(`CON ${qBlock2}`);
    expect(options.slice(1).filter((each) => /\b(19|31)\b/.test(each))).toEqual([]);
  });

  it("RFC 9177 4.1: sends no body by Q-Block1 to a server that ignores the question", async () => {
    const asked = new Asked({ method: "PUT", payload: bytesOf(whole(3)) });
    const [probe] = await hand.take();
    expect([probe!.type, probe!.code, wishes([probe!])]).toEqual(["CON", Code.get, ["0"]]);
    hand.answer(probe!, { code: Code.notFound });
    const [first] = await hand.take();
    expect([first!.uint(qBlock1), first!.uint(block1)]).toEqual([-1, blockOption(0, true, 0)]);
    asked.abort.abort();
  });

  it("RFC 9177 4.1: names Q-Block2 in what it asks for, and begins anew by Block1 where 4.02 comes late", async () => {
    const { sent } = await begun({ method: "GET" });
    expect([wishes(sent), sent[0]!.type, sent[0]!.uint(block2)]).toEqual([["0+"], "NON", -1]);
    say(sent[0]!, { code: Code.badOption });
    const [again] = await hand.take();
    expect([again!.type, wishes([again!]), again!.uint(block2)]).toEqual(["CON", [""], blockOption(0, false, 0)]);
  });
});

describe("RFC 9177: a client that sends a body by Q-Block1", () => {
  it("RFC 9177 4.1, 4.3, 4.6, 6, 7: each block in order, with one Request-Tag and Size1, a token of its own, non-confirmable, no Block option", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(12)) });
    expect(uploaded(sent)).toEqual(range(0, 10));
    expect(sent.every((each) => hasMoreBlocks(each.uint(qBlock1)) && each.type === "NON")).toBe(true);
    expect(new Set(sent.map((each) => each.uint(size1)))).toEqual(new Set([12 * size]));
    expect(new Set(sent.map((each) => String(each.option(requestTag)))).size).toBe(1);
    expect(new Set(sent.map(({ token }) => token)).size).toBe(10);
    expect(sent.every((each) => each.uint(block1) < 0 && each.uint(block2) < 0)).toBe(true);
    say(sent[9]!, { code: Code.continue, options: [[qBlock1, blockOption(9, true, 0)]] });
    const rest = await hand.take();
    expect([uploaded(rest), rest.map((each) => hasMoreBlocks(each.uint(qBlock1)))]).toEqual([
      [10, 11],
      [true, false],
    ]);
    expect([...sent, ...rest].map(({ payload }) => payload).join("")).toBe(whole(12));
    say(rest[1]!, { code: Code.changed, payload: "done" });
    await hand.take();
    expect(asked.text).toBe("done");

    const other = new Asked({ method: "PUT", payload: bytesOf(whole(2)) });
    const next = await hand.take();
    expect(String(next[0]!.option(requestTag))).not.toBe(String(sent[0]!.option(requestTag)));
    other.abort.abort();
  });

  it("RFC 9177 4.3, 5, 7.2: sends again what 4.08 names, each once and ascending, before it waits again for the next set", async () => {
    const { sent } = await begun({ method: "PUT", payload: bytesOf(whole(25)) });
    await world.clock.advance(1_000);
    // A list that doesn't ascend is dropped, a number that stands twice is taken once.
    say(sent[9]!, report(7, 1));
    expect(await hand.take()).toEqual([]);
    say(sent[9]!, report(1, 1, 7));
    const began = world.clock.monotonicMs();
    const again = await hand.take();
    expect(uploaded(again)).toEqual([1, 7]);
    expect(again.map(({ payload }) => payload)).toEqual(["B".repeat(size), "H".repeat(size)]);
    expect(again[0]!.uint(size1)).toBe(25 * size);
    expect(String(again[0]!.option(requestTag))).toBe(String(sent[0]!.option(requestTag)));
    await world.clock.advance(3_100);
    const next = hand.peer.take();
    expect(uploaded(next)).toEqual(range(10, 20));
    expect(next[0]!.atMs - began).toBeGreaterThan(1_990);
  });

  it("RFC 9177 7.2: waits 2 to 3 s before each further set, the same for all sets of the body", async () => {
    const { sent } = await begun({ method: "PUT", payload: bytesOf(whole(31)) });
    await world.clock.advance(10_000);
    const later = hand.peer.take().filter((each) => blockNumber(each.uint(qBlock1)) % 10 === 0);
    expect(uploaded(later)).toEqual([10, 20, 30]);
    const waits = [later[0]!.atMs - sent[0]!.atMs, later[1]!.atMs - later[0]!.atMs, later[2]!.atMs - later[1]!.atMs];
    expect(Math.max(...waits) - Math.min(...waits)).toBeLessThan(1);
    expect(waits[0]).toBeGreaterThanOrEqual(2_000);
    expect(waits[0]).toBeLessThanOrEqual(3_000);
  });

  it("RFC 9177 4.3: knows nothing of a body that it gave up, so that a 4.08 for it is reset", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(3)) });
    asked.abort.abort();
    say(sent[2]!, report(1));
    expect(await hand.take()).toMatchObject([{ type: "RST", messageId: nextId - 1 }]);
    expect(world.client.counters()["held.qBlockRequests"]).toBe(0);
  });

  it("RFC 9177 7: sends confirmably when that is asked for, all of it, one block at a time", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(3)), confirmable: true });
    expect(sent).toMatchObject([{ type: "CON" }]);
    for (const number of [1, 2]) {
      hand.answer(number === 1 ? sent[0]! : sent.at(-1)!, { code: 0, token: new Uint8Array(0) });
      const next = await hand.take();
      expect(next).toMatchObject([{ type: "CON" }]);
      expect(uploaded(next)).toEqual([number]);
      sent.push(...next);
    }
    hand.answer(sent.at(-1)!, { code: Code.changed, payload: "done" });
    await hand.take();
    expect([asked.text, world.client.counters()["held.outstanding"]]).toEqual(["done", 0]);
  });

  it("RFC 9177 7.2: says the last block again when all was sent and nothing comes, and gives up after 4 times", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(3)) });
    const began = sent[0]!.atMs;
    await world.clock.advance(130_000);
    const again = hand.peer.take();
    expect(again.map((each) => [blockNumber(each.uint(qBlock1)), Math.round((each.atMs - began) / 1_000)])).toEqual([
      [2, 4],
      [2, 12],
      [2, 28],
      [2, 60],
    ]);
    expect(asked.fault).toBe("coap.timeout");
  });

  it("RFC 9177 3.2: sends one body at a time to a peer, forgets one that is given up before its turn, and all when it stops", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(2)) });
    const waiting = [1, 2].map(() => new Asked({ method: "PUT", payload: bytesOf(whole(2)) }));
    expect(await hand.take()).toEqual([]);
    waiting[0]!.abort.abort();
    say(sent[1]!, { code: Code.changed, payload: "done" });
    const next = await hand.take();
    expect([asked.text, uploaded(next)]).toEqual(["done", [0, 1]]);
    const get = new Asked({ method: "GET" });
    await world.client.stop();
    await hand.take();
    expect([waiting[1]!.fault, get.fault]).toEqual(["coap.stopped", "coap.stopped"]);
    expect(world.client.counters()["held.qBlockRequests"]).toBe(0);
  });

  it("RFC 9177 4.3: asks again with the Echo that a server wants to see", async () => {
    const { asked, sent } = await begun({ method: "PUT", payload: bytesOf(whole(2)) });
    const echo = [[OptionNumber.echo, Uint8Array.of(1, 2, 3)]] as const;
    for (const each of sent) say(each, { code: Code.unauthorized, options: echo });
    const again = await hand.take();
    expect(again.map((each) => [blockNumber(each.uint(qBlock1)), String(each.option(OptionNumber.echo))])).toEqual([
      [0, "1,2,3"],
      [1, "1,2,3"],
    ]);
    say(again[1]!, { code: Code.changed, payload: "done" });
    await hand.take();
    expect(asked.text).toBe("done");
  });

  it("RFC 9177 3.2, 7.2: holds back what comes next for a peer that reacted to nothing, by PROBING_RATE up to NON_PROBING_WAIT", async () => {
    const { asked } = await begun({ method: "PUT", payload: bytesOf(whole(30)) });
    await world.clock.advance(150_000);
    expect(asked.fault).toBe("coap.timeout");
    hand.peer.take();
    const began = world.clock.monotonicMs();
    const next = new Asked({ method: "PUT", payload: bytesOf(whole(2)) });
    await world.clock.advance(200_000);
    expect(hand.peer.take()).toEqual([]);
    await world.clock.advance(50_000);
    const [first] = hand.peer.take();
    expect(first!.atMs - began).toBeLessThanOrEqual(247_000);
    expect(blockNumber(first!.uint(qBlock1))).toBe(0);
    next.abort.abort();
  });
});

describe("RFC 9177: a client that gets a body by Q-Block2", () => {
  it("RFC 9177 4.4, 7.2: says Continue behind a whole set, and takes blocks in any order, each once", async () => {
    const { asked, sent } = await begun({ method: "GET" });
    sendBlocks(sent[0]!, 12, [3, 1, 0, 2, 2, 9, 8, 7, 6]);
    sendBlocks(sent[0]!, 12, [5]);
    say(sent[0]!, { ...block(5, 12), payload: "!".repeat(size) });
    expect(await hand.take()).toEqual([]);
    sendBlocks(sent[0]!, 12, [4]);
    expect(wishes(await hand.take())).toEqual(["10+"]);
    sendBlocks(sent[0]!, 12, [11, 10]);
    await hand.take();
    expect(asked.text).toBe(whole(12));
  });

  it("RFC 9177 4.4, 7.2: asks for what is missing when the next set begins, in ascending order and with M unset", async () => {
    const { asked, sent } = await begun({ method: "GET", options: [{ number: eTag, value: Uint8Array.of(9) }] });
    sendBlocks(sent[0]!, 12, [0, 2, 3, 4, 5, 6, 7, 8, 11]);
    const ask = await hand.take();
    // Whoever asks whether there is anything newer does so once.
    expect(String(sent[0]!.option(eTag))).toBe("9");
    expect([wishes(ask), ask[0]!.type, ask[0]!.option(eTag)]).toEqual([["1 9"], "NON", undefined]);
    sendBlocks(ask[0]!, 12, [9, 1]);
    sendBlocks(sent[0]!, 12, [10]);
    await hand.take();
    expect(asked.text).toBe(whole(12));
  });

  it("RFC 9177 4.4, 7.2: waits NON_RECEIVE_TIMEOUT for missing blocks, doubled each time and by PROBING_RATE, and gives up after 4 times", async () => {
    const { asked, sent } = await begun({ method: "GET" });
    sendBlocks(sent[0]!, 3, [0, 2]);
    await hand.take();
    const began = world.clock.monotonicMs();
    await world.clock.advance(140_000);
    const asks = hand.peer.take();
    expect(wishes(asks)).toEqual(["1", "1", "1", "1"]);
    const seconds = asks.map(({ atMs }) => Math.round((atMs - began) / 1_000));
    // 17 bytes that nothing came for are 17 s at a byte a second, in place of 8 and 16 s.
    expect(seconds).toEqual([4, 21, 38, 70]);
    expect([asked.fault, world.client.counters()["held.qBlockRequests"]]).toEqual(["coap.timeout", 0]);
  });

  it("RFC 9177 4.4: keeps a partial body through a minute of silence", async () => {
    const { asked, sent } = await begun({ method: "GET" });
    sendBlocks(sent[0]!, 3, [0, 2]);
    await world.clock.advance(65_000);
    sendBlocks(sent[0]!, 3, [1]);
    await hand.take();
    expect(asked.text).toBe(whole(3));
  });

  it("RFC 9177 4.4: drops the blocks of an ETag for those of a newer one, and ignores late ones", async () => {
    const { asked, sent } = await begun({ method: "GET" });
    sendBlocks(sent[0]!, 3, [0, 1]);
    sendBlocks(sent[0]!, 2, [0], 2);
    sendBlocks(sent[0]!, 3, [2]);
    await hand.take();
    expect(asked.text).toBeUndefined();
    sendBlocks(sent[0]!, 2, [1], 2);
    await hand.take();
    expect(asked.text).toBe(whole(2));
  });

  it("RFC 9177 4.4, 4.6: fails on blocks whose length, Size2 or number don't fit each other", async () => {
    for (const wrong of [
      { ...block(1, 3), payload: "short" },
      {
        ...block(1, 3),
        options: [
          [eTag, Uint8Array.of(1)],
          [size2, 20],
          [qBlock2, blockOption(1, true, 0)],
        ] as const,
      },
      {
        ...block(1, 3),
        options: [
          [eTag, Uint8Array.of(1)],
          [qBlock2, blockOption(1, true, 0)],
        ] as const,
      },
    ]) {
      const asked = new Asked({ method: "GET" });
      let [sent] = await hand.take();
      if (sent!.type === "CON") {
        hand.answer(sent!, block(0, 3));
        [sent] = await hand.take();
      }
      sendBlocks(sent!, 3, [0]);
      say(sent!, wrong);
      await hand.take();
      expect(asked.fault).toBe("coap.bad-response");
    }
  });

  it("RFC 9177 4.4, 7: asks confirmably when that is asked for, and for missing blocks after MAX_TRANSMIT_SPAN", async () => {
    const { asked, sent } = await begun({ method: "GET", confirmable: true });
    expect(sent).toMatchObject([{ type: "CON" }]);
    hand.answer(sent[0]!, block(0, 3));
    hand.answer(sent[0]!, { ...block(2, 3), type: "CON", messageId: 900 });
    expect(await hand.take()).toMatchObject([{ type: "ACK", messageId: 900 }]);
    await world.clock.advance(44_000);
    expect(hand.peer.take()).toEqual([]);
    await world.clock.advance(2_000);
    const [ask] = hand.peer.take();
    expect([ask!.type, wishes([ask!])]).toEqual(["CON", ["1"]]);
    hand.answer(ask!, block(1, 3));
    await hand.take();
    expect(asked.text).toBe(whole(3));
  });

  it("RFC 9177 4.5: puts notifications together whose blocks share Observe, and asks for missing ones without Observe", async () => {
    const heard: [number | undefined, string][] = [];
    world.client.observe(parts, {
      notification: (response: CoapResponse) => heard.push([response.observe, textOf(response.payload)]),
      ended: () => undefined,
    });
    const [registration] = await hand.take();
    expect([registration!.type, registration!.uint(OptionNumber.observe), wishes([registration!])]).toEqual([
      "CON",
      0,
      ["0+"],
    ]);
    const notified = (number: number, observe: number, tag: number): Partial<PlainMessage> => {
      const plain = block(number, 3, tag);
      return {
        ...plain,
        options: [...plain.options!, [OptionNumber.observe, observe] as const].sort(([a], [b]) => a - b),
      };
    };
    hand.answer(registration!, notified(0, 5, 1));
    say(registration!, notified(2, 5, 1));
    say(registration!, notified(1, 5, 1));
    await hand.take();
    expect(heard).toEqual([[5, whole(3)]]);
    say(registration!, notified(0, 6, 2));
    say(registration!, notified(2, 6, 2));
    // A repeat of what is whole, and of an older state, changes nothing.
    say(registration!, notified(1, 5, 1));
    await hand.take();
    await world.clock.advance(5_000);
    const [ask] = hand.peer.take();
    expect([wishes([ask!]), ask!.uint(OptionNumber.observe), ask!.token === registration!.token]).toEqual([
      ["1"],
      -1,
      false,
    ]);
    say(ask!, block(1, 3, 2));
    await hand.take();
    expect(heard.map(([, text]) => text)).toEqual([whole(3), whole(3)]);
  });
});
