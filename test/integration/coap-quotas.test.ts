import { afterEach, describe, expect, it } from "vitest";
import { blockOption } from "../../coap/blockwise/block-option.ts";
import { Code, OptionNumber } from "../../coap/message.ts";
import {
  bytesOf,
  type PlainMessage,
  type RawPeer,
  type SeenMessage,
  World,
  type WorldOptions,
} from "./coap-harness.ts";

let world: World;
let nextId = 1;
let runs = 0;

async function build(options: WorldOptions = {}): Promise<void> {
  world = new World(options);
  runs = 0;
  const { server, clock } = world;
  server.route({
    method: "POST",
    path: "/once",
    replay: "once",
    answer() {
      runs++;
    },
  });
  server.route({
    method: "POST",
    path: "/later",
    replay: "once",
    async later() {
      runs++;
      await new Promise<void>((resolve) => clock.after(5_000, resolve));
      return { payload: bytesOf("done") };
    },
  });
  server.route({ method: "PUT", path: "/store", replay: "again", answer() {} });
  server.route({ method: "GET", path: "/v", replay: "again", observable: true, answer() {} });
  await world.start();
}
afterEach(() => world.stop());

const message = (
  code: number,
  path: string,
  more: [number, number][] = [],
  rest: Partial<PlainMessage> = {},
): PlainMessage => ({
  type: "CON",
  code,
  messageId: nextId++,
  options: [[OptionNumber.uriPath, path] as [number, string | number], ...more].sort(([a], [b]) => a - b),
  ...rest,
});
async function ask(peer: RawPeer, what: PlainMessage): Promise<SeenMessage | undefined> {
  peer.send(what);
  await world.clock.advance(10);
  return peer.take().at(-1);
}
const upload = (tag: number, size = 1_024): PlainMessage =>
  message(
    Code.put,
    "store",
    [
      [OptionNumber.block1, blockOption(0, true, size === 16 ? 0 : 6)],
      [OptionNumber.requestTag, tag],
    ],
    { payload: new Uint8Array(size) },
  );
const observation = (token: number): PlainMessage =>
  message(Code.get, "v", [[OptionNumber.observe, 0]], { token: Uint8Array.of(token) });

/** Every kind of thing that a request may make us hold: what asks for one more, and the limits of it. */
const kinds = {
  exchanges: { one: () => message(Code.post, "once"), perPeer: "onceExchangesPerPeer", inAll: "onceExchanges" },
  handlers: { one: () => message(Code.post, "later"), perPeer: "runningPerPeer", inAll: "running" },
  uploads: { one: (n: number) => upload(n), perPeer: "transfersPerPeer", inAll: "transfers" },
  observers: { one: (n: number) => observation(n), perPeer: "observersPerPeer", inAll: "observers" },
} as const;

