import { execFile, execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, test as anyTest, beforeAll, expect } from "vitest";
import type { AuditPage } from "../../manager/app/api/audit.ts";
import type { CertificatePage } from "../../manager/app/api/certificates.ts";
import { hasDtls } from "./dtls-harness.ts";
import { soon, type TestManager, testManager } from "./manager-harness.ts";

const program = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const flags = { insecure: false, poll: "10", report: "10" };
const folder = mkdtempSync(join(tmpdir(), "coxswain-ca-"));

/** Where there is no DTLS, nodes get no certificates. */
const test = anyTest.runIf(hasDtls());

let manager: TestManager;
beforeAll(async () => {
  manager = await testManager({ flags });
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

const token = () => readFileSync(join(manager.folder, "admin-token"), "utf8").trim();

function coxswain(...args: string[]) {
  const env = { ...process.env, COXSWAIN_URL: manager.urls.http, COXSWAIN_TOKEN: token() };
  return new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [program, ...args], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

const ask = (path: string, method = "GET", body?: unknown) =>
  fetch(`${manager.urls.http}${path}`, {
    method,
    headers: { authorization: `Bearer ${token()}`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

function openssl(...words: string[]): string {
  try {
    return execFileSync("openssl", words, { cwd: folder, encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    return stdout + stderr;
  }
}

/** What the openssl program says of a certificate, with the list that everybody may fetch now. */
async function checked(file: string): Promise<string> {
  const list = await fetch(`${manager.urls.http}/ca.crl`);
  expect(list.headers.get("content-type")).toBe("application/pkix-crl");
  writeFileSync(join(folder, "now.crl"), new Uint8Array(await list.arrayBuffer()));
  writeFileSync(join(folder, "now.pem"), await (await fetch(`${manager.urls.http}/ca.pem`)).text());
  openssl("crl", "-inform", "der", "-in", "now.crl", "-out", "now.crl.pem");
  return openssl("verify", "-crl_check", "-CAfile", "now.pem", "-CRLfile", "now.crl.pem", file);
}

test("what can't be made, renewed or revoked is refused with what to do", async () => {
  for (const hosts of [[], ["a b"], ["https://x"], ["x/y"], [""], Array.from({ length: 17 }, (_, n) => `h${n}`)]) {
    const response = await ask("/api/v1/ca/certificates", "POST", { hosts });
    expect([response.status, await codeOf(response)], String(hosts)).toEqual([400, "bad-body"]);
  }
  for (const body of [{}, { hosts: "x" }, { hosts: [1] }, { hosts: ["x"], request: 1 }]) {
    expect((await ask("/api/v1/ca/certificates", "POST", body)).status).toBe(400);
  }
  const request = await ask("/api/v1/ca/certificates", "POST", { hosts: ["x"], request: "nonsense" });
  expect([request.status, await codeOf(request)]).toEqual([400, "bad-certificate-request"]);
  expect(await codeOf(await ask("/api/v1/ca/certificates/00ff", "DELETE"))).toBe("unknown-certificate");
  expect(await codeOf(await ask("/api/v1/ca/certificates/00ff/renew", "POST", {}))).toBe("unknown-certificate");
  const wrong = await ask("/api/v1/nodes/porch/credentials", "POST", { scheme: "psk", request: "x" });
  expect(wrong.status).toBe(400);
  expect((await fetch(`${manager.urls.http}/api/v1/ca/certificates`)).status).toBe(401);
  expect((await coxswain("ca", "issue", "x", "--csr", "missing.csr")).err).toContain("can't be read (ENOENT)");
  expect((await coxswain("node", "add", "porch", "--csr", program)).err).toContain("Give --x509 too");
  expect((await coxswain("ca", "list", "--expiring", "soon")).code).toBe(2);
});

test("the CA is shown with the fingerprint of its certificate", async () => {
  const { out } = await coxswain("ca", "show", "--out", "ca.pem");
  const { fingerprint256 } = new X509Certificate(readFileSync(join(folder, "ca.pem")));
  expect(out).toContain(fingerprint256);
  expect(readFileSync(join(manager.folder, "ca.pem"), "utf8")).toBe(readFileSync(join(folder, "ca.pem"), "utf8"));
  expect((await coxswain("ca", "show", "--out", "ca.pem")).err).toContain("already");
});

test("a server's certificate is made, renewed for the same hosts, and revoked alone", async () => {
  expect((await coxswain("ca", "issue", "broker.example", "192.0.2.1", "--out", "broker")).code).toBe(0);
  expect(statSync(join(folder, "broker.key")).mode & 0o777).toBe(0o600);
  const made = new X509Certificate(readFileSync(join(folder, "broker.pem")));
  expect(made.checkPrivateKey(createPrivateKey(readFileSync(join(folder, "broker.key"))))).toBe(true);
  expect(made.subjectAltName).toBe("DNS:broker.example, IP Address:192.0.2.1");
  expect(await checked("broker.pem")).toContain("OK");
  expect((await coxswain("ca", "issue", "broker.example", "--out", "broker")).err).toContain("already");

  const serial = made.serialNumber.toLowerCase();
  const renewed = await coxswain("ca", "renew", serial, "--out", "renewed", "--json");
  expect(JSON.parse(renewed.out)).toMatchObject({ hosts: ["broker.example", "192.0.2.1"] });
  expect(renewed.out).not.toContain("PRIVATE");
  expect((await coxswain("ca", "revoke", serial)).code).toBe(0);
  expect(await checked("broker.pem")).toContain("certificate revoked");
  expect(await checked("renewed.pem")).toContain("OK");
  const list = (await coxswain("ca", "list")).out;
  expect(list).toMatch(new RegExp(`server +broker.example 192.0.2.1 +revoked .*${serial}`));
  expect((await coxswain("ca", "list", "--expiring", "1")).out).toContain("No certificate runs out within 1 day");
  expect((await coxswain("nodes")).out).toContain("coxswain node add");
  expect((await coxswain("nodes", "--model", "none")).out).toBe("No node matches.\n");
  expect((await coxswain("ca", "list", "--expiring", "1000")).out).not.toContain(serial);
});

test("a node's own key never leaves it: its request is signed, for its id alone", async () => {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "node.key"];
  openssl("req", "-new", ...key, "-subj", "/CN=anything", "-out", "node.csr");
  const { code, err } = await coxswain("node", "add", "shed", "--x509", "--csr", "node.csr", "--out", "shed.json");
  expect(code, err).toBe(0);
  const { dtls } = JSON.parse(readFileSync(join(folder, "shed.json"), "utf8")) as { dtls: Record<string, string> };
  expect(dtls).not.toHaveProperty("key");
  const made = new X509Certificate(dtls["certificate"] ?? "");
  expect(made.subjectAltName).toBe("URI:urn:coxswain:node:shed");
  expect(made.checkPrivateKey(createPrivateKey(readFileSync(join(folder, "node.key"))))).toBe(true);
});

test("the list names a node's certificate when its credentials are revoked, also after a restart and after the node is gone", async () => {
  await coxswain("node", "add", "cellar", "--x509", "--out", "cellar.json");
  const { dtls } = JSON.parse(readFileSync(join(folder, "cellar.json"), "utf8")) as { dtls: { certificate: string } };
  writeFileSync(join(folder, "cellar.pem"), dtls.certificate);
  expect(await checked("cellar.pem")).toContain("OK");
  const serial = new X509Certificate(dtls.certificate).serialNumber.toLowerCase();
  const refused = await ask(`/api/v1/ca/certificates/${serial}`, "DELETE");
  expect(refused.status).toBe(409);
  expect(await refused.text()).toContain("of the node cellar");
  expect((await coxswain("node", "revoke", "cellar")).code).toBe(0);
  expect(await checked("cellar.pem")).toContain("certificate revoked");
  await manager.app.registry.register({
    manifest: { id: "cellar" as never },
    path: { address: "127.0.0.1", port: 9, family: 4 },
    ...{ identity: "credential", face: "register" },
  });
  expect((await ask("/api/v1/nodes/cellar", "DELETE")).status).toBe(204);
  const numberBefore = listNumber();
  await manager.end({ keepsFolder: true });
  manager = await testManager({ flags, folder: manager.folder });
  expect(await checked("cellar.pem")).toContain("certificate revoked");
  expect(listNumber()).toBeGreaterThan(numberBefore);
  // The file for programs on this machine says the same.
  const file = join(manager.folder, "ca.crl");
  await soon(
    () => (existsSync(file) ? openssl("crl", "-in", file, "-noout", "-text") : ""),
    (text) => text.toLowerCase().includes(serial.replace(/^0+/, "")),
  );
});

/** Of the list that was fetched last. */
function listNumber(): number {
  const text = openssl("crl", "-inform", "der", "-in", "now.crl", "-noout", "-text");
  return Number(/CRL Number:\s+(\d+)/.exec(text)?.[1]);
}

test("the list names an operator's certificate when it is revoked or replaced, or its owner removed, also after a restart", async () => {
  const by = { kind: "operator", id: "test" } as const;
  const { operators } = manager.app;
  for (const name of ["ann", "ben", "cid", "dan"]) {
    await operators.add(name, "viewer", [], by);
    const issued = await operators.issueCertificate(name, by);
    if (typeof issued === "string") throw new Error(issued);
    writeFileSync(join(folder, `${name}.pem`), issued.certificate);
    expect(await checked(`${name}.pem`), name).toContain("OK");
  }
  expect(await operators.revokeKey("ann", by)).toBe("revoked");
  expect(typeof (await operators.issueCertificate("ben", by))).toBe("object");
  await operators.remove("cid", by);
  const areListed = async () => {
    for (const name of ["ann", "ben", "cid"])
      expect(await checked(`${name}.pem`), name).toContain("certificate revoked");
    expect(await checked("dan.pem")).toContain("OK");
  };
  await areListed();
  await manager.end({ keepsFolder: true });
  manager = await testManager({ flags, folder: manager.folder });
  await areListed();
  expect(await manager.app.operators.revokeKey("dan", by)).toBe("revoked");
  expect(await checked("dan.pem")).toContain("certificate revoked");
});

test("rotation puts the old certificate on the list and not the new one", async () => {
  await coxswain("node", "add", "loft", "--x509", "--out", "loft1.json");
  await coxswain("node", "add", "loft", "--x509", "--out", "loft2.json");
  const read = (name: string) =>
    (JSON.parse(readFileSync(join(folder, name), "utf8")) as { dtls: { certificate: string } }).dtls.certificate;
  writeFileSync(join(folder, "loft1.pem"), read("loft1.json"));
  writeFileSync(join(folder, "loft2.pem"), read("loft2.json"));
  // The first was never used, so the second replaces it at once.
  expect(await checked("loft1.pem")).toContain("certificate revoked");
  expect(await checked("loft2.pem")).toContain("OK");
});

test("what was made and revoked is in the audit with who did it, and no key is", async () => {
  const page = (await (await ask("/api/v1/audit?limit=1000")).json()) as AuditPage;
  const kinds = new Set(page.entries.map(({ entry }) => entry.what));
  for (const what of ["certificate-issued", "certificate-renewed", "certificate-revoked", "credential-issued"]) {
    expect(kinds).toContain(what);
  }
  expect(JSON.stringify(page)).not.toContain("PRIVATE");
});

test("certificates are listed page by page, servers first", async () => {
  const found: string[] = [];
  for (let after = ""; ; ) {
    const path = `/api/v1/ca/certificates?limit=2${after === "" ? "" : `&after=${encodeURIComponent(after)}`}`;
    const page = (await (await ask(path)).json()) as CertificatePage;
    found.push(...page.certificates.map(({ role, serial }) => `${role} ${serial}`));
    if (page.next === undefined) break;
    after = page.next;
  }
  const all = (await (await ask("/api/v1/ca/certificates?limit=1000")).json()) as CertificatePage;
  expect(found).toEqual(all.certificates.map(({ role, serial }) => `${role} ${serial}`));
  expect(found.findLastIndex((each) => each.startsWith("server"))).toBeLessThan(
    found.findIndex((each) => each.startsWith("node")),
  );
});
