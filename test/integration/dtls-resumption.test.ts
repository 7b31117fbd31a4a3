import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type LoadedAddon, loadAddon, type NativeDtls } from "../../coap/native/addon.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import type { MemoryDatagram } from "../../coap/transport/memory.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { goodKey, hasDtls, identityOf, keys, pskServer, TestCa } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const hour = 3_600_000;
const secret = new Uint8Array(32).fill(9);

describe.runIf(hasDtls())("DTLS sessions are resumed by tickets", () => {
  let world: DtlsWorld;
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());
  beforeEach(() => {
    world = new DtlsWorld();
  });
  afterEach(() => world.stop());

  /** The server closes the session, so that the client's next request begins a handshake. */
  async function again(server: Party, from: Party, waitMs?: number): Promise<string> {
    server.dtls.revoke("n1");
    await world.clock.advance(100);
    expect(from.counters["sessions"]).toBe(0);
    return world.ask(from, waitMs);
  }

  const withCertificates = async (
    options: Partial<DtlsOptions> = {},
    node = ca.issue("URI:urn:coxswain:node:n1"),
  ): Promise<[Party, Party]> => {
    const trust = { ca: ca.ca, crl: ca.revoke() };
    const certificate = ca.issue("IP:10.0.0.1");
    const server = await world.server({ certificate, trust, server: { identityOf }, ...options });
    return [
      server,
      await world.party("10.0.0.2", 1, {
        client: {},
        certificate: node,
        trust: { ca: ca.ca },
        limits: { retransmitMs: 50 },
      }),
    ];
  };

  it("a ticket of a key that was rotated out means a whole handshake; one of the two keys before is good and sealed anew", async () => {
    const server = await world.server({ limits: { ticketKeyMs: hour } });
    const from = await world.client();
    await world.ask(from);
    for (const [waited, resumed] of [
      [0, 1],
      [2 * hour, 2],
      [2 * hour, 3],
      [3 * hour, 3],
      [0, 4],
    ] as const) {
      await world.clock.advance(waited);
      expect(await again(server, from)).toBe("node n1 psk");
      expect([server.counters["handshakesResumed"], from.counters["handshakesResumed"]]).toEqual([resumed, resumed]);
    }
    expect(server.counters).toMatchObject({ handshakesFinished: 6, handshakesFailed: 0 });
  });

  it("a ticket with any byte changed means a whole handshake", async () => {
    let change: ((session: Uint8Array) => Uint8Array) | undefined;
    const server = await world.server();
    const from = await world.client("n1", goodKey, 40_000, {
      addon: tampering((session) => (session === undefined ? session : (change?.(session) ?? session))),
    });
    await world.ask(from);
    const ticket = ticketOf(world.sent);
    expect(ticket.length).toBeGreaterThan(100);
    expect(ticket.length).toBeLessThan(400);
    for (let at = 0; at < ticket.length; at += 7) {
      change = (session) => {
        const changed = session.slice();
        const start = Buffer.from(session).indexOf(ticketOf(world.sent));
        expect(start).toBeGreaterThan(0);
        changed[start + at]! ^= 1;
        return changed;
      };
      expect(await again(server, from)).toBe("node n1 psk");
    }
    expect(server.counters).toMatchObject({ handshakesResumed: 0, handshakesFailed: 0 });
    change = undefined;
    await again(server, from);
    expect(server.counters["handshakesResumed"]).toBe(1);
  });

  it("garbage instead of a kept session means a whole handshake", async () => {
    const server = await world.server();
    const addon = tampering((session) => session?.map((byte, at) => (at % 3 === 0 ? 255 - byte : byte)));
    const from = await world.client("n1", goodKey, 40_000, { addon });
    await world.ask(from);
    expect(await again(server, from)).toBe("node n1 psk");
    expect(server.counters).toMatchObject({ handshakesResumed: 0, handshakesFinished: 2 });
  });

  it("a certificate that was revoked meanwhile can't resume, and is refused", async () => {
    const node = ca.issue("URI:urn:coxswain:node:n1");
    const [server, from] = await withCertificates({}, node);
    expect(await world.ask(from)).toBe("node n1 x509");
    expect(await again(server, from)).toBe("node n1 x509");
    expect(server.counters["handshakesResumed"]).toBe(1);
    server.dtls.trust({ ca: ca.ca, crl: ca.revoke(node) });
    expect(await again(server, from, 3000)).not.toContain("node");
    expect(server.counters).toMatchObject({ handshakesResumed: 1, handshakesFinished: 2 });
  });

  it("a certificate of a CA that is no longer trusted can't resume", async () => {
    const [server, from] = await withCertificates();
    await world.ask(from);
    const other = new TestCa();
    server.dtls.trust({ ca: other.ca });
    other.remove();
    expect(await again(server, from, 3000)).not.toContain("node");
    expect(server.counters).toMatchObject({ handshakesResumed: 0, handshakesFinished: 1 });
  });

  it("a certificate that expired meanwhile can't resume", async () => {
    const expiresMs = Date.now() + 4000;
    const to = `${new Date(expiresMs).toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`;
    const [server, from] = await withCertificates({}, ca.issue("URI:urn:coxswain:node:n1", { to }));
    expect(await world.ask(from)).toBe("node n1 x509");
    while (Date.now() < expiresMs + 1000) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await again(server, from, 3000)).not.toContain("node");
    expect(server.counters).toMatchObject({ handshakesResumed: 0, handshakesFinished: 1 });
  });

  it("our client doesn't resume with a server whose certificate was revoked meanwhile", async () => {
    const certificate = ca.issue("IP:10.0.0.1");
    const server = await world.server({ certificate, trust: { ca: ca.ca }, server: { identityOf } });
    const node = ca.issue("URI:urn:coxswain:node:n1");
    const trust = { ca: ca.ca, crl: ca.revoke() };
    const from = await world.party("10.0.0.2", 1, { client: {}, certificate: node, trust });
    expect(await world.ask(from)).toBe("node n1 x509");
    from.dtls.trust({ ca: ca.ca, crl: ca.revoke(certificate) });
    expect(await again(server, from, 3000)).not.toContain("node");
    expect(server.counters["handshakesResumed"]).toBe(0);
  });

  it("a pre-shared key that was changed or withdrawn can't resume, and the identity is asked for each time", async () => {
    const known: Record<string, Uint8Array> = { ...keys };
    let isLetIn = true;
    const server = await world.server({
      server: {
        pskOf: (identity) => known[identity],
        identityOf: (credential) => (isLetIn ? identityOf(credential) : undefined),
      },
    });
    const from = await world.client();
    await world.ask(from);
    isLetIn = false;
    expect(await again(server, from, 120_000)).not.toContain("node");
    expect(server.counters).toMatchObject({ sessions: 0 });
    expect(server.counters["identitiesRefused"]).toBeGreaterThan(0);
    isLetIn = true;
    expect(await again(server, from)).toBe("node n1 psk");
    known["n1"] = new TextEncoder().encode("rotated");
    expect(await again(server, from, 120_000)).not.toContain("node");
    delete known["n1"];
    expect(await again(server, from, 120_000)).not.toContain("node");
    expect(server.counters["handshakesFinished"]).toBe(2);
  });

  it("processes with the same secret take each other's tickets, also with clocks a period apart; others don't", async () => {
    const limits = { ticketKeyMs: hour };
    const first = await world.server({ limits, tickets: { secret } });
    let kept: Uint8Array | undefined;
    const from = await world.client("n1", goodKey, 40_000, {
      addon: tampering((session) => {
        if (session !== undefined) kept = session.slice();
        return session;
      }),
    });
    await world.ask(from);
    await again(first, from);
    expect(first.counters["handshakesResumed"]).toBe(1);
    const offering = tampering(() => kept);
    const resumed: number[] = [];
    // The last has a clock of its own, of which one period was already over.
    const clock = new VirtualClock({ startWallMs: world.clock.wallMs() + hour });
    for (const options of [
      { tickets: { secret } },
      { tickets: { secret: secret.map((byte) => byte ^ 1) } },
      {},
      { tickets: { secret }, clock },
    ]) {
      const to = { address: "10.0.0.1", port: 6000 + resumed.length };
      const other = await world.party(to.address, to.port, { server: pskServer, limits, ...options });
      const client = await world.client("n1", goodKey, 41_000 + resumed.length, { addon: offering });
      expect(await world.ask(client, 3000, to)).toBe("node n1 psk");
      resumed.push(other.counters["handshakesResumed"]!);
    }
    expect(resumed).toEqual([1, 0, 0, 1]);
    const short = world.server({ tickets: { secret: secret.slice(1) } });
    await expect(short).rejects.toMatchObject({ code: "coap.dtls-credentials" });
  });

  it("no tickets when they are switched off, on either side", async () => {
    const server = await world.server({ tickets: false });
    const from = await world.client();
    await world.ask(from);
    expect(await again(server, from)).toBe("node n1 psk");
    expect(() => ticketOf(world.sent)).toThrow("no ticket");
    expect(server.counters["handshakesResumed"]).toBe(0);
    await world.stop();
    world = new DtlsWorld();
    const other = await world.server();
    const without = await world.client("n1", goodKey, 40_000, { tickets: false });
    await world.ask(without);
    expect(await again(other, without)).toBe("node n1 psk");
    expect(() => ticketOf(world.sent)).toThrow("no ticket");
    expect(other.counters["handshakesResumed"]).toBe(0);
  });

  it("a certificate too large for a hello of one datagram gets no ticket, and whole handshakes", async () => {
    const names = Array.from({ length: 30 }, (_, i) => `DNS:a-rather-long-name-${i}.example.org`);
    world.hasLosses = true;
    const limits = { retransmitMs: 50 };
    const [server, from] = await withCertificates(
      { limits },
      ca.issue(["URI:urn:coxswain:node:n1", ...names].join(",")),
    );
    expect(await world.ask(from)).toBe("node n1 x509");
    expect(await again(server, from)).toBe("node n1 x509");
    expect(server.counters).toMatchObject({ handshakesFinished: 2, handshakesResumed: 0 });
  });

  it.each(["the server's flight", "the client's last flight"])(
    "%s of a resumed handshake may be lost twice, and no nonce is used twice",
    async (which) => {
      const limits = { retransmitMs: 50 };
      const server = await world.server({ limits });
      const from = await world.client("n1", goodKey, 40_000, { limits });
      await world.ask(from);
      server.dtls.revoke("n1");
      await world.clock.advance(100);
      let losses = 2;
      const port = which === "the server's flight" ? 5684 : 40_000;
      world.network.rules.push((datagram) => {
        const isIt = datagram.from.port === port && records(datagram.bytes).some(({ type }) => type === 20);
        return isIt && losses-- > 0 ? "drop" : undefined;
      });
      world.hasLosses = true;
      expect(await world.ask(from)).toBe("node n1 psk");
      expect(losses).toBeLessThanOrEqual(0);
      expect(await world.ask(from)).toBe("node n1 psk");
      expect(server.counters["handshakesResumed"]).toBe(1);
      const seen = new Map<string, string>();
      const second = world.sent.findLastIndex(({ bytes }) => bytes[0] === 22 && bytes[13] === 1);
      for (const { bytes, from: sender } of world.sent.slice(second)) {
        for (const { epoch, sequence, text } of records(bytes)) {
          if (epoch !== 1) continue;
          const nonce = `${sender.port} ${sequence}`;
          expect(seen.get(nonce) ?? text).toBe(text);
          seen.set(nonce, text);
        }
      }
      expect(seen.size).toBeGreaterThan(4);
    },
    30_000,
  );
});

