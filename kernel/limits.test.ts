import { expect, test } from "vitest";
import { defineLimits } from "./limits.ts";

const sampleLimits = defineLimits({
  maxPayloadBytes: { default: 1024, min: 16, max: 65_536, unit: "bytes", full: "The request is answered 4.13." },
  maxPeers: { default: 100, min: 1, max: 1000, unit: "rows", full: "A new peer is answered 5.03." },
});

test("an unknown name is refused with those that are known", () => {
  const misspelt = JSON.parse(`{"maxPeer": 5}`);
  expect(() => sampleLimits.resolve(misspelt)).toThrow(expect.objectContaining({ code: "limits.unknown" }));
  expect(() => sampleLimits.resolve(JSON.parse('{"__proto__x": 1, "toString": 1}'))).toThrow("__proto__x");
  expect(() => sampleLimits.resolve(JSON.parse('{"toString": 1}'))).toThrow("toString");
});

test.each([15, 65_537, 16.5, Number.NaN, Number.POSITIVE_INFINITY, -1])(
  "a value out of range is refused: %s",
  (value) => {
    expect(() => sampleLimits.resolve({ maxPayloadBytes: value })).toThrow(
      expect.objectContaining({ code: "limits.out-of-range" }),
    );
  },
);

test("a default out of its own range is a defect found at once", () => {
  expect(() => defineLimits({ broken: { default: 0, min: 1, max: 2, unit: "rows", full: "" } })).toThrow("broken");
});

test("settings override defaults one by one, and the result can't be changed", () => {
  expect(sampleLimits.defaults).toEqual({ maxPayloadBytes: 1024, maxPeers: 100 });
  const limits = sampleLimits.resolve({ maxPeers: 7, maxPayloadBytes: undefined });
  expect(limits).toEqual({ maxPayloadBytes: 1024, maxPeers: 7 });
  expect(Object.isFrozen(limits)).toBe(true);
});
