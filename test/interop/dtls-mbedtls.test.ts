import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { hasDtls, pskServer } from "../integration/dtls-harness.ts";
import { type DtlsEndpoint, dtlsEndpoint } from "./dtls-endpoint.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-mbedtls-"));
const program = join(folder, "peer");

/** The peer, where there is a compiler and mbedTLS (Debian: libmbedtls-dev). */
function hasPeer(): boolean {
  const libraries = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"];
  try {
    execFileSync("cc", ["-O1", "-o", program, join(import.meta.dirname, "peers/mbedtls_peer.c"), ...libraries], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    return true;
  } catch {
    console.warn("The tests with mbedTLS are left out: it takes a C compiler and libmbedtls-dev.");
    return false;
  }
}

/** Offering a ticket, mbedTLS 2.28 draws another session id for the hello that brings the cookie back. */
describe.runIf(hasDtls() && hasPeer())("DTLS with a client by mbedTLS", () => {
  const open: DtlsEndpoint["endpoint"][] = [];
  afterEach(async () => {
    for (const endpoint of open.splice(0)) await endpoint.stop();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function serve(options: Partial<DtlsOptions> = {}): Promise<DtlsEndpoint> {
    const made = await dtlsEndpoint({ server: pskServer, ...options });
    open.push(made.endpoint);
    return made;
  }

  const ask = (port: number, identity: string, key: string, how: "tickets" | "plain", times: number): Promise<string> =>
    new Promise((resolve) => {
      const words = ["127.0.0.1", `${port}`, identity, key, how, `${times}`];
      execFile(program, words, { timeout: 30_000 }, (_error, stdout) => resolve(stdout.trim()));
    });

  it("lets nobody in with a wrong key, tickets or not", async () => {
    const { port, dtls } = await serve();
    expect(await ask(port, "n1", "wrong", "tickets", 0)).toMatch(/^error /);
    expect(await ask(port, "stranger", "secretPSK", "tickets", 0)).toMatch(/^error /);
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 0, sessions: 0 });
  });

  it("gives a ticket in a whole handshake", async () => {
    const { port, dtls } = await serve();
    expect(await ask(port, "n1", "secretPSK", "tickets", 0)).toBe("n1 psk");
    expect(dtls.counters()).toMatchObject({ challenged: 1, handshakesFinished: 1, handshakesResumed: 0 });
  });

  it("RFC 6347 4.2.1: resumes by its ticket, though the hello with the cookie has another session id, and not with another key", async () => {
    const keyring = { n1: new TextEncoder().encode("secretPSK") };
    const { port, dtls } = await serve({
      server: { ...pskServer, pskOf: (id) => (id === "n1" ? keyring.n1 : undefined) },
    });
    expect(await ask(port, "n1", "secretPSK", "tickets", 2)).toBe("n1 psk\nn1 psk\nn1 psk");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 3, handshakesResumed: 2 });
    keyring.n1 = new TextEncoder().encode("another");
    expect(await ask(port, "n1", "secretPSK", "tickets", 0)).toMatch(/^error /);
    expect(await ask(port, "n1", "another", "tickets", 1)).toBe("n1 psk\nn1 psk");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 5, handshakesResumed: 3 });
  });

  it("makes whole handshakes without tickets", async () => {
    const { port, dtls } = await serve();
    expect(await ask(port, "n1", "secretPSK", "plain", 1)).toBe("n1 psk\nn1 psk");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 2, handshakesResumed: 0 });
  });
});
