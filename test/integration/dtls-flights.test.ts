import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { MemoryDatagram } from "../../coap/transport/memory.ts";
import { goodKey, hasDtls, identityOf, TestCa } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const changeCipherSpec = 20;
const handshake = 22;
const helloVerifyRequest = 3;
const serverHello = 2;

/** Handshakes on paths that lose, reorder, duplicate and carry little. OpenSSL's timer of flights runs on real time. */
describe.runIf(hasDtls())("flights of a DTLS handshake", () => {
  let world: DtlsWorld;
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());
  beforeEach(() => {
    world = new DtlsWorld();
    world.hasLosses = true;
  });
  afterEach(() => world.stop());

  const flightsOf = (type: number): MemoryDatagram[] =>
    world.sent.filter(({ bytes }) => bytes[0] === handshake && bytes[4] === 0 && bytes[13] === type);

  it("a flight that wasn't answered is sent again after the timeout, then after twice as long", async () => {
    await world.server({ limits: { retransmitMs: 60 } });
    const from = await world.client();
    const times: number[] = [];
    world.network.rules.push(({ bytes }) => {
      if (bytes[13] !== serverHello || bytes[0] !== handshake) return undefined;
      times.push(performance.now());
      return times.length <= 3 ? "drop" : undefined;
    });
    expect(await world.ask(from, 60_000)).toBe("node n1 psk");
    expect(times).toHaveLength(4);
    const gaps = times.slice(1).map((time, i) => time - times[i]!);
    // 15 ms early is what OpenSSL allows itself. Lateness proves nothing on a busy machine.
    for (const [i, least] of [60, 120, 240].entries()) expect(gaps[i]).toBeGreaterThanOrEqual(least - 16);
  });

  it("the last flight goes in one datagram when it is sent again, as at first", async () => {
    await world.server({ limits: { retransmitMs: 50 } });
    const newSessionTicket = 4;
    let losses = 2;
    world.network.rules.push(({ bytes }) => (bytes[13] === newSessionTicket && losses-- > 0 ? "drop" : undefined));
    expect(await world.ask(await world.client("n1", goodKey, 40_000, { limits: { retransmitMs: 50 } }), 60_000)).toBe(
      "node n1 psk",
    );
    const flights = flightsOf(newSessionTicket);
    expect(flights).toHaveLength(3);
    for (const { bytes } of flights) expect(bytes.length).toBe(flights[0]!.bytes.length);
    const bySelf = world.sent.filter(({ bytes, from }) => from.port === 5684 && bytes[0] === changeCipherSpec);
    expect(bySelf).toEqual([]);
  });

  it("a handshake that is never answered is given up after its time, and its memory with it", async () => {
    const server = await world.server({ limits: { retransmitMs: 50, handshakeMs: 2000 } });
    world.network.rules.push(({ bytes }) => (bytes[13] === serverHello ? "drop" : undefined));
    const from = await world.client();
    expect(await world.ask(from, 1500)).toBe("nothing");
    expect(server.counters["handshakes"]).toBe(1);
    await from.endpoint.stop();
    await world.clock.advance(1000);
    expect(server.counters).toMatchObject({ handshakes: 0, handshakesTimedOut: 1 });
  });

  const withCertificates = async (limits: { readonly mtu?: number }): Promise<[Party, Party]> => {
    const trust = { ca: ca.ca };
    const shared = { trust, limits: { retransmitMs: 50, ...limits } };
    const certificate = ca.issue("IP:10.0.0.1");
    const server = await world.server({ ...shared, certificate, server: { identityOf } });
    const node = ca.issue("URI:urn:coxswain:node:n1");
    return [server, await world.party("10.0.0.2", 1, { ...shared, client: {}, certificate: node })];
  };

  it.each([256, 400, 1280])("no datagram of a handshake is longer than an MTU of %i carries", async (mtu) => {
    const [, from] = await withCertificates({ mtu });
    expect(await world.ask(from, 60_000)).toBe("node n1 x509");
    const longest = Math.max(...world.sent.map(({ bytes }) => bytes.length));
    expect(longest).toBeLessThanOrEqual(mtu - 48);
    expect(longest).toBeGreaterThan(mtu / 2);
  });

  it("flights in pieces arrive in any order, twice, or only at the third attempt", async () => {
    for (const seed of [1, 2, 3, 4]) {
      let state = seed;
      const dice = (sides: number): number => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return (state >>> 8) % sides;
      };
      world.network.rules.push(({ bytes }) => {
        if (bytes[0]! > handshake) return undefined;
        const roll = dice(10);
        return roll < 2 ? "drop" : roll < 4 ? "duplicate" : undefined;
      });
      const [server, from] = await withCertificates({ mtu: 400 });
      expect(await world.ask(from, 200_000)).toBe("node n1 x509");
      expect(server.counters).toMatchObject({ handshakesFailed: 0, sessions: 1 });
      await world.stop();
      world = new DtlsWorld();
      world.hasLosses = true;
    }
  }, 60_000);

  it("RFC 7252 9.1: a HelloVerifyRequest is shorter than the hello that asked for it", async () => {
    await world.server();
    expect(await world.ask(await world.client())).toBe("node n1 psk");
    const [request] = flightsOf(helloVerifyRequest);
    const [hello] = flightsOf(1);
    expect(request!.bytes.length).toBeLessThan(hello!.bytes.length);
  });
});
