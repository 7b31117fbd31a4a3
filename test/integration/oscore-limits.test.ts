import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { Code, OptionNumber } from "../../coap/message.ts";
import { maxSequence } from "../../coap/security/oscore/oscore-context.ts";
import { OscoreContexts } from "../../coap/security/oscore/oscore-contexts.ts";
import { type SequenceLeases, volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import type { Log, LogData } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { bytesOf } from "./coap-harness.ts";
import { manager, mirrored, node, OscoreWorld, type OscoreWorldOptions, shared } from "./oscore-world.ts";

let world: OscoreWorld | undefined;
const lines: string[] = [];
const log: Log = {
  debug: (event: string, data?: LogData) => void lines.push(`${event} ${JSON.stringify(data)}`),
  info: (event: string, data?: LogData) => void lines.push(`${event} ${JSON.stringify(data)}`),
  warn: (event: string, data?: LogData) => void lines.push(`${event} ${JSON.stringify(data)}`),
  error: (event: string, data?: LogData) => void lines.push(`${event} ${JSON.stringify(data)}`),
  with: () => log,
};

async function build(options: OscoreWorldOptions = {}): Promise<OscoreWorld> {
  world = new OscoreWorld(options);
  world.server.route({ method: "GET", path: "/who", replay: "again", answer() {} });
  return world.start();
}

afterEach(async () => {
  lines.length = 0;
  await world?.stop();
  world = undefined;
});

const who = { options: [[OptionNumber.uriPath, "who"]] } as const;
const full = expect.objectContaining({ code: "coap.queue-full" });
const contextsWith = (leases: SequenceLeases, more: object = {}): OscoreContexts =>
  new OscoreContexts({ entropy: seededEntropy("limits"), log, leases, ...more });

describe("the table of contexts", () => {
  it("RFC 8613 B.2.1, B.2: keeps a place for what each context derives, so that a datagram never finds it full", async () => {
    const both = { serverOptions: { derivesAnew: true }, clientOptions: { derivesAnew: true } };
    expect(() => new OscoreWorld({ ...both, oscoreLimits: { contexts: 1 } })).toThrow(full);
    await build({ ...both, oscoreLimits: { contexts: 2 } });
    const other = { ...mirrored(shared), recipientId: bytesOf("o"), masterSecret: new Uint8Array(16).fill(2) };
    expect(() => world!.atServer.add(other)).toThrow(full);
    expect(await world!.ask("/who")).toBe("45 ");
    expect(await world!.ask("/who")).toBe("45 ");
    expect(() => world!.atServer.add(other)).toThrow(full);
    world!.atServer.remove(world!.serverContext);
    expect(world!.atServer.size).toBe(0);
    expect(() => world!.atServer.add(other)).not.toThrow();
    expect(() => world!.atServer.add({ ...other, recipientId: bytesOf("p"), senderId: bytesOf("q") })).not.toThrow();
  });

  it("RFC 8613 3.3: of many with one kid the newest are tried, and each when its kid context names it", async () => {
    await build({ oscoreLimits: { contextsTried: 3 } });
    const parametersOf = (i: number) => ({ ...shared, idContext: Uint8Array.of(i) });
    for (let i = 0; i < 5; i++) world!.atServer.add(mirrored(parametersOf(i)), { isNew: true });
    for (const [i, sends, code] of [
      [4, false, Code.changed],
      [2, false, Code.changed],
      [1, false, Code.badRequest],
      [1, true, Code.changed],
      [0, true, Code.changed],
    ] as const) {
      const forger = world!.forger(parametersOf(i), `10.0.1.${i + (sends ? 10 : 1)}`);
      if (!sends) forger.context.kidContext = undefined;
      forger.contexts.numbers.ownAll(forger.context);
      // Each its own, so that none is a replay for another context.
      forger.context.sequence = 10 * i + (sends ? 1 : 2);
      forger.peer.sendBytes(forger.sealed(who));
      await world!.world.clock.advance(10);
      expect(forger.peer.take().map((each) => each.code)).toEqual([code]);
    }
  });

  it("RFC 8613 8.2: what a look-up brings and can't be added counts as not found, and is told once", () => {
    const found = { parameters: { ...shared, masterSecret: new Uint8Array(3) }, options: {} };
    const contexts = contextsWith(volatileLeases(), { lookup: () => found });
    const option = { partialIv: 0, kidStart: 0, kidEnd: 1, kidContextStart: -1, kidContextEnd: 0 };
    for (let i = 0; i < 3; i++) expect(contexts.find(bytesOf("x"), option as never)).toBeUndefined();
    expect(lines).toEqual([expect.stringContaining("oscore-lookup-failed")]);
  });
});

describe("keys that wear out", () => {
  it("RFC 8613 12.6: after so many messages that didn't verify nothing is opened with the context, and the log says so before", async () => {
    await build({ oscoreLimits: { forgeries: 1024 } });
    const forger = world!.forger();
    const answered = async (bytes: Uint8Array): Promise<number[]> => {
      forger.peer.sendBytes(bytes);
      await world!.world.clock.advance(10);
      return forger.peer.take().map(({ code }) => code);
    };
    const forged = (): Uint8Array => {
      const bytes = forger.sealed({ ...who, type: "NON" });
      bytes[bytes.length - 1]! ^= 1;
      return bytes;
    };
    for (let i = 0; i < 1023; i++) await answered(forged());
    expect(world!.serverContext.failures).toBe(1023);
    expect(await answered(forger.sealed(who))).toEqual([Code.changed]);
    await answered(forged());
    expect(await answered(forger.sealed(who))).toEqual([Code.badRequest]);
    expect(world!.serverContext.failures).toBe(1024);
  });

  it("RFC 8613 B.1.2, 12.4: a recorded request that comes again and again after a restart takes few numbers, and the client still gets in", async () => {
    let leased = 0;
    const lease = (_name: string, count: number): number => {
      leased += count;
      return leased - count;
    };
    await build({ serverOptions: { isNew: false }, serverLeases: { lease }, oscoreLimits: { leasedNumbers: 16 } });
    const thief = world!.forger();
    const recorded = thief.sealed({ ...who, type: "NON" });
    for (let i = 0; i < 500; i++) {
      recorded[2] = i >> 8;
      recorded[3] = i & 0xff;
      thief.peer.sendBytes(recorded);
      await world!.world.clock.advance(2);
    }
    const counters = world!.server.counters();
    expect(counters["oscore.echoAsked"]).toBeLessThanOrEqual(32);
    expect(counters["oscore.echoHeldBack"]).toBeGreaterThan(400);
    expect(leased).toBeLessThanOrEqual(64);
    expect(await world!.ask("/who")).toBe("45 ");
  });

  it("RFC 8613 7.2: a lease that gives numbers again, because its storage went back in time, is refused", () => {
    let next = 0;
    const contexts = contextsWith(
      {
        lease(_name, count) {
          next += count;
          return next - count;
        },
      },
      { limits: { leasedNumbers: 16 } },
    );
    const context = contexts.add(shared, { isNew: true });
    const taken = new Set(Array.from({ length: 20 }, () => contexts.numbers.take(context)));
    expect(taken.size).toBe(20);
    next = 0;
    const more = Array.from({ length: 40 }, () => contexts.numbers.take(context)).filter((number) => number >= 0);
    for (const number of more) expect(taken.has(number)).toBe(false);
    expect(lines.some((line) => line.startsWith("oscore-lease-failed"))).toBe(true);
  });

  it("RFC 8613 7.2.1: the log asks for new keys 2^24 numbers before they end, once", () => {
    let next = maxSequence - 2 ** 24 - 24;
    const lease = (_name: string, count: number): number => {
      next += count;
      return next - count;
    };
    const contexts = contextsWith({ lease }, { limits: { leasedNumbers: 16 } });
    const context = contexts.add(shared, { isNew: true });
    for (let i = 0; i < 8; i++) expect(contexts.numbers.take(context)).toBeGreaterThan(0);
    expect(lines).toEqual([]);
    for (let i = 0; i < 64; i++) expect(contexts.numbers.take(context)).toBeGreaterThan(0);
    expect(lines).toEqual([expect.stringContaining("oscore-numbers-end")]);
  });

  it("RFC 8613 7.2.1, B.2: a derived context has all numbers, and none of another context when they end", () => {
    const contexts = contextsWith(volatileLeases());
    const base = contexts.add(shared, { derivesAnew: true, sequenceName: "base" });
    const context = contexts.adopt(base, bytesOf("an id context"));
    expect(contexts.numbers.take(context)).toBe(0);
    context.sequence = maxSequence;
    expect(contexts.numbers.take(context)).toBe(maxSequence);
    for (let i = 0; i < 3; i++) expect(contexts.numbers.take(context)).toBe(-1);
  });
});

describe("secrets", () => {
  it("RFC 8613 12.6: are in no text that a context, a refusal or a log line becomes", async () => {
    const secret = Uint8Array.from({ length: 16 }, (_, i) => 101 + i);
    const contexts = contextsWith({ lease: () => Number.NaN });
    const parameters = { ...shared, masterSecret: secret, masterSalt: secret };
    const context = contexts.add(parameters, { identity: node, derivesAnew: true });
    contexts.numbers.take(context);
    const texts = [inspect(context, { depth: 9 }), inspect({ context }), JSON.stringify(context), ...lines];
    for (const add of [
      () => contexts.add(parameters, { identity: manager }),
      () => contexts.add({ ...parameters, senderId: parameters.recipientId }),
    ]) {
      try {
        add();
        expect.unreachable();
      } catch (error) {
        texts.push(inspect(error, { depth: 9 }), JSON.stringify(error));
      }
    }
    expect(lines).toHaveLength(1);
    const keys = context.memory.subarray(context.at, context.at + 16);
    for (const text of texts) {
      for (const bytes of [secret, keys]) {
        expect(text).not.toContain([...bytes.subarray(0, 4)].join(", "));
        expect(text).not.toContain([...bytes.subarray(0, 4)].join(","));
        expect(text.toLowerCase()).not.toContain(Buffer.from(bytes.subarray(0, 4)).toString("hex"));
      }
    }
  });
});
