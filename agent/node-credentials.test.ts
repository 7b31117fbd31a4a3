import { describe, expect, test } from "vitest";
import { Fault } from "../kernel/fault.ts";
import { parseManagerAddress } from "./manager-address.ts";
import { parseNodeCredentials } from "./node-credentials.ts";

const secret = "0102030405060708090a0b0c0d0e0f10";
const oscore = { masterSecret: secret, masterSalt: "9e7c", senderId: "00000001", recipientId: "" };

function refusal(value: unknown): string {
  try {
    parseNodeCredentials(typeof value === "string" ? value : JSON.stringify(value));
  } catch (error) {
    if (error instanceof Fault && error.code === "agent.bad-credentials") return error.message;
    throw error;
  }
  return "taken";
}

describe("a credentials file", () => {
  test.each([
    ["{", "aren't JSON"],
    [{ id: "porch" }, "neither oscore nor dtls"],
    [{ id: "Porch", oscore }, "isn't a node id"],
    [{ oscore, wifi: 1 }, '"wifi"'],
    [{ oscore: { ...oscore, masterSecret: "00" } }, "oscore.masterSecret hasn't 16 to 32 bytes"],
    [{ oscore: { ...oscore, senderId: "0g" } }, "oscore.senderId isn't hexadecimal"],
    [{ dtls: { psk: { identity: "a", key: "00" } } }, "dtls.psk.key"],
    [{ dtls: { psk: { identity: "a", key: secret }, ca: "x" } }, "both"],
    [{ dtls: { certificate: "c", key: "k" } }, "dtls.ca"],
    ["x".repeat(9000), "more than 8192"],
  ])("that is %j is refused", (value, reason) => {
    const message = refusal(value);
    expect(message).toContain(reason);
    expect(message).not.toContain(secret);
  });

  test("is read as `coxswain node add` writes it", () => {
    const read = parseNodeCredentials(JSON.stringify({ id: "porch", oscore, vendor: "example.com", anchors: "80" }));
    expect(read).toMatchObject({ id: "porch", vendor: "example.com" });
    expect(read.oscore?.masterSecret).toHaveLength(16);
    expect(read.oscore?.recipientId).toHaveLength(0);
    const psk = parseNodeCredentials(JSON.stringify({ dtls: { psk: { identity: "gate", key: secret } } })).psk;
    expect(psk?.identity).toBe("gate");
  });
});

test("a manager's address has scheme and host, and the port of its scheme", () => {
  expect(parseManagerAddress("coap://10.0.0.1")).toEqual({ isDtls: false, host: "10.0.0.1", port: 5683 });
  expect(parseManagerAddress("coaps://[::1]:1234")).toEqual({ isDtls: true, host: "::1", port: 1234 });
  for (const text of ["10.0.0.1", "http://a", "coap://a:0", "coap://a:70000", "coap://a/b"])
    expect(() => parseManagerAddress(text)).toThrow(/coap:\/\/HOST:PORT/);
});
