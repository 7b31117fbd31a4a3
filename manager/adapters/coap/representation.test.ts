import { expect, test } from "vitest";
import type { CoapRequest } from "../../../coap/route.ts";
import { readCbor } from "../../../schemas/wire/cbor.ts";
import { decode } from "../../../schemas/wire/codec.ts";
import { agedMessage, answerFormat, bodyOf, messages, view } from "./representation.ts";

const text = (payload: Uint8Array | undefined) => new TextDecoder().decode(payload);
const request = (fields: Partial<CoapRequest>) => ({ payload: new Uint8Array(0), ...fields }) as CoapRequest;

test.each([
  ["an unknown Accept can't be met", { accept: 0, contentFormat: 60 }, 60, undefined],
  ["Accept goes first", { accept: 60, contentFormat: 50 }, 50, 60],
  ["then the body's own format", { contentFormat: 60 }, 50, 60],
  ["then that of the registration", {}, 60, 60],
  ["a registration in another format doesn't count", {}, 40, 50],
  ["else JSON", {}, undefined, 50],
])("%s", (_name, fields, registered, expected) => {
  expect(answerFormat(request(fields), registered)).toBe(expected);
});

test("a body in another format is 4.15, one that breaks the schema 4.00 with the rule and its place", () => {
  const body = bodyOf(request({ payload: Uint8Array.of(1), contentFormat: 0 }), "mode");
  expect(!body.ok && body.answer.code).toBe(0x8f);
  const wrong = bodyOf(request({ payload: new TextEncoder().encode('{"mode":"asleep"}'), contentFormat: 50 }), "mode");
  expect(!wrong.ok && wrong.answer.code).toBe(0x80);
  expect(!wrong.ok && text(wrong.answer.payload)).toContain("/mode: must be one of operational, maintenance");
});

test("a body without Content-Format is told apart by its first byte", () => {
  const json = bodyOf(request({ payload: new TextEncoder().encode('{"mode":"operational"}') }), "mode");
  expect(json).toMatchObject({ ok: true, value: { mode: "operational" } });
  const cbor = bodyOf(request({ payload: Uint8Array.of(0xa1, 0x01, 0x01) }), "mode");
  expect(cbor).toMatchObject({ ok: true, value: { mode: "operational" } });
});

test("an aged message is still that message for who reads only the message", () => {
  const value = { status: "healthy", uptime: 5 } as const;
  for (const accept of [50, 60]) {
    const { payload = new Uint8Array(0) } = agedMessage(request({ accept }), "status-report", { value, ageMs: 12_900 });
    expect(decode("status-report", payload, accept)).toEqual({ ok: true, value });
  }
  expect(text(agedMessage(request({}), "status-report", { value, ageMs: 12_900 }).payload)).toContain('"age":12}');
  expect(text(agedMessage(request({}), "status-report", { value: {}, ageMs: 0 }).payload)).toBe('{"age":0}');
});

test("lists are arrays of messages in either format", () => {
  const modes = [{ mode: "operational" }, { mode: "maintenance", reason: "why" }] as const;
  expect(JSON.parse(text(messages(request({}), "mode", modes).payload))).toEqual(modes);
  const cbor = readCbor(messages(request({ accept: 60 }), "mode", modes).payload ?? new Uint8Array(0));
  expect(cbor).toMatchObject({
    ok: true,
    value: [
      new Map([[1, 1]]),
      new Map<number, unknown>([
        [1, 2],
        [2, "why"],
      ]),
    ],
  });
});

test("a view says the same in CBOR as in JSON", () => {
  const value = { total: 2, nodes: [{ id: "a", age: 1.5, late: false, none: null }] };
  const read = readCbor(view(request({ accept: 60 }), value).payload ?? new Uint8Array(0));
  const node = new Map<string, unknown>([
    ["id", "a"],
    ["age", 1.5],
    ["late", false],
    ["none", null],
  ]);
  expect(read).toMatchObject({
    ok: true,
    value: new Map<string, unknown>([
      ["total", 2],
      ["nodes", [node]],
    ]),
  });
  expect(view(request({ accept: 0 }), value).code).toBe(0x86);
});
