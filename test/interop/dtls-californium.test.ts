import { createSocket, type Socket } from "node:dgram";
import { existsSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { goodKey, hasDtls, identityOf, pskServer, TestCa } from "../integration/dtls-harness.ts";
import { type DtlsEndpoint, dtlsEndpoint } from "./dtls-endpoint.ts";
import { SteeredPeer } from "./peers/steered-peer.ts";

const folder = ".setup/peers/californium";
const isThere = existsSync(`${folder}/classes/ScandiumPeer.class`);
if (!isThere) console.warn("DTLS with Californium is left out: `npm test` installs it where Java and Maven are.");

const ecdsa = "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8";

/** Scandium, which knows connection IDs (RFC 9146): a stack that shares no code with OpenSSL. */
describe.runIf(isThere && hasDtls())("DTLS with Californium's Scandium", () => {
  const open: { stop(): Promise<unknown> }[] = [];
  let ca: TestCa;

  beforeAll(() => {
    ca = new TestCa();
  });
  afterAll(() => ca.remove());
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.stop();
  });

  async function endpointWith(options: Partial<DtlsOptions>): Promise<DtlsEndpoint> {
    const made = await dtlsEndpoint(options);
    open.push(made.endpoint);
    return made;
  }

  async function scandium(...words: readonly string[]): Promise<SteeredPeer> {
    const java = ["-XX:TieredStopAtLevel=1", "-cp", `${folder}/classes:${folder}/*`, "ScandiumPeer", ...words];
    const peer = new SteeredPeer("java", java);
    open.push(peer);
    await peer.start();
    return peer;
  }

  const psk = ["id=n1", "key=secretPSK"];
  const who = async (peer: SteeredPeer, port: number): Promise<string> => {
    const [answer] = await peer.ask("GET", `coaps://127.0.0.1:${port}/who`);
    return `${answer?.code} ${answer?.text}`;
  };

  it.each([
    ["TLS_PSK_WITH_AES_128_CCM_8", "PSK-AES128-CCM8"],
    ["TLS_PSK_WITH_AES_128_GCM_SHA256", "PSK-AES128-GCM-SHA256"],
  ])("its client asks our server with a known key, by %s", async (suite, ciphers) => {
    const { port, dtls } = await endpointWith({ server: pskServer, ciphers });
    const peer = await scandium(`suite=${suite}`, ...psk);
    expect(await who(peer, port)).toBe("2.05 n1 psk");
    expect(await who(peer, port)).toBe("2.05 n1 psk");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 1, recordsForged: 0, recordsReplayed: 0 });
  });

  it("its client asks our server with a certificate", async () => {
    const certificate = ca.issue("IP:127.0.0.1");
    const { port } = await endpointWith({ certificate, trust: { ca: ca.ca }, server: { identityOf } });
    const node = ca.issue("URI:urn:coxswain:node:gw-7");
    // Its reader goes by the ending of the name.
    const keyFile = `${node.keyFile}.pem`;
    writeFileSync(keyFile, node.key);
    const own = [`cert=${node.certFile}`, `privateKey=${keyFile}`, `ca=${ca.caFile}`];
    expect(await who(await scandium(`suite=${ecdsa}`, ...own), port)).toBe("2.05 gw-7 x509");
    expect(await who(await scandium(`suite=${ecdsa}`, "cid=4", ...own), port)).toBe("2.05 gw-7 x509");
  });

  it.each([
    [0, "TLS_PSK_WITH_AES_128_CCM_8"],
    [6, "TLS_PSK_WITH_AES_128_CCM_8"],
    [6, "TLS_PSK_WITH_AES_128_GCM_SHA256"],
  ])(
    "RFC 9146 3, 4, 5.3, 6: with its connection ID of %i bytes it moves behind a NAT, by %s",
    async (length, suite) => {
      const { port, dtls, endpoint } = await endpointWith({ server: pskServer });
      const nat = await natTo(port);
      open.push(nat);
      const peer = await scandium(`suite=${suite}`, `cid=${length}`, ...psk);
      expect(await who(peer, nat.port)).toBe("2.05 n1 psk");
      nat.rebind();
      expect(await who(peer, nat.port)).toBe("2.05 n1 psk");
      nat.rebind();
      expect(await who(peer, nat.port)).toBe("2.05 n1 psk");
      expect(dtls.counters()).toMatchObject({ handshakesFinished: 1, sessions: 1, sessionsMoved: 2, recordsForged: 0 });
      expect(nat.types("in")).toContain(25);
      expect(nat.types("in")).not.toContain(23);
      expect(nat.types("out").includes(25)).toBe(length > 0);
      await endpoint.stop();
    },
  );

  it("without connection IDs a NAT that rebinds costs a handshake, after silence", async () => {
    const { port, dtls } = await endpointWith({ server: pskServer, connectionId: false });
    const nat = await natTo(port);
    open.push(nat);
    const peer = await scandium("suite=TLS_PSK_WITH_AES_128_CCM_8", "cid=6", ...psk);
    expect(await who(peer, nat.port)).toBe("2.05 n1 psk");
    nat.rebind();
    await peer.ask("resume", "");
    expect(await who(peer, nat.port)).toBe("2.05 n1 psk");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 2, sessionsMoved: 0 });
    expect(nat.types("in")).not.toContain(25);
  });

  it.each(["none", "0", "6"])("our client asks its server, which has a connection ID of %s bytes", async (length) => {
    const words = length === "none" ? [] : [`cid=${length}`];
    const peer = await scandium("suite=TLS_PSK_WITH_AES_128_CCM_8", ...words, ...psk);
    const nat = await natTo(peer.port);
    open.push(nat);
    const { endpoint, dtls } = await endpointWith({ client: { psk: { identity: "n1", key: goodKey } } });
    const ask = async (): Promise<string> => {
      const { payload } = await endpoint.request({
        to: { address: "127.0.0.1", port: nat.port },
        method: "GET",
        path: ["who"],
      });
      return new TextDecoder().decode(payload);
    };
    expect(await ask()).toBe("n1");
    if (length === "6") nat.rebind();
    expect(await ask()).toBe("n1");
    expect(nat.types("in").includes(25)).toBe(length === "6");
    expect(dtls.counters()).toMatchObject({ handshakesFinished: 1, recordsForged: 0 });
  });
});

interface Nat {
  readonly port: number;
  /** Another outer port from now on; the one before is dead. */
  rebind(): void;
  /** First bytes of the datagrams so far: of the client's, or of the server's. */
  types(direction: "in" | "out"): number[];
  stop(): Promise<void>;
}

/** Between one client and a server on `to`. */
async function natTo(to: number): Promise<Nat> {
  const front = createSocket("udp4");
  const types = { in: [] as number[], out: [] as number[] };
  let inside = 0;
  let outer: Socket;
  const rebind = (): void => {
    outer?.close();
    outer = createSocket("udp4");
    outer.on("message", (bytes) => {
      types.out.push(bytes[0]!);
      front.send(bytes, inside, "127.0.0.1");
    });
  };
  rebind();
  front.on("message", (bytes, from) => {
    inside = from.port;
    types.in.push(bytes[0]!);
    outer.send(bytes, to, "127.0.0.1");
  });
  await new Promise<void>((resolve) => front.bind(0, "127.0.0.1", resolve));
  return {
    port: front.address().port,
    rebind,
    types: (direction) => types[direction],
    async stop() {
      for (const socket of [front, outer]) await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}