describe("a quota", () => {
  for (const [name, { one, perPeer, inAll }] of Object.entries(kinds)) {
    it(`RFC 8516 3: of ${name}: over a peer's it is 4.29 with Max-Age, and others go on`, async () => {
      await build({ limits: { [perPeer]: 3 } });
      const [a, b] = [world.rawPeer(), world.rawPeer()];
      const answers: (SeenMessage | undefined)[] = [];
      for (let i = 0; i < 5; i++) answers.push(await ask(a, one(i)));
      const refused = answers.filter((each) => each?.code === Code.tooManyRequests);
      expect(refused).toHaveLength(2);
      for (const each of refused) expect(each!.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
      expect((await ask(b, one(9)))?.code).not.toBe(Code.tooManyRequests);
      expect(world.server.counters()["overQuota"]).toBe(2);
    });

    it(`of ${name}: over all it is 5.03 with Max-Age, and those that are proven go first`, async () => {
      await build({
        limits: { [inAll]: 16 },
        amplification: name === "exchanges" || name === "handlers" ? "routable" : "none",
      });
      const isHeldBack = name === "exchanges" || name === "handlers";
      const codes: number[] = [];
      for (let i = 0; i < 20; i++) {
        const answer = await ask(world.rawPeer(`10.4.0.${i + 1}`), one(i));
        if (answer?.code === Code.serviceUnavailable) expect(answer.uint(OptionNumber.maxAge)).toBeGreaterThan(0);
        codes.push(answer?.code ?? 0);
      }
      const refused = codes.filter((code) => code === Code.serviceUnavailable).length;
      expect(refused).toBe(isHeldBack ? 6 : 4);
      expect(codes.slice(0, 14).includes(Code.serviceUnavailable)).toBe(false);
      if (!isHeldBack) return;
      // Loopback counts as proven.
      const known = await ask(world.rawPeer("127.0.0.5"), one(50));
      expect(known?.code ?? 0).not.toBe(Code.serviceUnavailable);
    });
  }

  it("of exchanges: with no row left it is 5.03 for everybody, nothing runs, and no earlier exchange is forgotten for it", async () => {
    await build({ limits: { onceExchanges: 16 }, amplification: "routable" });
    const first = world.rawPeer("127.0.0.2");
    const request = message(Code.post, "once");
    const answer = await ask(first, request);
    for (let i = 1; i < 16; i++) {
      expect((await ask(world.rawPeer(`127.0.1.${i}`), message(Code.post, "once")))?.code).toBe(Code.changed);
    }
    for (const peer of [first, world.rawPeer("127.0.0.3"), world.rawPeer("10.4.0.9")]) {
      const refused = await ask(peer, message(Code.post, "once"));
      expect([refused?.code, refused!.uint(OptionNumber.maxAge) > 0]).toEqual([Code.serviceUnavailable, true]);
    }
    const { type, code, messageId } = answer!;
    expect(await ask(first, request)).toMatchObject({ type, code, messageId });
    expect([runs, world.server.counters()["held.onceExchanges"]]).toEqual([16, 16]);
    await world.clock.advance(250_000);
    expect((await ask(first, message(Code.post, "once")))?.code).toBe(Code.changed);
  });

  it("of bytes: over a peer's it is 4.29, at the first block or where the body grows", async () => {
    await build({ limits: { transferBytesPerPeer: 4_096 } });
    const peer = world.rawPeer();
    expect((await ask(peer, upload(1)))!.code).toBe(Code.continue);
    expect((await ask(peer, upload(2)))!.code).toBe(Code.continue);
    expect((await ask(peer, upload(3)))!.code).toBe(Code.tooManyRequests);
    expect((await ask(peer, upload(4, 16)))!.code).toBe(Code.tooManyRequests);
    const grow = (number: number): PlainMessage =>
      message(
        Code.put,
        "store",
        [
          [OptionNumber.block1, blockOption(number, true, 6)],
          [OptionNumber.requestTag, 1],
        ],
        { payload: new Uint8Array(1_024) },
      );
    expect((await ask(peer, grow(1)))!.code).toBe(Code.continue);
    const over = await ask(peer, grow(2));
    expect([over!.code, over!.uint(OptionNumber.maxAge)]).toEqual([Code.tooManyRequests, 10]);
    expect(world.server.counters()).toMatchObject({ "held.transfers": 1, "held.transferBytes": 2_048 });
    expect((await ask(world.rawPeer(), upload(1)))!.code).toBe(Code.continue);
  });

  it("RFC 8516 3: answers a flood with so many 4.29 a second and no more", async () => {
    await build({ limits: { onceExchangesPerPeer: 1, refusalsPerSecond: 5 } });
    const peer = world.rawPeer();
    for (let i = 0; i < 100; i++) peer.send(message(Code.post, "once"));
    await world.clock.advance(100);
    const codes = peer.take().map(({ code }) => code);
    expect(codes.toSorted((x, y) => x - y)).toEqual([Code.changed, ...new Array(5).fill(Code.tooManyRequests)]);
    expect(world.server.counters()["refusalsSilent"]).toBe(94);
    await world.clock.advance(1_000);
    expect((await ask(peer, message(Code.post, "once")))!.code).toBe(Code.tooManyRequests);
    expect(runs).toBe(1);
  });
});

describe("a separate response", () => {
  it("that finds the table of confirmable messages full goes out unconfirmed, and again for a duplicate of its request", async () => {
    await build({ limits: { outstanding: 16 } });
    // Sixteen others that never acknowledge.
    for (let i = 0; i < 16; i++) world.rawPeer(`10.5.0.${i + 1}`).send(message(Code.post, "later"));
    await world.clock.advance(1_000);
    const peer = world.rawPeer();
    const request = message(Code.post, "later");
    peer.send(request);
    await world.clock.advance(5_200);
    const seen = peer.take();
    expect(seen.map(({ type, code, payload }) => [type, code, payload])).toEqual([
      ["ACK", 0, ""],
      ["NON", Code.changed, "done"],
    ]);
    peer.send(request);
    await world.clock.advance(10);
    expect(peer.take()).toMatchObject([{ type: "NON", messageId: seen[1]!.messageId, payload: "done" }]);
    expect(runs).toBe(17);
    expect(world.server.counters()["answersUnconfirmed"]).toBe(1);
  });
});
