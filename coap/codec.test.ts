import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage, Malformed, malformedNames, malformedVerdict } from "./decode-message.ts";
import { MessageView } from "./message-view.ts";
import { MessageWriter } from "./message-writer.ts";

interface Good {
  name: string;
  hex: string;
  type: "CON" | "NON" | "ACK" | "RST";
  code: number;
  messageId: number;
  tokenHex: string;
  options: { number: number; hex: string }[];
  payloadHex: string;
}
const vectors = JSON.parse(readFileSync(new URL("../test/vectors/coap-message.json", import.meta.url), "utf8")) as {
  good: Good[];
  malformed: { name: string; hex: string; expect: "ignore" | "reset" | "reject" }[];
};

const typeNames = ["CON", "NON", "ACK", "RST"] as const;
const unhex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Decodes the bytes from the middle of a larger buffer, as a batch transport hands them over. */
function decode(bytes: Uint8Array): { reason: Malformed; view: MessageView } {
  const view = new MessageView(64);
  const padded = new Uint8Array(bytes.length + 7).fill(0xff);
  padded.set(bytes, 3);
  return { reason: decodeMessage(padded, 3, 3 + bytes.length, view), view };
}

function plain(view: MessageView): Omit<Good, "name" | "hex"> {
  return {
    type: typeNames[view.type]!,
    code: view.code,
    messageId: view.messageId,
    tokenHex: hex(view.bytes.subarray(view.tokenStart, view.tokenStart + view.tokenLength)),
    options: Array.from({ length: view.optionCount }, (_, i) => ({
      number: view.optionNumbers[i]!,
      hex: hex(view.valueAt(i)),
    })),
    payloadHex: hex(view.payload()),
  };
}

function encode(message: Omit<Good, "name" | "hex">): Uint8Array {
  const writer = new MessageWriter(70_000);
  const token = unhex(message.tokenHex);
  writer.begin(typeNames.indexOf(message.type), message.code, message.messageId, token, 0, token.length);
  for (const option of message.options) {
    const value = unhex(option.hex);
    writer.option(option.number, value, 0, value.length);
  }
  const payload = unhex(message.payloadHex);
  writer.payload(payload, 0, payload.length);
  return writer.copy();
}

describe("a malformed datagram", () => {
  for (const vector of vectors.malformed) {
    it(`is told by its reason: ${vector.name}`, () => {
      const bytes = unhex(vector.hex);
      const { reason, view } = decode(bytes);
      expect(malformedNames[reason]).not.toBe("none");
      expect(malformedVerdict(reason, view.type)).toBe(vector.expect);
      if (vector.expect !== "ignore") expect(view.messageId).toBe((bytes[2]! << 8) | bytes[3]!);
    });
  }

  it("never makes the decoder read outside its bounds or throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const { reason, view } = decode(bytes);
        if (reason !== Malformed.none) return;
        for (let i = 0; i < view.optionCount; i++) {
          expect(view.optionStarts[i]! + view.optionLengths[i]!).toBeLessThanOrEqual(3 + bytes.length);
        }
        expect(view.payloadStart).toBeLessThanOrEqual(3 + bytes.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it("has too many options when the view is full", () => {
    const view = new MessageView(2);
    const bytes = unhex("40011234b161016101610161");
    expect(decodeMessage(bytes, 0, bytes.length, view)).toBe(Malformed.tooManyOptions);
  });
});

describe("a good message", () => {
  for (const vector of vectors.good) {
    const { name, hex: bytesHex, ...fields } = vector;
    it(`decodes and encodes to the same bytes: ${name}`, () => {
      const { reason, view } = decode(unhex(bytesHex));
      expect(malformedNames[reason]).toBe("none");
      expect(plain(view)).toEqual(fields);
      expect(hex(encode(fields))).toBe(bytesHex);
    });
  }

  it("survives encoding and decoding, whatever its options", () => {
    const option = fc.record({
      number: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 65_535 })),
      value: fc.uint8Array({ maxLength: 300 }),
    });
    const message = fc.record({
      type: fc.constantFrom("CON" as const, "NON" as const),
      code: fc.integer({ min: 1, max: 31 }),
      messageId: fc.integer({ min: 0, max: 65_535 }),
      token: fc.uint8Array({ maxLength: 8 }),
      options: fc.array(option, { maxLength: 12 }),
      payload: fc.uint8Array({ maxLength: 100 }),
    });
    fc.assert(
      fc.property(message, ({ type, code, messageId, token, options, payload }) => {
        const sorted = options.toSorted((a, b) => a.number - b.number);
        const fields = {
          type,
          code,
          messageId,
          tokenHex: hex(token),
          options: sorted.map(({ number, value }) => ({ number, hex: hex(value) })),
          payloadHex: hex(payload),
        };
        const { reason, view } = decode(encode(fields));
        expect(reason).toBe(Malformed.none);
        expect(plain(view)).toEqual(fields);
      }),
    );
  });

  it("writes unsigned options in their shortest form and reads them back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
        const writer = new MessageWriter(64);
        writer.begin(0, 1, 1, writer.bytes, 0, 0);
        writer.uintOption(60, value);
        const { view } = decode(writer.copy());
        expect(view.uint(60)).toBe(value);
        expect(view.optionLengths[0]).toBe(value === 0 ? 0 : Math.floor(Math.log2(value) / 8) + 1);
      }),
    );
  });

  it("writes text options as UTF-8", () => {
    const writer = new MessageWriter(64);
    writer.begin(0, 1, 1, writer.bytes, 0, 0);
    writer.textOption(11, "temperatur-fühler");
    const { view } = decode(writer.copy());
    expect(view.path()).toEqual(["temperatur-fühler"]);
  });
});

describe("the writer", () => {
  it("refuses options out of order", () => {
    const writer = new MessageWriter(64);
    writer.begin(0, 1, 1, writer.bytes, 0, 0);
    writer.uintOption(12, 0);
    expect(() => writer.uintOption(11, 0)).toThrow(RangeError);
  });

  it("refuses what doesn't fit, rather than writing less", () => {
    const writer = new MessageWriter(16);
    writer.begin(0, 1, 1, writer.bytes, 0, 0);
    expect(() => writer.textOption(11, "a-segment-that-is-too-long")).toThrow(RangeError);
    expect(() => writer.payload(new Uint8Array(12), 0, 12)).toThrow(RangeError);
  });
});
