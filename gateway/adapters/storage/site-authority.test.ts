import { execFileSync } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../../kernel/virtual-clock.ts";
import { SiteAuthority } from "./site-authority.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-site-ca-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Records in memory that fail when they are told to. */
class Records {
  readonly stored = new Map<string, unknown>();
  isFailing: boolean = false;

  load = async (name: string): Promise<unknown> => {
    if (this.isFailing) throw new Error("EIO");
    return this.stored.get(name);
  };

  store = async (name: string, value: unknown): Promise<void> => {
    if (this.isFailing) throw new Error("ENOSPC");
    this.stored.set(name, structuredClone(value));
  };
}

const options = (records: Records, title = "Linden Street 7, Ground Floor") => ({
  ...{ records, title, entropy: seededEntropy(1) },
  clock: new VirtualClock({ startWallMs: Date.now() }),
});

/** openssl's verdict on a certificate of that CA. */
function verify(ca: string, cert: string): string {
  const [caFile, certFile] = [join(folder, "ca.pem"), join(folder, "cert.pem")];
  writeFileSync(caFile, ca);
  writeFileSync(certFile, cert);
  try {
    return execFileSync("openssl", ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", caFile, certFile], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    return String((error as { stderr?: string }).stderr);
  }
}

describe("a household's CA", () => {
  let authority: SiteAuthority;
  beforeAll(async () => {
    authority = await SiteAuthority.open(options(new Records()));
  });

  test("isn't made anew where there is one that can't be read, or that was altered", async () => {
    const records = new Records();
    await SiteAuthority.open(options(records));
    records.isFailing = true;
    await expect(SiteAuthority.open(options(records))).rejects.toMatchObject({ code: "gateway.authority-unreadable" });
    records.isFailing = false;
    const other = await SiteAuthority.open({ ...options(new Records()), entropy: seededEntropy(2) });
    const stored = records.stored.get("site-ca") as { ca: string };
    for (const broken of [{}, { ...stored, key: "x" }, { ...stored, ca: other.ca }, "text", null]) {
      records.stored.set("site-ca", broken);
      await expect(SiteAuthority.open(options(records)), JSON.stringify(broken)).rejects.toMatchObject({
        code: "gateway.authority-unreadable",
      });
    }
  });

  test.each([
    ...[["example.com"], ["bank.example"], ["8.8.8.8"], ["2001:db8::1"], ["gateway.local", "example.com"]],
    ...[["172.32.0.1"], ["local.example.com"], ["notlocal"]],
  ])("certifies nothing but homes: phones refuse what it signs for %s", (...hosts) => {
    expect(verify(authority.ca, authority.serverCertificate(hosts).cert)).toMatch(/permitted subtree violation/);
  });

  test("certifies the gateway at its names and addresses, as openssl finds", () => {
    const hosts = ["gateway.local", "192.168.1.5", "10.0.0.7", "172.31.255.254", "fd12::5", "fe80::1", "gw.home.arpa"];
    const { cert, key, validUntilMs } = authority.serverCertificate(hosts);
    expect(verify(authority.ca, cert)).toContain("OK");
    const leaf = new X509Certificate(cert);
    expect(leaf.checkIP("192.168.1.5")).toBe("192.168.1.5");
    expect(leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(validUntilMs - Date.now()).toBeLessThan(826 * 86_400_000);
    // Phones get the chain, and the CA in it is the one that they know by its fingerprint.
    expect(cert.split("BEGIN CERTIFICATE")).toHaveLength(3);
    const ca = new X509Certificate(authority.ca);
    expect(authority.fingerprint).toBe(`sha256:${ca.fingerprint256.replaceAll(":", "").toLowerCase()}`);
  });

  test("is the same after a restart, and signs on", async () => {
    const records = new Records();
    const first = await SiteAuthority.open(options(records));
    const second = await SiteAuthority.open({ ...options(records, "another name"), entropy: seededEntropy(3) });
    expect(second.ca).toBe(first.ca);
    expect(verify(first.ca, second.serverCertificate(["192.168.1.5"]).cert)).toContain("OK");
  });

  test("is told of only when it is stored", async () => {
    const records = new Records();
    records.load = async () => undefined;
    records.isFailing = true;
    await expect(SiteAuthority.open(options(records))).rejects.toThrow("ENOSPC");
  });
});
