import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { dtlsSecurity } from "../../coap/security/dtls.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { goodKey, hasDtls, identityOf, pskServer, TestCa } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const handshake = 22;
/** Application data in the clear header, or a record with a connection ID. */
const isData = (bytes: Uint8Array): boolean => bytes[0] === 23 || bytes[0] === 25;

describe.runIf(hasDtls()).each([true, false])("DTLS between two endpoints, connection IDs: %s", (connectionId) => {
  let world: DtlsWorld;
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());

  const begin = (): void => {
    world = new DtlsWorld({ connectionId });
  };
  afterEach(() => world.stop());

  const party: DtlsWorld["party"] = (...words) => world.party(...words);
  const server: DtlsWorld["server"] = (...words) => world.server(...words);
  const client: DtlsWorld["client"] = (...words) => world.client(...words);
  const ask: DtlsWorld["ask"] = (...words) => world.ask(...words);

  it("without the addon is refused, with the way to get it", () => {
    begin();
    const make = (): unknown =>
      dtlsSecurity({ clock: world.clock, log: silentLog, addon: { isThere: false, reason: "it is not built" } });
    expect(make).toThrow(expect.objectContaining({ code: "coap.dtls-unavailable" }));
  });

  it("refuses a key that doesn't belong to the certificate, and trust that can't be read", () => {
    begin();
    const [one, other] = [ca.issue("URI:urn:coxswain:node:n1"), ca.issue("URI:urn:coxswain:node:n2")];
    const parts = { clock: world.clock, log: silentLog, server: pskServer };
    const refusal = expect.objectContaining({ code: "coap.dtls-credentials" });
    expect(() => dtlsSecurity({ ...parts, certificate: { cert: one.cert, key: other.key } })).toThrow(refusal);
    expect(() => dtlsSecurity({ ...parts, trust: { ca: ca.ca, crl: "no list" } })).toThrow(refusal);
    expect(() => dtlsSecurity({ ...parts, ciphers: "NO-SUCH-SUITE" })).toThrow(refusal);
  });

  it.each(["PSK-AES128-CCM8", "PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305"])(
    "gives the handler the identity that a key proved, by %s, and says nothing in the clear",
    async (ciphers) => {
      begin();
      const to = await server({ ciphers });
      const from = await client();
      expect(await ask(from)).toBe("node n1 psk");
      expect(await ask(from)).toBe("node n1 psk");
      expect(to.counters).toMatchObject({ handshakesFinished: 1, sessions: 1, handshakes: 0 });
      const wire = world.sent.map(({ bytes }) => new TextDecoder("latin1").decode(bytes)).join("");
      expect(wire).not.toContain("psk");
      expect(world.sent.every(({ bytes }) => bytes[0]! >= 20 && bytes[0]! <= 25)).toBe(true);
    },
  );

  it("an unknown identity and a wrong key look alike, and neither reaches a handler", async () => {
    const shapes: string[] = [];
    for (const [identity, key] of [
      ["n1", new TextEncoder().encode("wrong")],
      ["stranger", goodKey],
    ] as const) {
      begin();
      const to = await server();
      const from = await client(identity, key);
      expect(await ask(from, 3000)).not.toContain("node");
      expect(world.asked).toEqual([]);
      expect(to.counters["handshakesFinished"]).toBe(0);
      shapes.push(
        world.sent
          .filter(({ from: { address } }) => address === "10.0.0.1")
          .map(({ bytes }) => `${bytes[0]}:${bytes.length}`)
          .join(" "),
      );
      await world.stop();
    }
    expect(shapes[0]).toBe(shapes[1]);
  });

  it("RFC 7252 9.1.3.3: certificates are validated on both sides: the identity is the node's URI, the server's name is checked", async () => {
    begin();
    const trust = { ca: ca.ca };
    await server({ certificate: ca.issue("IP:10.0.0.1"), trust, server: { identityOf } });
    const certificate = ca.issue("URI:urn:coxswain:node:gw-7,DNS:gw");
    expect(await ask(await party("10.0.0.2", 1, { client: {}, certificate, trust }))).toBe("node gw-7 x509");
    const elsewhere = { serverName: () => "10.9.9.9" };
    expect(await ask(await party("10.0.0.2", 2, { client: elsewhere, certificate, trust }), 2000)).not.toContain(
      "node",
    );
    expect(await ask(await party("10.0.0.2", 3, { client: {}, trust }), 2000)).not.toContain("node");
    const foreign = new TestCa();
    const forged = foreign.issue("URI:urn:coxswain:node:gw-7");
    expect(await ask(await party("10.0.0.2", 4, { client: {}, certificate: forged, trust }), 2000)).not.toContain(
      "node",
    );
    foreign.remove();
    const nobodys = ca.issue("URI:urn:somebody:else");
    expect(await ask(await party("10.0.0.2", 5, { client: {}, certificate: nobodys, trust }), 2000)).not.toContain(
      "node",
    );
    expect(world.asked).toEqual(["node gw-7 x509"]);
  });

  it("RFC 7252 9.1.3.3: certificates that are expired, not yet valid or revoked are refused, and a list can come later", async () => {
    begin();
    const to = await server({
      certificate: ca.issue("IP:10.0.0.1"),
      trust: { ca: ca.ca, crl: ca.revoke() },
      server: { identityOf },
    });
    const name = "URI:urn:coxswain:node:n1";
    const good = ca.issue(name);
    const attempt = async (port: number, certificate: typeof good): Promise<string> =>
      ask(await party("10.0.0.2", port, { client: {}, certificate, trust: { ca: ca.ca } }), 2000);
    expect(await attempt(1, ca.issue(name, { to: "20200601000000Z" }))).not.toContain("node");
    expect(await attempt(2, ca.issue(name, { from: "20390101000000Z" }))).not.toContain("node");
    expect(await attempt(3, good)).toBe("node n1 x509");
    to.dtls.trust({ ca: ca.ca, crl: ca.revoke(good) });
    expect(await attempt(4, good)).not.toContain("node");
    expect(() => to.dtls.trust({ ca: ca.ca, crl: "garbage" })).toThrow();
    expect(await attempt(5, good)).not.toContain("node");
    expect(to.dtls.revoke("n1")).toBe(1);
    expect(to.counters["sessions"]).toBe(0);
  });

  it("another certificate is shown from the next handshake on, one that doesn't fit its key leaves the old one, and sessions go on", async () => {
    begin();
    const [first, second] = [ca.issue("IP:10.0.0.1"), ca.issue("IP:10.0.0.7")];
    const to = await server({ certificate: first, trust: { ca: ca.ca }, server: { identityOf } });
    const certificate = ca.issue("URI:urn:coxswain:node:n1");
    const from = (port: number, name: string) =>
      party("10.0.0.2", port, { client: { serverName: () => name }, certificate, trust: { ca: ca.ca } });
    const early = await from(1, "10.0.0.1");
    expect(await ask(early)).toBe("node n1 x509");
    for (const unfit of [
      { cert: second.cert, key: first.key },
      { cert: "garbage", key: second.key },
      { cert: second.cert, key: "" },
      { cert: "", key: second.key },
    ]) {
      expect(() => to.dtls.certificate(unfit)).toThrow(expect.objectContaining({ code: "coap.dtls-credentials" }));
    }
    expect(await ask(await from(2, "10.0.0.1"))).toBe("node n1 x509");
    to.dtls.certificate(second);
    expect(await ask(await from(3, "10.0.0.1"), 2000)).not.toContain("node");
    expect(await ask(await from(4, "10.0.0.7"))).toBe("node n1 x509");
    expect(await ask(early)).toBe("node n1 x509");
  });

  it("refuses a replayed record, and takes what only came late", async () => {
    begin();
    world.network.rules.push(({ bytes }) => (isData(bytes) ? "duplicate" : undefined));
    const to = await server();
    const from = await client();
    for (let i = 0; i < 5; i++) expect(await ask(from)).toBe("node n1 psk");
    expect(world.asked).toHaveLength(5);
    expect(to.counters).toMatchObject({ recordsReplayed: 5, recordsForged: 0 });
    expect(from.counters["recordsReplayed"]).toBe(5);
  });

  it("a changed record is dropped and the session goes on", async () => {
    begin();
    const to = await server();
    const from = await client();
    await ask(from);
    const record = world.sent.findLast(({ bytes, to: { port } }) => isData(bytes) && port === 5684)!;
    for (let i = 13; i < record.bytes.length; i += 5) {
      const bytes = record.bytes.slice();
      bytes[10] = 99;
      bytes[i]! ^= 1;
      world.network.carry(bytes, record.from, RemoteAddress.from("10.0.0.1", 5684));
    }
    await world.clock.advance(100);
    expect(to.counters["recordsForged"]).toBeGreaterThan(3);
    expect(await ask(from)).toBe("node n1 psk");
  });

  it("no nonce is used twice, over the hand-over between two record layers too", async () => {
    begin();
    let drop = 2;
    // The server's last flight is lost twice, so that OpenSSL must repeat it under the session's key.
    world.network.rules.push(({ bytes, from }) =>
      from.port === 5684 && bytes[0] === 20 && drop-- > 0 ? "drop" : undefined,
    );
    await server();
    const from = await client();
    const began = performance.now();
    let answer = "";
    while (answer !== "node n1 psk" && performance.now() - began < 10_000) {
      answer = await ask(from, 500);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(answer).toBe("node n1 psk");
    await ask(from);
    const nonces = new Map<string, string>();
    for (const { bytes, from: sender } of world.sent) {
      for (let at = 0; at + 13 <= bytes.length; at += 13 + ((bytes[at + 11]! << 8) | bytes[at + 12]!)) {
        if (bytes[at + 4] !== 1) continue;
        const end = at + 13 + ((bytes[at + 11]! << 8) | bytes[at + 12]!);
        const nonce = `${sender.port} ${Buffer.from(bytes.slice(at + 3, at + 11)).toString("hex")}`;
        const record = Buffer.from(bytes.slice(at, end)).toString("hex");
        expect(nonces.get(nonce) ?? record).toBe(record);
        nonces.set(nonce, record);
      }
    }
    expect(nonces.size).toBeGreaterThan(5);
  }, 30_000);

  it("keeps nothing for a forged hello, and answers with less than it got", async () => {
    begin();
    const to = await server();
    const from = await client();
    await ask(from);
    const hello = world.sent.find(({ bytes }) => bytes[0] === 22 && bytes[13] === 1)!;
    const answers: number[] = [];
    world.network.taps.push(({ bytes, from: sender, to: { address } }) => {
      if (sender.address === "10.0.0.1" && address.startsWith("10.7.")) answers.push(bytes.length);
    });
    for (let i = 0; i < 5000; i++) {
      const spoofed = { address: `10.7.${i >> 8}.${i & 255}`, port: 1000 + i, family: 4 as const };
      world.network.carry(hello.bytes, spoofed, RemoteAddress.from("10.0.0.1", 5684));
    }
    await world.clock.advance(100);
    expect(to.counters).toMatchObject({ challenged: 5001, handshakes: 0, sessions: 1 });
    expect(answers).toHaveLength(5000);
    expect(Math.max(...answers)).toBeLessThan(hello.bytes.length);
  });

  it("a cookie is good for its address alone, and dies after two rotations", async () => {
    begin();
    const to = await server({ limits: { cookieMs: 1000, handshakeMs: 100 } });
    const from = await client();
    await ask(from);
    const withCookie = world.sent.filter(({ bytes }) => bytes[0] === 22 && bytes[13] === 1)[1]!;
    const replay = async (address: string, port: number): Promise<number> => {
      const before = to.counters["challenged"]!;
      world.network.carry(withCookie.bytes, { address, port, family: 4 }, RemoteAddress.from("10.0.0.1", 5684));
      await world.clock.advance(300);
      return to.counters["challenged"]! - before;
    };
    expect(await replay("10.0.0.2", 40_000)).toBe(0);
    expect(await replay("10.0.0.2", 40_001)).toBe(1);
    expect(await replay("10.0.0.3", 40_000)).toBe(1);
    await world.clock.advance(1000);
    expect(await replay("10.0.0.2", 40_000)).toBe(0);
    await world.clock.advance(1000);
    expect(await replay("10.0.0.2", 40_000)).toBe(1);
    expect(to.counters).toMatchObject({ sessions: 1, handshakes: 0 });
    expect(await ask(from)).toBe("node n1 psk");
  });

  it("an unfinished handshake from the same address leaves the session alone; a finished one replaces it", async () => {
    begin();
    const to = await server({ limits: { handshakeMs: 1000 } });
    const first = await client();
    await ask(first);
    const withCookie = world.sent.filter(({ bytes }) => bytes[0] === 22 && bytes[13] === 1)[1]!;
    world.network.carry(withCookie.bytes, withCookie.from, RemoteAddress.from("10.0.0.1", 5684));
    await world.clock.advance(50);
    expect(to.counters).toMatchObject({ handshakes: 1, sessions: 1 });
    expect(await ask(first)).toBe("node n1 psk");
    await world.clock.advance(2000);
    expect(to.counters).toMatchObject({ handshakes: 0, handshakesTimedOut: 1, sessions: 1 });
    world.network.rules.push(({ from: { port }, bytes }) =>
      port === 40_000 && bytes[0]! !== handshake ? "drop" : undefined,
    );
    await first.endpoint.stop();
    await world.clock.advance(100);
    expect(to.counters["sessions"]).toBe(1);
    world.network.rules.length = 0;
    expect(await ask(await client("n2", new TextEncoder().encode("another")))).toBe("node n2 psk");
    expect(to.counters).toMatchObject({ handshakesFinished: 2, sessions: 1, handshakes: 0 });
  });

  it("close_notify ends a session on both sides", async () => {
    begin();
    const to = await server();
    const from = await client();
    await ask(from);
    await from.endpoint.stop();
    await world.clock.advance(100);
    expect(to.counters).toMatchObject({ sessions: 0, sessionsClosed: 1 });
    const again = await client("n1", goodKey, 40_001);
    await ask(again);
    expect(to.dtls.revoke("n1")).toBe(1);
    await world.clock.advance(100);
    expect(again.counters).toMatchObject({ sessions: 0, sessionsClosed: 1 });
    expect(await ask(again)).toBe("node n1 psk");
  });

  it("the session that was silent for longest makes room, and silence ends one", async () => {
    begin();
    const to = await server({ limits: { sessions: 2, sessionIdleMs: 80_000 } });
    const [a, b] = [await client("n1", goodKey, 1), await client("n1", goodKey, 2)];
    await ask(a);
    await ask(b);
    await ask(a);
    await ask(await client("n1", goodKey, 3));
    await world.clock.advance(100);
    expect(to.counters).toMatchObject({ sessions: 2, sessionsEvicted: 1 });
    expect([a.counters["sessions"], b.counters["sessions"]]).toEqual([1, 0]);
    await world.clock.advance(60_000);
    await ask(a);
    await world.clock.advance(60_000);
    expect(to.counters).toMatchObject({ sessions: 1, sessionsExpired: 1 });
    expect(a.counters["sessions"]).toBe(1);
  });

  it("one identity takes so many sessions and no more, and revoking it ends them all and nobody else's", async () => {
    const server = await world.server({ limits: { sessionsPerIdentity: 3 } });
    const other = await world.client("n2", new TextEncoder().encode("another"), 41_000);
    expect(await world.ask(other)).toBe("node n2 psk");
    const clients: Party[] = [];
    for (let i = 0; i < 5; i++) clients.push(await world.client("n1", goodKey, 40_000 + i));
    for (const each of clients) expect(await world.ask(each)).toBe("node n1 psk");
    expect(server.counters).toMatchObject({ sessions: 4, sessionsEvicted: 2 });
    await world.clock.advance(100);
    // The first two were silent for longest.
    expect(clients.map(({ counters }) => counters["sessions"])).toEqual([0, 0, 1, 1, 1]);
    // One from the middle ends by itself; the others are still found.
    await clients[3]?.endpoint.stop();
    await world.clock.advance(100);
    expect(server.dtls.revoke("n1")).toBe(2);
    expect(server.dtls.revoke("n1")).toBe(0);
    expect(server.counters).toMatchObject({ sessions: 1 });
    expect(server.dtls.revoke("n2")).toBe(1);
  });

  it("a node and an operator of one name neither push out nor end each other's sessions", async () => {
    begin();
    const to = await server({
      limits: { sessionsPerIdentity: 1 },
      server: {
        ...pskServer,
        identityOf: (credential) => {
          const name = credential.scheme === "psk" ? credential.identity : "";
          return { kind: name === "n1" ? "operator" : "node", id: "ann", scheme: "psk" };
        },
      },
    });
    const operator = await client("n1", goodKey, 40_001);
    const node = await client("n2", new TextEncoder().encode("another"), 40_002);
    expect([await ask(operator), await ask(node)]).toEqual(["operator ann psk", "node ann psk"]);
    expect(to.counters).toMatchObject({ sessions: 2, sessionsEvicted: 0 });
    expect(to.dtls.revoke("ann", "node")).toBe(1);
    await world.clock.advance(100);
    expect([operator.counters["sessions"], node.counters["sessions"]]).toEqual([1, 0]);
    // Whoever doesn't say which ends both.
    expect(await ask(node)).toBe("node ann psk");
    expect(to.dtls.revoke("ann")).toBe(2);
  });

  it("half-open handshakes are capped for each address and in all", async () => {
    begin();
    const to = await server({ limits: { handshakes: 5, handshakesPerSource: 3, handshakeMs: 60_000 } });
    // Nobody gets further than the hello with the cookie.
    world.network.rules.push(({ from: { port }, bytes }) => (port === 5684 && bytes[13] === 2 ? "drop" : undefined));
    const start = (from: Party): void => {
      from.endpoint
        .request({ to: { address: "10.0.0.1", port: 5684 }, method: "GET", path: ["who"] })
        .catch(() => undefined);
    };
    for (let i = 0; i < 4; i++) start(await client("n1", goodKey, 100 + i));
    await world.clock.advance(500);
    expect(to.counters).toMatchObject({ handshakes: 3 });
    for (let i = 0; i < 4; i++) {
      start(await party("10.0.0.9", 200 + i, { client: { psk: { identity: "n1", key: goodKey } } }));
    }
    await world.clock.advance(500);
    expect(to.counters).toMatchObject({ handshakes: 5 });
    expect(to.counters["handshakesRefused"]).toBeGreaterThanOrEqual(3);
  });

  it("garbage of every length and type changes nothing", async () => {
    begin();
    const to = await server();
    const from = await client();
    await ask(from);
    const entropy = seededEntropy(3);
    for (let i = 0; i < 20_000; i++) {
      const template = world.sent[entropy.uint32() % 8]!.bytes;
      const bytes = i % 3 === 0 ? entropy.bytes(entropy.uint32() % 200) : template.slice();
      for (let flips = 0; flips < 3 && bytes.length > 0; flips++) {
        bytes[entropy.uint32() % bytes.length] = entropy.uint32() & 255;
      }
      const port = i % 2 === 0 ? 40_000 : 1 + (entropy.uint32() % 60_000);
      world.network.carry(bytes, { address: "10.0.0.2", port, family: 4 }, RemoteAddress.from("10.0.0.1", 5684));
      if (i % 500 === 0) await world.clock.advance(20);
    }
    await world.clock.advance(60_000);
    expect(to.counters["handshakes"]).toBe(0);
    expect(await ask(from)).toBe("node n1 psk");
  }, 60_000);
});
