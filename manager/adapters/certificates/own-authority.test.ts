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
import { revokedSerials } from "./revoked-serials.ts";

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
  const { certificate, key = "", ca } = again.certify("porch", 0x80_00_a3_7c);
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

const compare = (a: string, b: string): number => (a < b ? -1 : 1);

/** A request as the openssl program makes it, in the folder. */
function requested(name: string, ...words: readonly string[]): string {
  const [key, out] = [join(folder, `${name}.key`), join(folder, `${name}.csr`)];
  const how = words.length > 0 ? words : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const subject = ["-subj", "/CN=somebody else", "-addext", "subjectAltName=URI:urn:coxswain:node:garage"];
  execFileSync("openssl", ["req", "-new", "-nodes", "-keyout", key, "-out", out, ...how, ...subject], {
    stdio: "pipe",
  });
  return readFileSync(out, "utf8");
}

test("a request of another key, an unproven one and one that isn't one are refused with what to do", () => {
  const authority = open("requests.json");
  const good = requested("good");
  const body = Buffer.from(good.replace(/-----[^-]+-----/g, ""), "base64");
  const cut = (bytes: Buffer): string =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  const altered = Buffer.from(body);
  altered[altered.length - 5]! ^= 1;
  for (const [request, reason] of [
    [requested("rsa", "-newkey", "rsa:2048"), "isn't on P-256"],
    [requested("p384", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"), "isn't on P-256"],
    [requested("sha1", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha384"), "ECDSA with SHA-256"],
    ["", "no block"],
    [cut(Buffer.from("nonsense")), "tag"],
    [cut(body.subarray(0, -1)), "length"],
    [cut(Buffer.concat([body, Buffer.of(0)])), "left over"],
    [cut(altered), "signature"],
    [`${good}${"x".repeat(9000)}`, "characters"],
  ] as const) {
    expect(() => authority.certify("porch", 1, request)).toThrow(
      expect.objectContaining({ code: "certificates.bad-request", message: expect.stringContaining(reason) }),
    );
  }
});

test("every byte of a request that is altered or cut leaves it refused, and nothing else happens", () => {
  const authority = open("mutated.json");
  const body = Buffer.from(requested("mutated").replace(/-----[^-]+-----/g, ""), "base64");
  const pemOf = (bytes: Buffer): string =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  for (let at = 0; at < body.length; at++) {
    for (const wrong of [body.subarray(0, at), Buffer.from(body.map((byte, i) => (i === at ? byte ^ 0x41 : byte)))]) {
      expect(() => authority.certify("porch", 1, pemOf(wrong))).toThrow(
        expect.objectContaining({ code: "certificates.bad-request" }),
      );
    }
  }
});

test("a request gets the names that the CA says, for its own key", () => {
  const { certificate, key, serial, fingerprint } = open("request.json").certify("porch", 7, requested("own"));
  const made = new X509Certificate(certificate);
  expect(key).toBeUndefined();
  expect(made.checkPrivateKey(createPrivateKey(readFileSync(join(folder, "own.key"))))).toBe(true);
  expect(made.subjectAltName).toBe("URI:urn:coxswain:node:porch");
  expect(made.subject).toBe("CN=porch");
  expect([made.serialNumber.toLowerCase(), made.fingerprint256]).toEqual([serial, fingerprint]);
});

test("the openssl program reads the revocation list, and refuses whom it names and nobody else", () => {
  const authority = open("revocations.json");
  const nowMs = Date.UTC(2026, 10, 21);
  const [lost, kept] = [authority.certify("lost", 0x17), authority.certify("kept", 0x80_00_00_00)];
  const many = Array.from({ length: 3000 }, (_, n) => ({ serial: (n + 0x1000_0000).toString(16), atMs: nowMs }));
  for (const others of [[], many]) {
    const revoked = [...others, { serial: lost.serial, atMs: nowMs }];
    const { der: list, pem } = authority.revocations({ number: 300, nextAtMs: nowMs + 86_400_000 * 7, revoked });
    writeFileSync(join(folder, "list.der"), list);
    expect([...revokedSerials(pem)].sort(compare)).toEqual(
      revoked.map(({ serial }) => serial.replace(/^0+/, "")).sort(compare),
    );
    const crl = ["crl", "-inform", "der", "-in", join(folder, "list.der")];
    const text = execFileSync("openssl", [...crl, "-noout", "-text"], { encoding: "utf8", maxBuffer: 2 ** 24 });
    expect(text).toMatch(/X509v3 CRL Number:\s+300\s/);
    writeFileSync(join(folder, "list.pem"), pem);
    expect(execFileSync("openssl", crl, { encoding: "utf8", maxBuffer: 2 ** 24 })).toBe(pem);
    writeFileSync(join(folder, "both.pem"), authority.ca);
    const verified = (certificate: string): string => {
      writeFileSync(join(folder, "leaf.pem"), certificate);
      const time = ["-attime", String(nowMs / 1000 + 3600)];
      const files = ["-CAfile", join(folder, "both.pem"), "-CRLfile", join(folder, "list.pem")];
      const words = ["verify", "-crl_check", ...time, ...files, join(folder, "leaf.pem")];
      try {
        return execFileSync("openssl", words, { encoding: "utf8", stdio: "pipe" });
      } catch (error) {
        return String((error as { stderr: string }).stderr);
      }
    };
    expect(verified(lost.certificate)).toContain("certificate revoked");
    expect(verified(kept.certificate)).toContain("OK");
  }
  const { der: none } = authority.revocations({ number: 1, nextAtMs: nowMs + 1000, revoked: [] });
  writeFileSync(join(folder, "list.der"), none);
  const empty = ["crl", "-inform", "der", "-in", join(folder, "list.der"), "-noout", "-text"];
  expect(execFileSync("openssl", empty, { encoding: "utf8" })).toContain("No Revoked Certificates");
});
