import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeCbor } from "./cbor-writer.ts";
import { fromHex } from "./hex.ts";
import { readSenml, senmlCborFormat, senmlFormatOf, senmlJsonFormat, senmlLimits } from "./senml.ts";

const nowMs = Date.UTC(2026, 0, 1);
const json = (value: unknown) => readSenml(new TextEncoder().encode(JSON.stringify(value)), senmlJsonFormat, nowMs);
const refused = (code: string, record: number) => ({ ok: false, fault: { code, record, rule: expect.any(String) } });

describe("packs that are refused whole", () => {
  it.each([
    ["no array", { n: "a", v: 1 }, "invalid", -1],
    ["a record that is no map", [1], "invalid", 0],
    ["a second record without a value", [{ n: "a", v: 1 }, { n: "b" }], "invalid", 1],
    ["no name", [{ v: 1 }], "invalid", 0],
    ["a name with a space", [{ n: "a b", v: 1 }], "invalid", 0],
    ["a name that starts with a colon", [{ bn: ":", n: "a", v: 1 }], "invalid", 0],
    ["a long name", [{ bn: "a".repeat(150), n: "b".repeat(11), v: 1 }], "invalid", 0],
    ["a unit that isn't registered", [{ n: "t", u: "degC", v: 1 }], "invalid", 0],
    ["a base unit that isn't registered", [{ bn: "t", bu: "Celsius", v: 1 }], "invalid", 0],
    ["two values", [{ n: "a", v: 1, vs: "x" }], "invalid", 0],
    ["a text as number", [{ n: "a", v: "1" }], "invalid", 0],
    ["a number as text", [{ n: "a", vs: 1 }], "invalid", 0],
    ["null as value", [{ n: "a", v: null }], "invalid", 0],
    ["a number as truth", [{ n: "a", vb: 1 }], "invalid", 0],
    ["bad data", [{ n: "a", vd: "a+b/" }], "invalid", 0],
    ["an unknown field that must be understood", [{ n: "a", v: 1, scale_: 2 }], "not-understood", 0],
    ["a later version", [{ bver: 11, n: "a", v: 1 }], "not-understood", 0],
    [
      "a version in the middle",
      [
        { n: "a", v: 1 },
        { bver: 5, n: "a", v: 1 },
      ],
      "invalid",
      1,
    ],
    [
      "another version in the middle",
      [
        { bver: 5, n: "a", v: 1 },
        { bver: 6, n: "a", v: 1 },
      ],
      "invalid",
      1,
    ],
    ["version 0", [{ bver: 0, n: "a", v: 1 }], "invalid", 0],
    ["a sum of values beyond numbers", [{ bv: 1.7e308, n: "a", v: 1.7e308 }], "invalid", 0],
    ["a time before 1970", [{ n: "a", t: -1e12, v: 1 }], "invalid", 0],
    ["a time after 9999", [{ n: "a", t: 1e15, v: 1 }], "invalid", 0],
    ["a text too long", [{ n: "a", vs: "x".repeat(1025) }], "invalid", 0],
    ["too many records", new Array(senmlLimits.records + 1).fill({ n: "a", v: 1 }), "too-large", -1],
  ])("%s", (_name, pack, code, record) => {
    expect(json(pack)).toEqual(refused(code, record));
  });

  it("NaN, in each way it can come", () => {
    expect(readSenml(new TextEncoder().encode('[{"n":"a","v":NaN}]'), senmlJsonFormat, nowMs)).toEqual(
      refused("malformed", -1),
    );
    expect(readSenml(new TextEncoder().encode('[{"n":"a","v":1e999}]'), senmlJsonFormat, nowMs)).toEqual(
      refused("malformed", -1),
    );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const pack = writeCbor([
        new Map<number, number | string>([
          [0, "a"],
          [2, value],
        ]),
      ]);
      expect(readSenml(pack, senmlCborFormat, nowMs)).toEqual(refused("invalid", 0));
    }
  });

  it("over the size limit, and in another format", () => {
    expect(readSenml(new Uint8Array(senmlLimits.bytes + 1), senmlJsonFormat, nowMs)).toEqual(refused("too-large", -1));
    expect(readSenml(new Uint8Array(1), 50, nowMs)).toEqual(refused("unsupported-content-format", -1));
  });

  it("one field under its integer and its name", () => {
    const pack = writeCbor([
      new Map<number | string, number | string>([
        [0, "a"],
        [2, 1],
        ["v", 2],
      ]),
    ]);
    expect(readSenml(pack, senmlCborFormat, nowMs)).toEqual(refused("invalid", 0));
  });

  it("any bytes, without an error", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(senmlJsonFormat, senmlCborFormat),
        (bytes, format) => {
          readSenml(bytes, format, nowMs);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("packs that are resolved", () => {
  it("the last example of RFC 8428 section 5.1.2: base name, time and unit", () => {
    const result = json([
      { bn: "urn:dev:ow:10e2073a0108006:", bt: 1.276020076001e9, bu: "A", bver: 5, n: "voltage", u: "V", v: 120.1 },
      { n: "current", t: -5, v: 1.2 },
      { n: "current", v: 1.7 },
    ]);
    expect(
      result.ok && result.measurements.map(({ name, unit, timeMs, value }) => [name, unit, timeMs, value]),
    ).toEqual([
      ["urn:dev:ow:10e2073a0108006:voltage", "V", 1276020076001, 120.1],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1276020071001, 1.2],
      ["urn:dev:ow:10e2073a0108006:current", "A", 1276020076001, 1.7],
    ]);
  });

  it("the CBOR example of RFC 8428 section 6, byte for byte", () => {
    const pack = fromHex(
      "87a721781b75726e3a6465763a6f773a3130653230373361303130383030363a22fb41d303a15b0010622361412005006776" +
        "6f6c74616765016156" +
        "02fb405e066666666666a3006763757272656e74062402fb3ff3333333333333a3006763757272656e74062302fb3ff4cccc" +
        "cccccccda3006763757272656e74062202fb3ff6666666666666a3006763757272656e74062102f93e00a300676375727265" +
        "6e74062002fb3ff999999999999aa3006763757272656e74060002fb3ffb333333333333",
    );
    const result = readSenml(pack, senmlCborFormat, nowMs);
    expect(result.ok && result.measurements.map(({ value }) => value)).toEqual([120.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7]);
    expect(result.ok && result.measurements[1]).toEqual({
      name: "urn:dev:ow:10e2073a0108006:current",
      unit: "A",
      timeMs: 1276020071001,
      value: 1.2,
      sum: undefined,
      updateSeconds: undefined,
    });
  });

  it("times below 2^28 count from now", () => {
    const result = json([
      { bn: "a", v: 1 },
      { t: -60, v: 2 },
      { t: 2 ** 28 - 1, v: 3 },
      { t: 2 ** 28, v: 4 },
    ]);
    expect(result.ok && result.measurements.map(({ timeMs }) => timeMs)).toEqual([
      nowMs,
      nowMs - 60_000,
      nowMs + (2 ** 28 - 1) * 1000,
      2 ** 28 * 1000,
    ]);
  });

  it("base values and sums are added, and either may stand alone", () => {
    const result = json([{ bn: "a", bv: 20, v: 1.5 }, {}, { vs: "text" }, { bs: 100, s: 5 }, { vb: true, ut: 30 }]);
    expect(
      result.ok && result.measurements.map(({ value, sum, updateSeconds }) => [value, sum, updateSeconds]),
    ).toEqual([
      [21.5, undefined, undefined],
      [20, undefined, undefined],
      ["text", undefined, undefined],
      [20, 105, undefined],
      [true, 100, 30],
    ]);
  });

  it("data, booleans, and unknown fields that need not be understood", () => {
    const result = json([{ n: "a", vd: "AQID", extra: [1, { deep: true }] }]);
    expect(result.ok && result.measurements[0]?.value).toEqual(Uint8Array.of(1, 2, 3));
    expect(json([])).toEqual({ ok: true, measurements: [] });
  });

  it("the first byte tells the format", () => {
    expect(senmlFormatOf(new TextEncoder().encode(" [{}]"))).toBe(senmlJsonFormat);
    expect(senmlFormatOf(writeCbor([]))).toBe(senmlCborFormat);
    expect(senmlFormatOf(writeCbor(new Array(30).fill(0)))).toBe(senmlCborFormat);
    expect(senmlFormatOf(new Uint8Array())).toBe(senmlJsonFormat);
  });
});
