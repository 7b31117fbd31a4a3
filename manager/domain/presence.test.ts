import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childPresence, deafDelayMs, type Presence, presenceHoldsMs, presenceOf } from "./presence.ts";

interface Vectors {
  cases: {
    name: string;
    poll: number;
    lifetime: number;
    heard: number | null;
    hearing: number | null;
    suspect?: boolean;
    now: number;
    presence: Presence;
  }[];
  deaf: { name: string; shortestPoll: number; afterSeconds: number }[];
  children: { own: Presence; gateway: Presence; presence: Presence }[];
}

const vectors: Vectors = JSON.parse(readFileSync(new URL("../../test/vectors/presence.json", import.meta.url), "utf8"));
const ms = (seconds: number | null): number | undefined => (seconds === null ? undefined : Math.round(seconds * 1000));

describe("presence", () => {
  it.each(vectors.cases)("$name: $presence", ({ poll, lifetime, heard, hearing, suspect, now, presence }) => {
    const sighting = {
      heardAtMs: ms(heard),
      pollSeconds: poll,
      lifetimeSeconds: lifetime,
      isSuspect: suspect === true,
    };
    expect(presenceOf(sighting, ms(hearing), ms(now)!)).toBe(presence);
  });

  it.each(vectors.deaf)("takes us for deaf: $name", ({ shortestPoll, afterSeconds }) => {
    expect(deafDelayMs(shortestPoll)).toBe(afterSeconds * 1000);
  });

  it.each(vectors.children)(
    "of a child that is $own itself behind a gateway that is $gateway is $presence",
    (vector) => {
      expect(childPresence(vector.own, vector.gateway)).toBe(vector.presence);
    },
  );

  const situation = fc.record({
    sighting: fc.record({
      heardAtMs: fc.option(fc.nat(2_000_000), { nil: undefined }),
      pollSeconds: fc.integer({ min: 1, max: 3600 }),
      lifetimeSeconds: fc.integer({ min: 1, max: 100_000 }),
      isSuspect: fc.boolean(),
    }),
    hearingSinceMs: fc.option(fc.nat(2_000_000), { nil: undefined }),
    nowMs: fc.integer({ min: 2_000_000, max: 20_000_000 }),
  });

  it("holds exactly as long as it says when nothing happens", () => {
    fc.assert(
      fc.property(situation, ({ sighting, hearingSinceMs, nowMs }) => {
        const presence = presenceOf(sighting, hearingSinceMs, nowMs);
        const holdsMs = presenceHoldsMs(sighting, hearingSinceMs, nowMs);
        if (holdsMs === Number.POSITIVE_INFINITY) {
          expect(presenceOf(sighting, hearingSinceMs, nowMs + 1e10)).toBe(presence);
          return;
        }
        expect(holdsMs).toBeGreaterThan(0);
        expect(presenceOf(sighting, hearingSinceMs, nowMs + holdsMs - 1e-3)).toBe(presence);
        expect(presenceOf(sighting, hearingSinceMs, nowMs + holdsMs)).not.toBe(presence);
      }),
    );
  });

  it("never gets better by silence", () => {
    const order: readonly Presence[] = ["online", "late", "offline"];
    fc.assert(
      fc.property(situation, fc.nat(10_000_000), ({ sighting, hearingSinceMs, nowMs }, laterMs) => {
        const before = order.indexOf(presenceOf(sighting, hearingSinceMs, nowMs));
        const after = order.indexOf(presenceOf(sighting, hearingSinceMs, nowMs + laterMs));
        if (before !== -1) expect(after).toBeGreaterThanOrEqual(before);
      }),
    );
  });
});
