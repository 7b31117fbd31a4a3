import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { messageShapes } from "../generated/cbor-keys.ts";
import type { MessageKind } from "../generated/types.ts";
import { admit, cborFormat, decode, encode, encodeCbor, jsonFormat, type Sendable } from "./codec.ts";
import { instantFromSeconds } from "./instant.ts";
import type { Shape } from "./shape.ts";

const kinds = Object.keys(messageShapes) as MessageKind[];
const utf8 = new TextEncoder();

describe("what is refused before anything is parsed", () => {
  it.each(kinds)("a %s over its size, and one in another format", (kind) => {
    const { maxBytes } = messageShapes[kind];
    expect(decode(kind, new Uint8Array(maxBytes + 1), cborFormat)).toMatchObject({
      ok: false,
      fault: { code: "too-large" },
    });
    expect(decode(kind, new Uint8Array(1), 0)).toMatchObject({
      ok: false,
      fault: { code: "unsupported-content-format" },
    });
  });

  it("garbage never throws", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...kinds),
        fc.uint8Array({ maxLength: 60 }),
        fc.constantFrom(jsonFormat, cborFormat),
        (kind, bytes, format) => {
          decode(kind, bytes, format);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it("names of the language's own objects are just unknown properties", () => {
    const text = '{"id":"a","__proto__":{"model":"x"},"constructor":1,"toString":2,"hasOwnProperty":3}';
    const result = decode("node-manifest", utf8.encode(text), jsonFormat);
    expect(result).toEqual({ ok: true, value: { id: "a" } });
    expect(({} as { model?: string }).model).toBeUndefined();
  });
});

describe("what a program can't send", () => {
  it("a message that its own schema refuses", () => {
    const bad = { id: "Not An Id" };
    expect(() => encode("node-manifest", bad, cborFormat)).toThrow(/node-manifest.*\/id must match/);
    expect(() => encode("node-manifest", bad, jsonFormat)).toThrow(TypeError);
    expect(() => encode("node-manifest", { id: "a" }, 0)).toThrow(RangeError);
  });

  it("a message over its size", () => {
    const services = new Array(32).fill({ name: "s".repeat(48), state: "running", detail: "d".repeat(64) });
    expect(() => encodeCbor("node-manifest", { id: "a", services, caps: new Array(32).fill("c".repeat(32)) })).toThrow(
      /at most 4096/,
    );
  });
});

describe("every kind", () => {
  it.each(kinds)("%s: what is sent is what is read, in both formats", (kind) => {
    fc.assert(
      fc.property(arbitraryOf(messageShapes[kind].shape), (value) => {
        const sendable = value as Sendable<never>;
        if (!admit(kind, value).ok) return;
        for (const format of [jsonFormat, cborFormat]) {
          const bytes = tryEncode(kind, sendable, format);
          if (bytes) expect(decode(kind, bytes, format)).toEqual({ ok: true, value: rounded(value) });
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each(kinds)("%s: most generated messages are good ones, so that the test above tests something", (kind) => {
    const sample = fc.sample(arbitraryOf(messageShapes[kind].shape), { numRuns: 60, seed: 1 });
    expect(sample.filter((value) => admit(kind, value).ok).length).toBeGreaterThan(10);
  });

  it("undefined properties are absent", () => {
    expect(encodeCbor("command", { command: "restart", id: undefined })).toEqual(
      encodeCbor("command", { command: "restart" }),
    );
    expect(admit("command", { cmd: "restart", id: undefined })).toEqual({ ok: true, value: { command: "restart" } });
  });

  it("values of a parser that hold what JSON can't are refused", () => {
    expect(admit("command", { command: () => 1 })).toMatchObject({ ok: false, fault: { code: "malformed" } });
    let deep: unknown = {};
    for (let i = 0; i < 9; i++) deep = { deep };
    expect(admit("command", { command: "restart", deep })).toMatchObject({ ok: false, fault: { code: "malformed" } });
  });
});

/** A message too large for its kind is a property of the sample, not a fault. */
function tryEncode(kind: MessageKind, value: Sendable<never>, format: number): Uint8Array | undefined {
  try {
    return encode(kind, value, format);
  } catch (error) {
    expect(String(error)).toContain("bytes, at most");
    return undefined;
  }
}

/** Numbers at three places, as every shape has them; negative zero gone. */
function rounded(value: unknown): unknown {
  if (typeof value === "number") return Math.round(value * 1000) / 1000 + 0;
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, rounded(item)]));
}

/** What words don't meet, by the length that such a text alone may have. */
const spelt: Readonly<Record<number, fc.Arbitrary<string>>> = {
  200: fc.constant("coap://host/path"),
  100: fc.constant("wss://host/mqtt"),
  80: fc.constant("https://host:8443"),
  43: fc.stringMatching(/^[A-Za-z0-9_-]{22}$/),
  // A phone's id, and a hardware number.
  12: fc.stringMatching(/^[0-9a-f]{12}$/),
  192: fc.constant("when P_solar > load for 60s then socket pump on"),
  160: fc.constant("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
};

/** Values of a shape; patterns are met often enough by lower-case words. */
function arbitraryOf(shape: Shape): fc.Arbitrary<unknown> {
  switch (shape.kind) {
    case "object": {
      const model: Record<string, fc.Arbitrary<unknown>> = {};
      for (const field of shape.fields) model[field.name] = arbitraryOf(field.shape);
      return fc.record(model, {
        requiredKeys: shape.fields.filter((field) => field.isRequired).map((field) => field.name),
      });
    }
    case "variants":
      return fc.oneof(
        ...shape.variants.map((variant) =>
          arbitraryOf(variant.shape).map((value) => ({ ...(value as object), [shape.tag]: variant.value })),
        ),
      );
    case "map":
      return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 10 }), {
        maxKeys: 4,
        noNullPrototype: true,
      });
    case "list":
      return fc.array(arbitraryOf(shape.items), { maxLength: Math.min(shape.max, 4) });
    case "text":
      if (shape.values) return fc.constantFrom(...Object.keys(shape.values));
      if (shape.form === "digest") return fc.stringMatching(/^sha256:[0-9a-f]{64}$/);
      if (shape.form === "instant") return fc.nat(2 ** 31).map(instantFromSeconds);
      return spelt[shape.max] ?? fc.stringMatching(/^[a-z0-9]{1,12}$/);
    case "integer":
      return fc.integer({ min: Math.max(shape.min, -(2 ** 31)), max: Math.min(shape.max, 2 ** 31 - 1) });
    case "number": {
      const scale = 10 ** shape.decimals;
      return fc
        .integer({ min: Math.max(shape.min, -1e5) * scale, max: Math.min(shape.max, 1e5) * scale })
        .map((steps) => steps / scale);
    }
    case "boolean":
      return fc.boolean();
  }
}
