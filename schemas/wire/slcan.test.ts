import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseSlcan, SlcanReader, slcanBitRates, slcanOfFrame } from "./slcan.ts";

const bytes = (...data: number[]) => Uint8Array.from(data);
const utf8 = new TextEncoder();

function linesOf(...chunks: (string | Uint8Array)[]): string[] {
  const told: string[] = [];
  const reader = new SlcanReader();
  for (const chunk of chunks)
    reader.read(typeof chunk === "string" ? utf8.encode(chunk) : chunk, (line, end) =>
      told.push(end === "line" ? line : `<${end}>`),
    );
  return told;
}

describe("lines that are none", () => {
  it.each([
    "t",
    "t10",
    "t1003AABB",
    "t1003AABBC",
    "t1003AABBCCD",
    "t8000",
    "t1009000000000000000000",
    "tGGG0",
    "t1001GG",
    "t1001-1",
    "T100",
    "T200000000",
    "T1C0000018",
    "S9",
    "S",
    "S66",
    "O1",
    "Z2",
    "F1",
    "Fxyz",
    "z1",
    "rGGG0",
    "r100",
    "?",
    "hello",
    " t1000",
  ])("%j", (line) => {
    expect(parseSlcan(line)).toBeUndefined();
  });

  it("any text is parsed without an error", () => {
    fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => void parseSlcan(text)));
    fc.assert(fc.property(fc.stringMatching(/^[tTzZSF][0-9a-fA-F]{0,30}$/), (text) => void parseSlcan(text)));
  });

  it("frames that none can be are not written", () => {
    expect(() => slcanOfFrame({ id: 0x800, isExtended: false, data: bytes() })).toThrow(RangeError);
    expect(() => slcanOfFrame({ id: -1, isExtended: false, data: bytes() })).toThrow(RangeError);
    expect(() => slcanOfFrame({ id: 0x20000000, isExtended: true, data: bytes() })).toThrow(RangeError);
    expect(() => slcanOfFrame({ id: 1, isExtended: false, data: new Uint8Array(9) })).toThrow(RangeError);
  });

  it("a line that never ends takes no memory and costs only itself", () => {
    expect(linesOf("x".repeat(100_000), "\rt1000\r")).toEqual(["<garbage>", "t1000"]);
    expect(linesOf(bytes(0x80, 0xff, 0x0d), "z\r")).toEqual(["<garbage>", "z"]);
    expect(linesOf("t10\x07z\r")).toEqual(["<garbage>", "<error>", "z"]);
  });
});

describe("lines", () => {
  it.each([
    ["t1003AABBCC", { id: 0x100, isExtended: false, data: bytes(0xaa, 0xbb, 0xcc) }],
    ["t7FF0", { id: 0x7ff, isExtended: false, data: bytes() }],
    [
      "T1C0001FF8010124 0AC40001FF".replace(" ", ""),
      { id: 0x1c0001ff, isExtended: true, data: bytes(1, 1, 0x24, 0x0a, 0xc4, 0, 1, 0xff) },
    ],
  ])("%s is a frame, and written as such", (line, frame) => {
    expect(parseSlcan(line)).toEqual({ kind: "frame", frame });
    expect(parseSlcan(line.toLowerCase().replace("t1c", "T1c"))).toEqual({ kind: "frame", frame });
    expect(parseSlcan(`${line}12AB`)).toEqual({ kind: "frame", frame });
    expect(slcanOfFrame(frame)).toBe(line);
  });

  it("every frame is read as written", () => {
    const frame = fc.boolean().chain((isExtended) =>
      fc.record({
        id: fc.nat(isExtended ? 2 ** 29 - 1 : 2 ** 11 - 1),
        isExtended: fc.constant(isExtended),
        data: fc.uint8Array({ maxLength: 8 }),
      }),
    );
    fc.assert(
      fc.property(frame, (each) => {
        expect(parseSlcan(slcanOfFrame(each))).toEqual({ kind: "frame", frame: each });
      }),
    );
  });

  it("the bit rates are Lawicel's", () => {
    expect(parseSlcan("S6")).toEqual({ kind: "bit-rate", bitRate: 500_000 });
    expect(slcanBitRates).toHaveLength(9);
  });

  it("come out of a stream however it is cut", () => {
    const stream = "C\rS6\rO\rt1001AA\rz\rF24\r\x07\r";
    const whole = ["C", "S6", "O", "t1001AA", "z", "F24", "<error>", ""];
    expect(linesOf(stream)).toEqual(whole);
    expect(linesOf(...stream)).toEqual(whole);
    expect(linesOf(stream.replaceAll("\r", "\r\n"))).toEqual(whole);
  });
});
