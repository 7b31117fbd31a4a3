import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { AesSecretBox } from "../storage/aes-secret-box.ts";
import { writeOwnFile } from "../storage/own-file.ts";
import { OwnAuthority } from "./own-authority.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-authority-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const entropy = seededEntropy(1);
const clock = new VirtualClock({ startWallMs: Date.UTC(2026, 10, 21) });
const box = (fill = 1) => new AesSecretBox({ key: new Uint8Array(32).fill(fill), entropy });
const open = (name: string, fill?: number) =>
  new OwnAuthority({
    ...{ file: join(folder, name), box: box(fill), clock, entropy },
    writeNew: (file, text) => writeOwnFile(file, text, { isNew: true }),
  });

test("another key file, a damaged file and a folder in its place are refused, and the file stays", () => {
  const { ca } = open("refused.json");
  expect(() => open("refused.json", 2)).toThrowError(expect.objectContaining({ code: "authority.unreadable" }));
  writeFileSync(join(folder, "damaged.json"), "{}");
  expect(() => open("damaged.json")).toThrowError(expect.objectContaining({ code: "authority.unreadable" }));
  expect(() => open(".")).toThrowError(expect.objectContaining({ code: "authority.unreadable" }));
  expect(open("refused.json").ca).toBe(ca);
});

test("its key is in the file sealed alone", () => {
  open("sealed.json");
  expect(readFileSync(join(folder, "sealed.json"), "utf8")).not.toContain("PRIVATE");
  const { key } = JSON.parse(readFileSync(join(folder, "sealed.json"), "utf8")) as { key: string };
  expect(() => createPrivateKey({ key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" })).toThrow();
});

test("a node's certificate names the node and its kid, and is the CA's, also after a restart", () => {
  const first = open("node.json");
  const again = open("node.json");
  const { certificate, key, ca } = again.certify("porch", 0x80_00_a3_7c);
  const made = new X509Certificate(certificate);
  expect(ca).toBe(first.ca);
  expect(made.verify(new X509Certificate(ca).publicKey)).toBe(true);
  expect(made.checkIssued(new X509Certificate(ca))).toBe(true);
  expect(made.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(made.subjectAltName).toBe("URI:urn:coxswain:node:porch");
  expect(made.serialNumber).toMatch(/^8000A37C[0-9A-F]{16}$/);
  expect(made.ca).toBe(false);
  expect(made.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
  expect(new X509Certificate(ca).ca).toBe(true);
});

test("the openssl program finds all of it in order, for what it is made for and nothing else", () => {
  const authority = open("openssl.json");
  const hosts = ["127.0.0.1", "fe80::1:2", "::", "manager.example"];
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const ca = write("ca.pem", authority.ca);
  const server = write("server.pem", authority.serverCertificate(hosts).cert);
  const node = write("node.pem", authority.certify("porch", 1).certificate);
  const time = ["-attime", String(Date.UTC(2026, 10, 22) / 1000)];
  const verify = (words: readonly string[]): string =>
    execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, ...time, ...words], { encoding: "utf8" });
  expect(verify(["-purpose", "sslserver", "-verify_ip", "127.0.0.1", server])).toContain("OK");
  expect(verify(["-purpose", "sslserver", "-verify_ip", "fe80::1:2", server])).toContain("OK");
  expect(verify(["-purpose", "sslserver", "-verify_hostname", "manager.example", server])).toContain("OK");
  expect(verify(["-purpose", "sslclient", node])).toContain("OK");
  for (const wrong of [
    ["-purpose", "sslclient", server],
    ["-purpose", "sslserver", node],
    ["-purpose", "sslserver", "-verify_ip", "127.0.0.2", server],
  ]) {
    expect(() => execFileSync("openssl", ["verify", "-CAfile", ca, ...time, ...wrong], { stdio: "pipe" })).toThrow();
  }
});
