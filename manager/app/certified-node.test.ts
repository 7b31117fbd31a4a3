import { expect, test } from "vitest";
import type { KeyringEntry } from "./api/credentials.ts";
import { certifiedNode } from "./certified-node.ts";

const random = [9, 9, 9, 9, 9, 9, 9, 9];
const entry = (kid: number, scheme: "x509" | "psk" = "x509"): KeyringEntry => ({
  ...{ node: "porch", kid, isFresh: false },
  secrets: scheme === "x509" ? { scheme } : { scheme, key: new Uint8Array(24) },
});
const keyring = {
  find: (kid: number) =>
    kid === 0x0000_a37c || kid === 0x80_00_00_01 ? entry(kid) : kid === 5 ? entry(5, "psk") : undefined,
  ofCertificate: (node: string) => (node === "porch" ? entry(7) : undefined),
};
const uris = ["urn:coxswain:node:porch"];
const kidOf = (serial: readonly number[], names: readonly string[] = uris, isOwnCa = true) =>
  certifiedNode(keyring, { uris: names, serial: Uint8Array.from(serial) }, isOwnCa)?.kid;

test.each([
  ["another node's name", [0x80, 0, 0, 1, ...random], ["urn:coxswain:node:garage"]],
  ["no name", [0x80, 0, 0, 1, ...random], []],
  ["two names", [0x80, 0, 0, 1, ...random], [...uris, "urn:coxswain:node:garage"]],
  ["a name that is no node's", [0x80, 0, 0, 1, ...random], ["urn:coxswain:node:"]],
  ["a server's name", [0x80, 0, 0, 1, ...random], ["https://porch"]],
  ["a kid that was revoked or never was", [0x80, 0, 0, 2, ...random], uris],
  ["the kid of another scheme", [5, ...random], uris],
  ["a serial number that is too long", [1, 0x80, 0, 0, 1, ...random], uris],
  ["an empty serial number", [], uris],
])("a certificate with %s is nobody's", (_, serial, names) => {
  expect(kidOf(serial, names)).toBeUndefined();
});

test("the serial number says which credential it is, also where the kid begins with zeros that DER leaves out", () => {
  expect(kidOf([0x80, 0, 0, 1, ...random])).toBe(0x80_00_00_01);
  expect(kidOf([0xa3, 0x7c, ...random])).toBe(0xa37c);
});

test("of somebody else's CA the name alone counts, of nodes that were let in", () => {
  expect(kidOf([1], uris, false)).toBe(7);
  expect(kidOf([1], ["urn:coxswain:node:garage"], false)).toBeUndefined();
});
