import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import type { Clock } from "../../kernel/clock.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { type Certificate, hasDtls, identityOf, pskServer, TestCa } from "../integration/dtls-harness.ts";
import { type DtlsEndpoint, dtlsEndpoint } from "./dtls-endpoint.ts";

/** The openssl program as client: what a server of ours puts on the wire, byte by byte, and resumption by its tickets. */
describe.runIf(hasDtls())("DTLS with openssl s_client", () => {
  const folder = mkdtempSync(join(tmpdir(), "coxswain-openssl-"));
  const open: { stop(): Promise<unknown> }[] = [];
  const running: ChildProcessWithoutNullStreams[] = [];
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => {
    ca.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const child of running.splice(0)) child.kill("SIGKILL");
    for (const each of open.splice(0)) await each.stop();
  });

  async function serve(options: Partial<DtlsOptions> = {}): Promise<DtlsEndpoint> {
    const made = await dtlsEndpoint({ server: pskServer, ...options });
    open.push(made.endpoint);
    return made;
  }

  function start(port: number, words: readonly string[]): ChildProcessWithoutNullStreams {
    const all = ["s_client", "-dtls1_2", "-connect", `127.0.0.1:${port}`, ...words];
    const child = spawn("openssl", all, { stdio: ["pipe", "pipe", "pipe"] });
    running.push(child);
    return child;
  }

  /** Until its output has `pattern`, or it ends, or the time is over; what it printed so far. */
  function client(port: number, words: readonly string[], pattern: RegExp, waitMs = 8000): Promise<string> {
    const child = start(port, words);
    let output = "";
    let isFound = false;
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(output), waitMs);
      const take = (chunk: Buffer): void => {
        output += chunk.toString();
        if (isFound || !pattern.test(output)) return;
        isFound = true;
        clearTimeout(timer);
        // It says goodbye when its input ends.
        child.stdin.end("Q\n");
        child.once("exit", () => resolve(output));
      };
      child.stdout.on("data", take);
      child.stderr.on("data", take);
      child.once("exit", () => {
        clearTimeout(timer);
        resolve(output);
      });
    });
  }

  const psk = (identity: string, key: string, suite: string): string[] => {
    const hex = Buffer.from(key).toString("hex");
    return ["-psk_identity", identity, "-psk", hex, "-cipher", `${suite}:@SECLEVEL=0`];
  };
  const byCertificate = (one: Certificate): string[] => {
    const suite = ["-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"];
    return ["-cert", one.certFile, "-key", one.keyFile, "-CAfile", ca.caFile, "-verify_return_error", ...suite];
  };
  const isDone = /Verify return code[^\n]*\n[\s\S]*---\n/;

  it("resumes a session with a pre-shared key, not after its ticket's key was rotated out", async () => {
    // Hours pass when the test says so: on a busy machine a second connection may come late.
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
    const ticketKeyMs = 3_600_000;
    const { port, dtls } = await serve({ clock, limits: { ticketKeyMs } });
    const words = psk("n1", "secretPSK", "PSK-AES128-CCM8");
    const file = join(folder, "psk");
    expect(await client(port, [...words, "-sess_out", file], isDone)).toContain(
      "New, TLSv1.2, Cipher is PSK-AES128-CCM8",
    );
    expect(existsSync(file)).toBe(true);
    expect(await client(port, [...words, "-sess_in", file], isDone)).toContain(
      "Reused, TLSv1.2, Cipher is PSK-AES128-CCM8",
    );
    expect(dtls.counters()["handshakesResumed"]).toBe(1);
    aheadMs = 3 * ticketKeyMs;
    expect(await client(port, [...words, "-sess_in", file], isDone)).toContain("New, TLSv1.2");
    expect(dtls.counters()).toMatchObject({ handshakesResumed: 1, handshakesFinished: 3 });
  });

  it("resumes a session with certificates until the node's one is revoked", async () => {
    const certificate = ca.issue("IP:127.0.0.1");
    const node = ca.issue("URI:urn:coxswain:node:n1");
    const trust = { ca: ca.ca, crl: ca.revoke() };
    const { port, dtls } = await serve({ certificate, trust, server: { identityOf } });
    const words = byCertificate(node);
    const file = join(folder, "x509");
    expect(await client(port, [...words, "-sess_out", file], isDone)).toContain("New, TLSv1.2");
    expect(await client(port, [...words, "-sess_in", file], isDone)).toContain("Reused, TLSv1.2");
    dtls.trust({ ca: ca.ca, crl: ca.revoke(node) });
    const refused = await client(port, [...words, "-sess_in", file], /alert certificate revoked/);
    expect(refused).toContain("alert certificate revoked");
    expect(dtls.counters()).toMatchObject({ handshakesResumed: 1, handshakesFinished: 2 });
  });

  it("RFC 7252 9.1.3.1, 9.1.3.3: takes each suite that we offer, and no other", async () => {
    const certificate = ca.issue("IP:127.0.0.1");
    const { port } = await serve({ certificate, trust: { ca: ca.ca }, server: { ...pskServer } });
    for (const suite of ["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"]) {
      expect(await client(port, psk("n1", "secretPSK", suite), isDone)).toContain(`Cipher is ${suite}`);
    }
    const node = byCertificate(ca.issue("URI:urn:coxswain:node:n1")).slice(0, -1);
    for (const suite of ["ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-AES128-GCM-SHA256"]) {
      expect(await client(port, [...node, `${suite}:@SECLEVEL=0`], isDone)).toContain(`Cipher is ${suite}`);
    }
    for (const suite of ["PSK-AES128-CBC-SHA256", "ECDHE-PSK-AES128-CBC-SHA256", "PSK-NULL-SHA256"]) {
      expect(await client(port, psk("n1", "secretPSK", suite), /alert/)).toContain("alert handshake failure");
    }
  });

  it.each(["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"])(
    "an unknown identity and a wrong key get the same answers on the wire, by %s",
    async (suite) => {
      const attempt = async (identity: string, key: string): Promise<string[]> => {
        const { port, dtls } = await serve({ limits: { handshakeMs: 3000, retransmitMs: 400 } });
        const relay = await listeningRelay(port);
        open.push({ stop: () => relay.close() });
        const child = start(relay.port, psk(identity, key, suite));
        const ended = (): number => dtls.counters()["handshakesTimedOut"]! + dtls.counters()["handshakesFailed"]!;
        await expect.poll(ended, { timeout: 20_000 }).toBe(1);
        expect(dtls.counters()).toMatchObject({ handshakesFinished: 0, handshakes: 0, sessions: 0 });
        child.kill("SIGKILL");
        return relay.answers();
      };
      const shapes = await Promise.all([
        attempt("n1", "wrongKey!"),
        attempt("n3", "secretPSK"),
        attempt("an-identity-of-another-length", "secretPSK"),
      ]);
      // A repeated flight may fall into the last moment of one and not of the other.
      const least = Math.min(...shapes.map(({ length }) => length));
      expect(Math.max(...shapes.map(({ length }) => length)) - least).toBeLessThanOrEqual(1);
      expect(least).toBeGreaterThanOrEqual(2);
      expect(shapes[1]!.slice(0, least)).toEqual(shapes[0]!.slice(0, least));
      expect(shapes[2]!.slice(0, least)).toEqual(shapes[0]!.slice(0, least));
    },
    60_000,
  );
});

/** Forwards between one client and a port, and remembers the answers: types and lengths of their records. */
async function listeningRelay(to: number): Promise<{ port: number; answers(): string[]; close(): Promise<void> }> {
  const [front, back] = [createSocket("udp4"), createSocket("udp4")];
  const seen: string[] = [];
  let peer = 0;
  front.on("message", (bytes, from) => {
    peer = from.port;
    back.send(bytes, to, "127.0.0.1");
  });
  back.on("message", (bytes) => {
    const records: string[] = [];
    for (let at = 0; at + 13 <= bytes.length; at += 13 + bytes.readUInt16BE(at + 11)) {
      const alert = bytes[at] === 21 ? ` ${bytes[at + 13]}/${bytes[at + 14]}` : "";
      records.push(`${bytes[at]} of epoch ${bytes[at + 4]}: ${bytes.readUInt16BE(at + 11)}${alert}`);
    }
    seen.push(records.join(", "));
    front.send(bytes, peer, "127.0.0.1");
  });
  await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
  return {
    port: front.address().port,
    answers: () => seen,
    async close() {
      for (const socket of [front, back]) await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}
