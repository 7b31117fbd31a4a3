import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CanMessage, canFrames } from "../generated/can.ts";
import { type CanFrame, decodeCan, encodeCan } from "./can.ts";
import { fromHex, toHex } from "./hex.ts";

interface Row {
  readonly name: string;
  readonly id: number;
  readonly isExtended: boolean;
  readonly dataHex: string;
}
interface GoodRow extends Row {
  readonly frame: string;
  readonly message: Readonly<Record<string, unknown>>;
}
const vectors = JSON.parse(readFileSync(new URL("../../test/vectors/can.json", import.meta.url), "utf8")) as {
  readonly good: readonly GoodRow[];
  readonly bad: readonly (Row & { readonly fault: string })[];
};

const frameOf = ({ id, isExtended, dataHex }: Row): CanFrame => ({ id, isExtended, data: fromHex(dataHex)! });

/** In the vectors bytes are hexadecimal digits. */
function messageOf({ frame, message }: GoodRow): CanMessage {
  const fields = canFrames.find(({ name }) => name === frame)!.fields;
  const values = Object.entries(message).map(([name, value]) => {
    const isBytes = fields.some((field) => field.name === name && field.kind === "bytes");
    return [name, isBytes ? fromHex(value as string) : value];
  });
  return { frame, ...Object.fromEntries(values) } as CanMessage;
}

describe("a frame that cantools encoded", () => {
  it("is there for every kind", () => {
    expect(new Set(vectors.good.map(({ frame }) => frame))).toEqual(new Set(canFrames.map(({ name }) => name)));
  });
  for (const row of vectors.good) {
    it(`is read and written the same: ${row.name}`, () => {
      expect(decodeCan(frameOf(row))).toEqual({ ok: true, value: messageOf(row) });
      const written = encodeCan(messageOf(row));
      expect({ ...written, data: toHex(written.data) }).toEqual({
        id: row.id,
        isExtended: row.isExtended,
        data: row.dataHex,
      });
    });
  }
});

describe("a frame that isn't one", () => {
  for (const row of vectors.bad) {
    it(`is refused: ${row.name}`, () => {
      expect(decodeCan(frameOf(row))).toMatchObject({ ok: false, fault: { code: row.fault } });
    });
  }
});

it("whatever stands on the bus is refused or is a message that is written back the same", () => {
  const data = fc.uint8Array({ maxLength: 8 });
  const standard = fc.record({ id: fc.nat(0x7ff), isExtended: fc.constant(false), data });
  const claim = fc.nat(0xff_ffff).map((mac) => 0x1c00_0000 + mac);
  const extended = fc.record({ id: fc.oneof(claim, fc.nat(0x1fff_ffff)), isExtended: fc.constant(true), data });
  fc.assert(
    fc.property(fc.oneof(standard, extended), (frame) => {
      const first = decodeCan(frame);
      if (!first.ok) return;
      const again = encodeCan(first.value);
      expect(again).toMatchObject({ id: frame.id, isExtended: frame.isExtended });
      expect(again.data.length).toBe(frame.data.length);
      expect(decodeCan(again)).toEqual(first);
    }),
    { numRuns: 2_000 },
  );
});

describe("a message with a value outside its limits is not written", () => {
  const state: CanMessage = { frame: "SetGridLimit", target: 127, sequence: 1, isOn: true, limit: 30 };
  it.each([
    ["a limit that is too high", { limit: 31 }],
    ["a limit that is none", { limit: null }],
    ["a target that there isn't", { target: 64 }],
    ["a sequence of 9 bits", { sequence: 256 }],
    ["half a kWh", { limit: 2.5 }],
    ["a word for a truth value", { isOn: "on" }],
  ])("%s", (_, wrong) => {
    expect(() => encodeCan({ ...state, ...wrong } as CanMessage)).toThrow(RangeError);
  });

  it.each([
    ["a node that there isn't", { frame: "PackMac", node: 32, mac: new Uint8Array(6) }],
    ["a MAC of five bytes", { frame: "PackMac", node: 1, mac: new Uint8Array(5) }],
    ["a word that isn't listed", { frame: "SetRelay", target: 1, sequence: 0, relay: "oven", isOn: true }],
    ["the number that says none", { frame: "PackPower", node: 1, grid: 0, home: 0, battery: -32768, solar: 0 }],
    ["a kind that there isn't", { frame: "PackColour" }],
  ])("%s", (_, wrong) => {
    expect(() => encodeCan(wrong as unknown as CanMessage)).toThrow(RangeError);
  });
});
