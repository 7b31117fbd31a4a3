import { expect, test } from "vitest";
import { Fault } from "../fault.ts";
import { isSecretName, loggable } from "./loggable.ts";

test("names of secrets are recognised by whole words in any spelling", () => {
  for (const name of [
    "password",
    "wifiPassword",
    "mqtt_password",
    "PASSWORDS",
    "userpassword",
    "apiKey",
    "API_KEY",
    "key",
  ]) {
    expect(isSecretName(name), name).toBe(true);
  }
  for (const name of ["pin", "tlsPin", "token", "access-token", "clientSecret", "psk", "Authorization", "set-cookie"]) {
    expect(isSecretName(name), name).toBe(true);
  }
  for (const name of ["ping", "keyboard", "mapping", "monkey", "spinning", "keepAlive", "tokenise", "topic"]) {
    expect(isSecretName(name), name).toBe(false);
  }
});

test("secrets are replaced at any depth, in lists, in errors and in URLs", () => {
  const line = JSON.stringify(
    loggable({
      wifi: [{ ssid: "home", password: "hunter2" }],
      mqtt: { user: "node-1", key: new Uint8Array([1, 2, 3]), url: "mqtt://node-1:hunter2@127.0.0.1:1883/x" },
      failure: new Fault(
        "a.b",
        "peer",
        "No.",
        { token: "hunter2", port: 1 },
        Object.assign(new Error("x"), { secret: "hunter2" }),
      ),
      tokens: ["hunter2"],
    }),
  );
  expect(line).not.toContain("hunter2");
  expect(line).toContain("home");
  expect(line).toContain("mqtt://node-1:[redacted]@127.0.0.1");
  expect(line).toContain('"port":1');
});

test("an absent secret is shown as absent", () => {
  expect(loggable({ password: null, key: undefined })).toEqual({ password: null, key: undefined });
});

test("what would blow up a line is bounded: cycles, long lists, long texts, many bytes, many keys", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(JSON.stringify(loggable(cycle))).toContain("[too deep]");
  expect(loggable(new Array(1000).fill(1))).toHaveLength(65);
  expect(String(loggable("x".repeat(100_000))).length).toBeLessThan(5000);
  expect(loggable(new Uint8Array(1000))).toBe(`${"00".repeat(16)}... (1000 bytes)`);
  expect(
    Object.keys(loggable(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`k${i}`, i]))) as object),
  ).toHaveLength(65);
});

test("values that JSON can't hold become text", () => {
  expect(loggable({ a: 1n, b: Symbol("s"), c: new Map([["x", new Set([1])]]), d: new Date(Number.NaN) })).toEqual({
    a: "1",
    b: "Symbol(s)",
    c: { x: [1] },
    d: "[invalid date]",
  });
});