function* eachRecord(bytes: Uint8Array) {
  for (let at = 0; at + 13 <= bytes.length; ) {
    const end = at + 13 + ((bytes[at + 11]! << 8) | bytes[at + 12]!);
    const text = Buffer.from(bytes.slice(at, end)).toString("hex");
    yield {
      type: bytes[at]!,
      epoch: bytes[at + 4]!,
      sequence: text.slice(10, 22),
      text,
      body: bytes.slice(at + 13, end),
    };
    at = end;
  }
}
const records = (bytes: Uint8Array) => [...eachRecord(bytes)];

/** Of the last NewSessionTicket on the wire (RFC 5077 section 3.3), which is not encrypted. */
function ticketOf(sent: readonly MemoryDatagram[]): Uint8Array {
  const all = sent
    .flatMap(({ bytes }) => records(bytes))
    .filter(({ type, epoch, body }) => type === 22 && epoch === 0 && body[0] === 4);
  const last = all.at(-1);
  if (last === undefined) throw new Error("no ticket was sent");
  return last.body.slice(12 + 6);
}

/** The addon, but what a client kept of a session is changed before it is offered. */
function tampering(change: (session: Uint8Array | undefined) => Uint8Array | undefined): LoadedAddon {
  const loaded = loadAddon();
  if (!loaded.isThere) return loaded;
  const { addon } = loaded;
  return {
    isThere: true,
    addon: {
      ...addon,
      createDtls(options, keyOf): NativeDtls {
        const native = addon.createDtls(options, keyOf);
        return {
          ...native,
          connect: (row, name, earlier) => native.connect(row, name, change(earlier)),
        };
      },
    },
  };
}
