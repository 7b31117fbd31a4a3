import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readJson } from "./json.ts";

const read = (text: string) => readJson(new TextEncoder().encode(text));

describe("JSON that is refused", () => {
  it.each([
    ["nothing", "", "bad-syntax"],
    ["two values", "1 2", "trailing-text"],
    ["a name twice", '{"a":1,"a":2}', "duplicate-name"],
    ["a name twice, once escaped", '{"a":1,"\\u0061":2}', "duplicate-name"],
    ["nine arrays", `${"[".repeat(9)}${"]".repeat(9)}`, "too-deep"],
    ["a mebibyte of brackets", "[".repeat(1 << 20), "too-deep"],
    ["nine objects", `${'{"a":'.repeat(9)}1${"}".repeat(9)}`, "too-deep"],
    ["a number without end", "1e999", "bad-number"],
    ["NaN", "NaN", "bad-syntax"],
    ["a leading zero", "01", "trailing-text"],
    ["a bare point", "1.", "trailing-text"],
    ["a plus sign", "+1", "bad-syntax"],
    ["single quotes", "{'a':1}", "bad-syntax"],
    ["a trailing comma", "[1,]", "bad-syntax"],
    ["a comment", "[1/*x*/]", "bad-syntax"],
    ["an unclosed text", '"abc', "bad-syntax"],
    ["a control character in a text", '"a\u0001"', "bad-syntax"],
    ["an unknown escape", '"\\x41"', "bad-syntax"],
    ["half of an escape", '"\\u00', "bad-syntax"],
    ["a lone surrogate", '"\\ud800"', "bad-text"],
    ["a missing colon", '{"a" 1}', "bad-syntax"],
    ["an unclosed object", '{"a":1', "bad-syntax"],
    ["a byte order mark", "\ufeff1", "bad-syntax"],
  ])("%s", (_name, text, code) => {
    expect(read(text)).toMatchObject({ ok: false, code });
  });

  it("bytes that are not UTF-8", () => {
    expect(readJson(Uint8Array.of(0x22, 0xff, 0x22))).toMatchObject({ ok: false, code: "bad-utf8" });
  });
});

describe("JSON that is read", () => {
  it("objects are maps, so that no name means anything", () => {
    expect(read('{"__proto__":{"admin":true},"constructor":1}')).toEqual({
      ok: true,
      value: new Map<string, unknown>([
        ["__proto__", new Map([["admin", true]])],
        ["constructor", 1],
      ]),
    });
  });

  it("agrees with JSON.parse on whatever JSON.stringify writes within the depth", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 7, noUnicodeString: false }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const result = read(text);
        expect(result.ok && plain(result.value)).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("takes nothing that JSON.parse refuses", () => {
    const pieces = fc.constantFrom(
      '"',
      "\\",
      "u0041",
      "{",
      "}",
      "[",
      "]",
      ":",
      ",",
      "1",
      "-",
      ".5",
      "e3",
      "true",
      "null",
      " ",
      "\n",
      "a",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 12 }), (list) => {
        const text = list.join("");
        if (read(text).ok) expect(() => JSON.parse(text)).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });

  function plain(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(plain);
    if (!(value instanceof Map)) return value;
    const object: Record<string, unknown> = {};
    for (const [name, item] of value as Map<string, unknown>)
      Object.defineProperty(object, name, { value: plain(item), enumerable: true, writable: true, configurable: true });
    return object;
  }
});
