import { afterEach, describe, expect, it } from "vitest";
import type { RequestOptions } from "../../coap/client-types.ts";
import { ContentFormat } from "../../coap/message.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { serverAddress, World, type WorldOptions } from "./coap-harness.ts";

let world: World | undefined;
afterEach(() => world?.stop());

/** Bytes that are the same for the same seed. */
function bytes(seed: string, length: number): Uint8Array {
  return seededEntropy(seed).bytes(length);
}

interface Site {
  readonly world: World;
  readonly image: Uint8Array;
  stored: Uint8Array[];
}

async function site(options: WorldOptions, length: number): Promise<Site> {
  world = new World({ qBlock: "proven", ...options });
  const made: Site = { world, image: bytes(`image/${options.seed}`, length), stored: [] };
  const etag = Uint8Array.of(1);
  world.server.route({
    method: "GET",
    path: "/image",
    replay: "again",
    answer(_request, reply) {
      reply.body = { size: length, etag, read: (at, count) => made.image.subarray(at, at + count) };
    },
  });
  world.server.route({
    method: "PUT",
    path: "/image",
    replay: "once",
    maxBody: 1_000_000,
    answer(request) {
      made.stored.push(request.payload.slice());
    },
  });
  world.server.route({
    method: "FETCH",
    path: "/mirror",
    replay: "again",
    maxBody: 1_000_000,
    answer(request, reply) {
      reply.payload = request.payload.toReversed();
    },
  });
  await world.start();
  return made;
}

const base = { to: serverAddress, path: ["image"], qBlock: true } as const;

describe("bodies by Q-Block", () => {
  it("arrive whole and equal, or fail and say why, with 5 to 30 % lost, repeated and out of order", async () => {
    const outcomes = new Map<string, number>();
    for (let seed = 1; seed <= 24; seed++) {
      // Every fourth confirmably, which takes its time: copies are kept meanwhile.
      const confirmable = seed % 4 === 0;
      const loss = 0.05 + 0.25 * ((seed % 6) / 5);
      const { world, image, stored } = await site(
        { seed, loss, duplication: 0.1, reordering: 0.2, delayMs: [50, 150] },
        1 + Math.floor(seededEntropy(`length/${seed}`).fraction() * 60_000),
      );
      const sent = bytes(`sent/${seed}`, image.length);
      const requests: [RequestOptions, () => Uint8Array | undefined][] = [
        [{ ...base, confirmable, method: "GET" }, () => image],
        [{ ...base, confirmable, method: "PUT", payload: sent }, () => undefined],
        [
          {
            ...base,
            confirmable,
            method: "FETCH",
            path: ["mirror"],
            contentFormat: ContentFormat.octetStream,
            payload: sent,
          },
          () => sent.toReversed(),
        ],
      ];
      for (const [request, expected] of requests) {
        const what = `${request.method}, seed ${seed}, loss ${loss.toFixed(2)}, ${image.length} bytes`;
        const outcome = await world.run(world.client.request(request), 3_000_000).then(
          (response) => {
            expect(response.code >> 5, what).toBe(2);
            const body = expected();
            if (body !== undefined) expect(Buffer.from(response.payload).equals(body), what).toBe(true);
            return "whole";
          },
          (error: { code?: string }) => error.code ?? String(error),
        );
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      // Once at most, whatever came twice; nothing but the whole body ever arrives.
      expect(stored.length).toBeLessThanOrEqual(1);
      for (const each of stored) expect(Buffer.from(each).equals(sent)).toBe(true);
      await world.clock.advance(600_000);
      expect(world.server.counters()).toMatchObject({ "held.qBlocks": 0, "held.qBlockBytes": 0 });
      expect(world.client.counters()).toMatchObject({ "held.qBlockRequests": 0, "held.outstanding": 0 });
      await world.stop();
    }
    expect([...outcomes.keys()].filter((each) => each !== "whole" && each !== "coap.timeout")).toEqual([]);
    expect(outcomes.get("whole")).toBeGreaterThan(60);
  });

  it("take 10 round trips for 100 000 bytes where blocks one by one take 98, both ways", async () => {
    const seconds = async (qBlock: boolean): Promise<number[]> => {
      const made = await site({ seed: 1, delayMs: [300, 300], clientLimits: { ackTimeoutMs: 3_000 } }, 100_000);
      const { client, clock } = made.world;
      const took: number[] = [];
      // The first request asks whether the server knows Q-Block; those counted here don't have to.
      await made.world.run(client.request({ ...base, method: "GET", maxResponseBody: 100_000 }));
      for (const request of [
        { ...base, qBlock, method: "GET" as const },
        { ...base, qBlock, method: "PUT" as const, payload: made.image },
      ]) {
        const began = clock.monotonicMs();
        await made.world.run(client.request(request));
        took.push((clock.monotonicMs() - began) / 600);
      }
      expect(made.stored).toEqual([made.image]);
      await made.world.stop();
      return took.map(Math.round);
    };
    expect(await seconds(false)).toEqual([98, 98]);
    expect(await seconds(true)).toEqual([10, 10]);
  });
});
