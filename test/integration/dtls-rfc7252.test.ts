import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { CoapEndpoint } from "../../coap/endpoint.ts";
import { dtlsCiphers } from "../../coap/security/dtls-options.ts";
import type { MemoryDatagram } from "../../coap/transport/memory.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { goodKey, hasDtls, identityOf, pskServer, TestCa } from "./dtls-harness.ts";
import { DtlsWorld, type Party } from "./dtls-world.ts";

const applicationData = 23;
const clientHello = 1;
const here = RemoteAddress.from("10.0.0.2", 40_000);

/** RFC 7252 section 9, clause by clause. Without connection IDs, so that records show their types. */
describe.runIf(hasDtls())("CoAP over DTLS", () => {
  let world: DtlsWorld;
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());
  beforeEach(() => {
    world = new DtlsWorld({ connectionId: false });
  });
  afterEach(() => world.stop());

  const codeOf = (asked: Promise<unknown>): Promise<string> =>
    asked.then(
      () => "answered",
      (error: unknown) => (error instanceof Error && "code" in error ? String(error.code) : String(error)),
    );
  const request = (from: Party, path: string): ReturnType<CoapEndpoint["request"]> =>
    from.endpoint.request({ to: { address: "10.0.0.1", port: 5684 }, method: "GET", path: [path] });
  const dataTo = (port: number): MemoryDatagram[] =>
    world.sent.filter(({ bytes, to }) => bytes[0] === applicationData && to.port === port);

  it("RFC 7252 6.2, 9.1.1: each CoAP message is one record of application data, and nothing else goes in the clear", async () => {
    const server = await world.server();
    const from = await world.client();
    expect(await world.ask(from)).toBe("node n1 psk");
    // The request and its answer, each a record by itself.
    expect(dataTo(5684)).toHaveLength(1);
    expect(dataTo(40_000)).toHaveLength(1);
    for (const { bytes } of [...dataTo(5684), ...dataTo(40_000)]) {
      expect(bytes.length).toBe(13 + ((bytes[11]! << 8) | bytes[12]!));
    }
    const plain = Uint8Array.of(0x40, 1, 9, 9, 0xb3, ...new TextEncoder().encode("who"));
    world.network.carry(plain, { address: "10.0.0.2", port: 40_000, family: 4 }, RemoteAddress.from("10.0.0.1", 5684));
    await world.clock.advance(100);
    expect(world.asked).toHaveLength(1);
    expect(server.counters["notDtls"]).toBe(1);
  });

  it("RFC 7252 9.1.1: a request isn't sent again in another session, it fails with its own", async () => {
    const server = await world.server();
    const from = await world.client();
    await world.ask(from);
    world.network.rules.push(({ bytes, to }) =>
      to.port === 40_000 && bytes[0] === applicationData ? "drop" : undefined,
    );
    const failed = codeOf(request(from, "who"));
    await world.clock.advance(500);
    expect(world.asked).toHaveLength(2);
    server.dtls.revoke("n1");
    await world.clock.advance(100);
    expect(await failed).toBe("coap.association-ended");
    await world.clock.advance(120_000);
    expect(from.counters["handshakesFinished"]).toBe(1);
    expect(world.asked).toHaveLength(2);
    world.network.rules.length = 0;
    expect(await world.ask(from)).toBe("node n1 psk");
  });

  it("RFC 7252 9.1.1, 9.1.2: what belongs to one session never goes out in the next one at the same address", async () => {
    const server = await world.server();
    let answer: ((text: string) => void) | undefined;
    let isAborted = false;
    server.endpoint.route({
      method: "GET",
      path: "/slow",
      replay: "again",
      later: (_request, signal) => {
        signal.addEventListener("abort", () => {
          isAborted = true;
        });
        return new Promise((resolve) => {
          answer = (text) => resolve({ payload: new TextEncoder().encode(text) });
        });
      },
    });
    const first = await world.client();
    await world.ask(first);
    void codeOf(request(first, "slow"));
    await world.clock.advance(1000);
    expect(answer).toBeDefined();
    // It vanishes, and another node gets its address: a handshake, and not one request yet.
    world.network.rules.push(({ from }) => (from.address === "10.0.0.2" ? "drop" : undefined));
    await first.endpoint.stop();
    world.network.rules.length = 0;
    world.network.rules.push(({ bytes, to }) =>
      to.port === 5684 && bytes[0] === applicationData ? "drop" : undefined,
    );
    const second = await world.client("n2", new TextEncoder().encode("another"));
    void codeOf(request(second, "who"));
    await world.clock.advance(500);
    expect(server.counters).toMatchObject({ handshakesFinished: 2, sessions: 1 });
    const before = dataTo(40_000).length;
    answer?.("for n1 alone");
    await world.clock.advance(60_000);
    expect(dataTo(40_000)).toHaveLength(before);
    expect(isAborted).toBe(true);
  });

  it("RFC 7252 9.1.1: a confirmable answer isn't sent again in the next session at its address", async () => {
    const server = await world.server();
    server.endpoint.route({
      method: "GET",
      path: "/slow",
      replay: "again",
      later: async () => {
        await new Promise<void>((resolve) => world.clock.after(300, resolve));
        return { payload: new TextEncoder().encode("for n1 alone") };
      },
    });
    const first = await world.client();
    await world.ask(first);
    // It vanishes after its request: the answer goes out, and nobody acknowledges it.
    void codeOf(request(first, "slow"));
    await world.clock.advance(100);
    world.network.rules.push(({ from }) => (from.address === "10.0.0.2" ? "drop" : undefined));
    await world.clock.advance(400);
    await first.endpoint.stop();
    expect(server.endpoint.counters()["held.outstanding"]).toBe(1);
    world.network.rules.length = 0;
    world.network.rules.push(({ bytes, to }) =>
      to.port === 5684 && bytes[0] === applicationData ? "drop" : undefined,
    );
    const second = await world.client("n2", new TextEncoder().encode("another"));
    void codeOf(request(second, "who"));
    await world.clock.advance(500);
    expect(server.counters).toMatchObject({ handshakesFinished: 2, sessions: 1 });
    const before = dataTo(40_000).length;
    await world.clock.advance(100_000);
    expect(dataTo(40_000)).toHaveLength(before);
    expect(server.endpoint.counters()["held.outstanding"]).toBe(0);
  });

  it("RFC 7252 9.1.2: an answer in the clear to a request under DTLS is dropped", async () => {
    await world.server();
    const from = await world.client();
    await world.ask(from);
    world.network.rules.push(({ to }) => (to.port === 40_000 ? "drop" : undefined));
    const asked = codeOf(request(from, "who"));
    await world.clock.advance(100);
    world.network.rules.length = 0;
    const before = from.counters["notDtls"]!;
    // Every message ID and the empty token: were it looked at, one of them would match.
    for (let id = 0; id < 65_536; id += 1) {
      world.network.carry(
        Uint8Array.of(0x60, 0x45, id >> 8, id & 255),
        { address: "10.0.0.1", port: 5684, family: 4 },
        here,
      );
      if (id % 4096 === 0) await world.clock.advance(10);
    }
    await world.clock.advance(100);
    expect(from.counters["notDtls"]! - before).toBe(65_536);
    expect(from.endpoint.counters()["responses"]).toBeLessThanOrEqual(2);
    await world.clock.advance(120_000);
    expect(await asked).toBe("answered");
  });

  const helloOf = (port: number): Buffer =>
    Buffer.from(
      world.sent.find(({ bytes, from }) => from.port === port && bytes[0] === 22 && bytes[13] === clientHello)!.bytes,
    );
  async function withCertificate(names: string, serverName?: string): Promise<[Party, Party]> {
    const trust = { ca: ca.ca };
    const server = await world.server({ certificate: ca.issue(names), trust, server: { identityOf } });
    const named = serverName === undefined ? {} : { serverName: () => serverName };
    const certificate = ca.issue("URI:urn:coxswain:node:gw-7");
    return [server, await world.client("", goodKey, 1, { client: named, certificate, trust })];
  }

  it("RFC 7252 9.1.3: a client names the server in its hello, but not by an address", async () => {
    const [, from] = await withCertificate("DNS:manager.example", "manager.example");
    expect(await world.ask(from)).toBe("node gw-7 x509");
    expect(helloOf(1).includes("manager.example")).toBe(true);
    await world.stop();
    world = new DtlsWorld({ connectionId: false });
    const [, byAddress] = await withCertificate("IP:10.0.0.1");
    expect(await world.ask(byAddress)).toBe("node gw-7 x509");
    expect(helloOf(1).includes("10.0.0.1")).toBe(false);
  });

  it("RFC 7252 9.1.3.1, 9.1.3.3: the mandatory suites are offered, and enough by themselves", async () => {
    expect(dtlsCiphers.split(":")).toEqual(expect.arrayContaining(["PSK-AES128-CCM8", "ECDHE-ECDSA-AES128-CCM8"]));
    await world.server({ ciphers: "PSK-AES128-CCM8" });
    expect(await world.ask(await world.client())).toBe("node n1 psk");
    // TLS_PSK_WITH_AES_128_CCM_8 is 0xC0A8.
    expect(helloOf(40_000).includes(Buffer.of(0xc0, 0xa8))).toBe(true);
  });

  it("RFC 7252 9.1.3.3: a client with a certificate offers secp256r1, uncompressed points and ECDSA with SHA-256", async () => {
    const [, from] = await withCertificate("IP:10.0.0.1");
    expect(await world.ask(from)).toBe("node gw-7 x509");
    const hello = helloOf(1);
    // TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8, supported_groups with 23, ec_point_formats with 0, signature_algorithms with 4, 3.
    expect(hello.includes(Buffer.of(0xc0, 0xae))).toBe(true);
    expect(hello.includes(Buffer.of(0, 10, 0, 6, 0, 4, 0, 23))).toBe(true);
    expect(hello.indexOf(Buffer.of(0, 11, 0))).toBeGreaterThan(0);
    expect(hello.includes(Buffer.of(4, 3))).toBe(true);
  });

  it.each([
    ["URI:coaps://10.0.0.1", undefined, true],
    ["URI:coap://manager.example:5683/a,DNS:other.example", "MANAGER.example", true],
    ["URI:coaps://10.0.0.9,IP:10.0.0.1", undefined, false],
    ["URI:coaps://10.0.0.1.example,IP:10.0.0.1", undefined, false],
    ["URI:https://10.0.0.9,IP:10.0.0.1", undefined, true],
    ["DNS:*.example", "manager.example", false],
  ])("RFC 7252 9.1.3.3: a server certificate for %s asked as %s is good: %s", async (names, serverName, isGood) => {
    const [, from] = await withCertificate(names, serverName);
    const answer = await world.ask(from, 3000);
    expect(answer === "node gw-7 x509").toBe(isGood);
    expect(world.asked).toHaveLength(isGood ? 1 : 0);
  });

  it.each([
    ["manager.example", true],
    ["*.example", false],
    ["other.example", false],
  ])(
    "RFC 7252 9.1.3.3: a server certificate without other names is for its common name %s: %s",
    async (commonName, isGood) => {
      const trust = { ca: ca.ca };
      await world.server({ certificate: ca.issue("", { commonName }), trust, server: { identityOf } });
      const certificate = ca.issue("URI:urn:coxswain:node:gw-7");
      const client = { serverName: () => "manager.example" };
      const from = await world.client("", goodKey, 1, { client, certificate, trust });
      expect((await world.ask(from, 3000)) === "node gw-7 x509").toBe(isGood);
      expect(world.asked).toHaveLength(isGood ? 1 : 0);
    },
  );

  it("RFC 7252 9.1.3.3: with other names, whatever they are, the common name says nothing", async () => {
    const trust = { ca: ca.ca };
    for (const names of ["URI:urn:coxswain:node:gw-9", "email:a@b.example", "IP:10.0.0.9"]) {
      const own = ca.issue(names, { commonName: "manager.example" });
      await world.server({ certificate: own, trust, server: { identityOf } });
      const certificate = ca.issue("URI:urn:coxswain:node:gw-7");
      const client = { serverName: () => "manager.example" };
      const from = await world.client("", goodKey, 1, { client, certificate, trust });
      expect([names, await world.ask(from, 3000)]).not.toEqual([names, "node gw-7 x509"]);
      expect(world.asked).toHaveLength(0);
      await world.stop();
      world = new DtlsWorld({ connectionId: false });
    }
  });

  it("RFC 7252 9.1.3.3: who has a key beside its certificate uses both, by ECDHE-PSK", async () => {
    const trust = { ca: ca.ca };
    await world.server({ certificate: ca.issue("IP:10.0.0.1"), trust, server: pskServer });
    const certificate = ca.issue("URI:urn:coxswain:node:gw-7");
    const both = { client: { psk: { identity: "n1", key: goodKey } }, certificate, trust };
    expect(await world.ask(await world.client("n1", goodKey, 1, both))).toBe("node n1 psk");
    const hello = world.sent.find(({ bytes, from }) => from.port === 5684 && bytes[0] === 22 && bytes[13] === 2)!;
    // TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 is 0xCCAC.
    expect(Buffer.from(hello.bytes).includes(Buffer.of(0xcc, 0xac))).toBe(true);
    expect(await world.ask(await world.client("n1", goodKey, 2, { client: {}, certificate, trust }))).toBe(
      "node gw-7 x509",
    );
  });
});
