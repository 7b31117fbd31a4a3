import { readFileSync } from "node:fs";
import { decode as cborgDecode } from "cborg";
import { describe, expect, it } from "vitest";
import type { MessageKind, Messages } from "../generated/types.ts";
import { cborFormat, decode, encodeCbor, encodeJson, jsonFormat } from "./codec.ts";
import { fromHex, toHex } from "./hex.ts";

interface Vectors {
  readonly kind: MessageKind;
  readonly good: readonly {
    name: string;
    value: Messages[MessageKind];
    json: string;
    cborHex: string;
    alsoJson?: string[];
    alsoCborHex?: string[];
  }[];
  readonly malformed: readonly { name: string; json?: string; cborHex?: string; code: string; path: string }[];
}

const files = ["node-manifest", "status-report", "action", "environment", "registration-answer", "attempt-report"];

describe.each(files)("%s", (file) => {
  const { kind, good, malformed } = JSON.parse(
    readFileSync(new URL(`../../test/vectors/${file}.json`, import.meta.url), "utf8"),
  ) as Vectors;

  it.each(malformed)("$name is refused", ({ json, cborHex, code, path }) => {
    const result =
      cborHex === undefined
        ? decode(kind, new TextEncoder().encode(json), jsonFormat)
        : decode(kind, fromHex(cborHex), cborFormat);
    expect(result).toEqual({ ok: false, fault: { code, path, rule: expect.stringMatching(/^must /) } });
  });

  it.each(good)("every cut of $name is refused", ({ json, cborHex }) => {
    const bytes = fromHex(cborHex);
    for (let length = 0; length < bytes.length; length++)
      expect(decode(kind, bytes.subarray(0, length), cborFormat)).toMatchObject({ ok: false });
    for (let length = 0; length < json.length; length++)
      expect(decode(kind, new TextEncoder().encode(json.slice(0, length)), jsonFormat)).toMatchObject({ ok: false });
  });

  it.each(good)("$name is read and written byte for byte", ({ value, json, cborHex }) => {
    const ok = { ok: true, value };
    expect(decode(kind, fromHex(cborHex), cborFormat)).toEqual(ok);
    expect(decode(kind, new TextEncoder().encode(json), jsonFormat)).toEqual(ok);
    expect(toHex(encodeCbor(kind, value))).toBe(cborHex);
    expect(new TextDecoder().decode(encodeJson(kind, value))).toBe(json);
    expect(() => cborgDecode(fromHex(cborHex), { strict: true, useMaps: true })).not.toThrow();
  });

  it.each(good.filter(({ alsoJson, alsoCborHex }) => alsoJson ?? alsoCborHex))(
    "$name is read from its other forms",
    ({ value, alsoJson, alsoCborHex }) => {
      for (const text of alsoJson ?? [])
        expect(decode(kind, new TextEncoder().encode(text), jsonFormat)).toEqual({ ok: true, value });
      for (const hex of alsoCborHex ?? []) expect(decode(kind, fromHex(hex), cborFormat)).toEqual({ ok: true, value });
    },
  );
});

describe("the sizes that the protocol allows", () => {
  it("a sensor node's report has at most 160 bytes as CBOR", () => {
    const { good } = JSON.parse(
      readFileSync(new URL("../../test/vectors/status-report.json", import.meta.url), "utf8"),
    ) as Vectors;
    const report = good.find(({ name }) => name === "a sensor node's report");
    expect(report && fromHex(report.cborHex).length).toBeLessThanOrEqual(160);
  });
});
