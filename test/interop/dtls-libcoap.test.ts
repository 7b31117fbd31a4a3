import { execFile, execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { hasDtls, identityOf, pskServer, TestCa } from "../integration/dtls-harness.ts";
import { type DtlsEndpoint, dtlsEndpoint } from "./dtls-endpoint.ts";

const has = (program: string): boolean => {
  try {
    execFileSync("which", [program], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
};

/** libcoap's own clients, by OpenSSL and by GnuTLS, ask a server of ours. */
const isBuilt = hasDtls();
describe.each(["coap-client-openssl", "coap-client-gnutls"])("DTLS with %s", (program) => {
  describe.runIf(isBuilt && has(program))("when it is there", () => {
    const open: DtlsEndpoint["endpoint"][] = [];
    let ca: TestCa;

    beforeAll(() => {
      ca = new TestCa();
    });
    afterAll(() => ca.remove());
    afterEach(async () => {
      for (const endpoint of open.splice(0)) await endpoint.stop();
    });

    async function serve(options: Partial<DtlsOptions> = {}, address?: string): Promise<DtlsEndpoint> {
      const made = await dtlsEndpoint({ server: pskServer, ...options }, address);
      made.endpoint.route({
        method: "GET",
        path: "/large",
        replay: "again",
        answer(_request, reply) {
          reply.payload = new Uint8Array(20_000).fill(97);
        },
      });
      open.push(made.endpoint);
      return made;
    }

    const ask = (
      port: number,
      words: readonly string[],
      path = "who",
      host = "127.0.0.1",
      seconds = 4,
    ): Promise<string> =>
      new Promise((resolve) => {
        const all = ["-v", "0", "-B", `${seconds}`, ...words, `coaps://${host}:${port}/${path}`];
        execFile(program, all, { timeout: seconds * 1000 + 5000 }, (_error, stdout) => resolve(stdout.trim()));
      });
    const psk = (identity: string, key: string): string[] => ["-u", identity, "-k", key];

    it("answers a client with a known key, by both suites, over IPv4 and IPv6, and large bodies", async () => {
      for (const ciphers of ["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256"]) {
        const { port } = await serve({ ciphers });
        expect(await ask(port, psk("n1", "secretPSK"))).toBe("n1 psk");
      }
      const { port, dtls } = await serve({}, "::");
      expect(await ask(port, psk("n1", "secretPSK"))).toBe("n1 psk");
      expect(await ask(port, psk("n1", "secretPSK"), "who", "[::1]")).toBe("n1 psk");
      expect((await ask(port, psk("n2", "another"), "large")).replaceAll("\n", "")).toBe("a".repeat(20_000));
      await expect.poll(() => dtls.counters()["sessions"]).toBe(0);
      expect(dtls.counters()).toMatchObject({ handshakesFinished: 3, handshakes: 0, recordsForged: 0 });
    });

    it("answers neither a wrong key nor an unknown identity", async () => {
      const { port, asked, dtls } = await serve();
      expect(await ask(port, psk("n1", "wrong"))).toBe("");
      expect(await ask(port, psk("stranger", "secretPSK"))).toBe("");
      expect(asked).toEqual([]);
      expect(dtls.counters()).toMatchObject({ handshakesFinished: 0, sessions: 0 });
    });

    it("answers a client with a certificate of our CA, and no other", async () => {
      const trust = { ca: ca.ca };
      const certificate = ca.issue("IP:127.0.0.1,DNS:localhost");
      const { port, asked } = await serve({ certificate, trust, server: { identityOf } });
      const node = ca.issue("URI:urn:coxswain:node:gw-7");
      const foreignCa = new TestCa();
      const foreign = foreignCa.issue("URI:urn:coxswain:node:gw-7");
      const by = (one: typeof node, anchor: string): string[] => ["-c", one.certFile, "-j", one.keyFile, "-C", anchor];
      expect(await ask(port, by(node, ca.caFile))).toBe("gw-7 x509");
      expect(await ask(port, by(foreign, ca.caFile))).toBe("");
      expect(asked).toEqual(["gw-7 x509"]);
      foreignCa.remove();
    });

    it("loses a tenth of all datagrams both ways and still gets every answer, at the latest when it asks anew", async () => {
      const { port, dtls } = await serve();
      const lossy = await lossyRelay(port, 0.1);
      // libcoap counts the timeouts of a whole handshake, not of one flight, and gives up at the fifth; its GnuTLS client sends a flight as
      // three datagrams and loses more. Towards libcoap's own server it fails as often: of 100 clients at 20 % loss 14 there, 12 here.
      // Who begins anew must not find the old handshake in the way.
      const askTwice = async (): Promise<string> => {
        const who = (): Promise<string> => ask(lossy.port, psk("n1", "secretPSK"), "who", "127.0.0.1", 25);
        return (await who()) || (await who());
      };
      const answers = await Promise.all(Array.from({ length: 6 }, askTwice));
      expect(answers).toEqual(Array.from({ length: 6 }, () => "n1 psk"));
      expect(lossy.lost()).toBeGreaterThan(0);
      expect(dtls.counters()["handshakesFinished"]).toBeGreaterThanOrEqual(6);
      await lossy.close();
    }, 90_000);
  });
});

/** Forwards between clients and a port, losing a share of the datagrams; the same ones in each run. */
async function lossyRelay(
  to: number,
  share: number,
): Promise<{ port: number; lost(): number; close(): Promise<void> }> {
  const front = createSocket("udp4");
  const behind = new Map<number, ReturnType<typeof createSocket>>();
  let state = 1;
  let lost = 0;
  const isLost = (): boolean => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const is = (state >>> 8) % 1000 < share * 1000;
    if (is) lost++;
    return is;
  };
  front.on("message", (bytes, { port }) => {
    let socket = behind.get(port);
    if (socket === undefined) {
      socket = createSocket("udp4");
      socket.on("message", (answer) => {
        if (!isLost()) front.send(answer, port, "127.0.0.1");
      });
      behind.set(port, socket);
    }
    if (!isLost()) socket.send(bytes, to, "127.0.0.1");
  });
  await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
  return {
    port: front.address().port,
    lost: () => lost,
    async close() {
      for (const socket of [front, ...behind.values()]) {
        await new Promise<void>((resolve) => socket.close(() => resolve()));
      }
    },
  };
}
