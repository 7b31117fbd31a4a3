import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, Malformed } from "../../coap/decode-message.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { parseLinks } from "../../coap/link-format.ts";
import { MessageView } from "../../coap/message-view.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import type { DatagramReceiver, Transport } from "../../coap/transport/transport.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";

/** Calls the engine in the same turn and checks everything that it sends. */
class Probe implements Transport {
  receiver: DatagramReceiver | undefined;
  readonly sent: Uint8Array[] = [];
  async open(receiver: DatagramReceiver): Promise<void> {
    this.receiver = receiver;
  }
  async close(): Promise<void> {}
  send(bytes: Uint8Array, start: number, end: number): void {
    this.sent.push(bytes.slice(start, end));
  }
  address(): { address: string; port: number; family: 4 } {
    return { address: "10.0.0.1", port: 5683, family: 4 };
  }
  interfaces(): readonly string[] {
    return [];
  }
  ephemeral(): Transport {
    return new Probe();
  }
  counters(): Readonly<Record<string, number>> {
    return {};
  }
}

const limits = {
  onceExchanges: 64,
  transferBytes: 16_384,
  transfers: 32,
  observers: 32,
  peers: 128,
  outstanding: 64,
  running: 32,
};

async function endpoint(): Promise<{ probe: Probe; clock: VirtualClock; endpoint: CoapEndpoint }> {
  const probe = new Probe();
  const clock = new VirtualClock();
  const made = new CoapEndpoint({ transport: probe, clock, entropy: seededEntropy(7), log: silentLog, limits });
  made.route({
    method: "GET",
    path: "/a/:x",
    replay: "again",
    observable: true,
    answer(request, reply) {
      reply.payload = new Uint8Array(request.queries.length * 900);
    },
  });
  made.route({ method: "PUT", path: "/a/:x", replay: "again", answer() {}, accepts: [50, 60] });
  made.route({
    method: "POST",
    path: "/a/:x",
    replay: "once",
    answer(request, reply) {
      reply.payload = request.payload;
    },
  });
  made.route({
    method: "FETCH",
    path: "/*",
    replay: "again",
    later: async (request) => ({ payload: request.payload }),
  });
  await made.start();
  return { probe, clock, endpoint: made };
}

/** Datagrams that are nearly right: built from parts that are each right or wrong. */
const option = fc.tuple(fc.constantFrom(0, 1, 3, 4, 5, 8, 11, 12, 13, 14, 15), fc.uint8Array({ maxLength: 14 }));
const nearly = fc
  .record({
    first: fc.oneof(
      { weight: 9, arbitrary: fc.integer({ min: 0x40, max: 0x78 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }) },
    ),
    code: fc.oneof(
      fc.integer({ min: 0, max: 7 }),
      fc.constantFrom(0x41, 0x44, 0x45, 0x5f, 0x80, 0x84, 0x8d, 0xa0),
      fc.integer({ min: 0, max: 255 }),
    ),
    id: fc.integer({ min: 0, max: 40 }),
    token: fc.uint8Array({ maxLength: 9 }),
    options: fc.array(option, { maxLength: 8 }),
    observe: fc.boolean(),
    payload: fc.option(fc.uint8Array({ maxLength: 40 })),
  })
  .map(({ first, code, id, token, options, observe, payload }) => {
    const bytes = [first, code, 0, id, ...token];
    if (observe) bytes.push(0x60, 0x51, 0x61, 0x01, 0x62);
    for (const [delta, value] of options) bytes.push((delta << 4) | Math.min(value.length, 12), ...value.slice(0, 12));
    if (payload !== null) bytes.push(0xff, ...payload);
    return Uint8Array.from(bytes);
  });
const datagram = fc.oneof({ weight: 4, arbitrary: nearly }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) });

describe("whatever datagrams come", () => {
  it("the endpoint never throws, answers garbage with a Reset or not at all, sends only good messages, and stays within its limits", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(datagram, fc.integer({ min: 1, max: 200 }), fc.boolean()), { minLength: 30, maxLength: 80 }),
        async (datagrams) => {
          const { probe, clock, endpoint: engine } = await endpoint();
          const view = new MessageView(64);
          const source = new RemoteAddress();
          for (const [bytes, host, isMulticast] of datagrams) {
            source.set(`10.0.1.${host}`, 5_000 + host, 4);
            source.isMulticast = isMulticast && host > 150;
            const before = probe.sent.length;
            probe.receiver!.datagram(bytes, 0, bytes.length, source);
            const answers = probe.sent.slice(before);
            expect(answers.length).toBeLessThanOrEqual(1);
            if (source.isMulticast) expect(answers).toEqual([]);
            const isGood = decodeMessage(bytes, 0, bytes.length, view) === Malformed.none;
            if (!isGood && answers.length === 1)
              expect(answers[0]).toEqual(Uint8Array.from([0x70, 0, bytes[2]!, bytes[3]!]));
          }
          await clock.advance(2_000);
          for (const bytes of probe.sent) {
            expect(decodeMessage(bytes, 0, bytes.length, view)).toBe(Malformed.none);
            expect(bytes.length).toBeLessThanOrEqual(1_232);
          }
          const counters = engine.counters();
          expect(counters["handlerFailed"]).toBe(0);
          expect(counters["held.peers"]).toBeLessThanOrEqual(limits.peers);
          expect(counters["held.onceExchanges"]).toBeLessThanOrEqual(limits.onceExchanges);
          expect(counters["held.transferBytes"]).toBeLessThanOrEqual(limits.transferBytes);
          expect(counters["held.observers"]).toBeLessThanOrEqual(limits.observers);
          // Everything goes back when nothing more comes; observers of ours stay until a notification fails.
          await clock.advance(1_000_000);
          expect(engine.counters()).toMatchObject({
            "held.onceExchanges": 0,
            "held.transfers": 0,
            "held.running": 0,
            "held.outstanding": 0,
          });
          await engine.stop();
          expect(clock.nextDueMs()).toBeUndefined();
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it("link documents are read or refused, never half", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[<>;,="\\a-c ]{0,30}$/)), (text) => {
        const links = parseLinks(text);
        expect(links === undefined || Array.isArray(links)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
