import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Code } from "../../coap/message.ts";
import { bytesOf, serverAddress, textOf, World } from "./coap-harness.ts";

const weather = fc.record({
  seed: fc.integer({ min: 1, max: 1_000_000 }),
  loss: fc.constantFrom(0, 0.05, 0.2),
  duplication: fc.constantFrom(0, 0.2),
  reordering: fc.constantFrom(0, 0.3),
  delayMs: fc.constantFrom([1, 5] as const, [50, 900] as const),
});

describe("in any weather", () => {
  it("a `once` request is done at most once, and exactly once when it was answered, at once or later", async () => {
    await fc.assert(
      fc.asyncProperty(weather, async (options) => {
        const world = new World(options);
        const done = new Map<string, number>();
        const count = (key: string): void => void done.set(key, (done.get(key) ?? 0) + 1);
        world.server.route({
          method: "POST",
          path: "/now",
          replay: "once",
          answer: (request) => count(textOf(request.payload)),
        });
        world.server.route({
          method: "POST",
          path: "/later",
          replay: "once",
          async later(request) {
            count(textOf(request.payload));
            await new Promise<void>((resolve) => world.clock.after(700, resolve));
            return {};
          },
        });
        await world.start();
        const outcomes = await world.run(
          Promise.all(
            Array.from({ length: 24 }, async (_, i) => {
              const key = `k${i}`;
              const path = [i % 2 === 0 ? "now" : "later"];
              const confirmable = i % 3 !== 0;
              const request = { to: serverAddress, method: "POST", path, payload: bytesOf(key), confirmable } as const;
              const answered = await world.client.request(request).then(
                ({ code }) => code === Code.changed,
                () => false,
              );
              return { key, answered };
            }),
          ),
          10_000_000,
        );
        for (const { key, answered } of outcomes) {
          const times = done.get(key) ?? 0;
          expect(times).toBeLessThanOrEqual(1);
          if (answered) expect(times).toBe(1);
        }
        await world.clock.advance(1_000_000);
        for (const endpoint of [world.server, world.client]) {
          expect(endpoint.counters()).toMatchObject({
            "held.outstanding": 0,
            "held.requests": 0,
            "held.running": 0,
            "held.peers": 0,
          });
        }
        await world.stop();
        expect(world.clock.nextDueMs()).toBeUndefined();
      }),
      { numRuns: 25 },
    );
  });

  it("an observer of confirmable notifications never goes back in time and ends with the newest state, or ends and says so", async () => {
    await fc.assert(
      fc.asyncProperty(
        weather,
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 20 }),
        async (options, waits) => {
          const world = new World(options);
          let value = 0;
          world.server.route({
            method: "GET",
            path: "/v",
            replay: "again",
            observable: true,
            notifications: "confirmable",
            answer(_request, reply) {
              reply.payload = bytesOf(String(value));
            },
          });
          await world.start();
          const seen: number[] = [];
          const ends: string[] = [];
          world.client.observe(
            { to: serverAddress, path: ["v"] },
            {
              notification: ({ payload }) => void seen.push(Number(textOf(payload))),
              ended: (reason) => void ends.push(reason),
            },
          );
          for (const waitMs of waits) {
            await world.clock.advance(waitMs);
            value++;
            world.server.notify("/v");
          }
          await world.clock.advance(200_000);
          // An answer to the registration may show a state that a notification before it showed already.
          expect(seen.every((at, i) => i === 0 || at >= seen[i - 1]!)).toBe(true);
          const isHeld = world.server.observers() === 1;
          expect(ends.length).toBeLessThanOrEqual(1);
          if (isHeld && ends.length === 0) expect(seen.at(-1)).toBe(value);
          await world.stop();
        },
      ),
      { numRuns: 40 },
    );
  });
});
