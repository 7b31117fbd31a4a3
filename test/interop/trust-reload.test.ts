import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { hasDtls, TestCa } from "../integration/dtls-harness.ts";
import { soon } from "../integration/manager-harness.ts";
import { startOutside } from "./manager-outside.ts";
import { WholeManager } from "./whole-manager.ts";

/** The certificate that `openssl s_client` is shown. */
async function shown(url: string): Promise<X509Certificate> {
  const { port, protocol } = new URL(url);
  const way = protocol === "coaps:" ? ["-dtls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"] : [];
  const asked = ["s_client", "-connect", `127.0.0.1:${port}`, ...way, "-servername", "localhost"];
  const client = startOutside("openssl", asked);
  // It has the certificate before the handshake is over, which goes no further without one of its own.
  const text = await soon(
    () => client.out(),
    (out) => out.includes("-----END CERTIFICATE-----"),
  );
  client.child.kill("SIGKILL");
  await client.ended;
  return new X509Certificate(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/.exec(text)?.[0] ?? "");
}

describe.runIf(hasDtls())("certificates change while the manager runs, seen by openssl s_client", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-reload-"));
  const ca = new TestCa();
  afterAll(() => {
    ca.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function started(flags: readonly string[]): Promise<WholeManager> {
    const manager = await WholeManager.start(flags);
    onTestFinished(() => manager.end());
    return manager;
  }
  const serials = async ({ urls }: WholeManager): Promise<string[]> =>
    await Promise.all([urls.https, urls.mqtts, urls.coaps].map(async (url) => (await shown(url)).serialNumber));

  test("given files that were replaced are shown by HTTPS, MQTT and DTLS; a key of another one leaves all as they are", async () => {
    const [first, second] = [ca.issue("IP:127.0.0.1"), ca.issue("IP:127.0.0.1")];
    const [certificate, key] = [join(folder, "given.pem"), join(folder, "given.key")];
    const use = (name: "certFile" | "keyFile", from: typeof first): void =>
      copyFileSync(from[name], name === "certFile" ? certificate : key);
    use("certFile", first);
    use("keyFile", first);
    const manager = await started([
      ...["--tls-certificate", certificate, "--tls-key", key],
      ...["--coaps-certificate", certificate, "--coaps-key", key, "--coaps-ca", ca.caFile],
    ]);
    const [before, after] = [first, second].map(({ cert }) => new X509Certificate(cert).serialNumber);
    expect(await serials(manager)).toEqual([before, before, before]);
    use("certFile", second);
    manager.hangUp();
    await soon(
      () => manager.log,
      (log) => log.includes("coaps-certificate-unusable") && log.includes("tls-certificate-unusable"),
    );
    expect(await serials(manager)).toEqual([before, before, before]);
    use("keyFile", second);
    manager.hangUp();
    await soon(
      () => serials(manager),
      (seen) => seen.every((serial) => serial === after),
    );
    expect(manager.log).not.toContain("PRIVATE KEY");
  });

  test("those that the manager's own CA made are made anew on demand, by the same CA and for the same names", async () => {
    const manager = await started([]);
    const before = await serials(manager);
    manager.hangUp();
    await soon(
      () => serials(manager),
      (seen) => seen.every((serial) => !before.includes(serial)),
    );
    const own = new X509Certificate(execFileSync("openssl", ["x509", "-in", manager.caFile]));
    for (const url of [manager.urls.https, manager.urls.mqtts, manager.urls.coaps]) {
      const certificate = await shown(url);
      expect(certificate.verify(own.publicKey)).toBe(true);
      expect(certificate.checkIP("127.0.0.1")).toBe("127.0.0.1");
    }
  });
});
