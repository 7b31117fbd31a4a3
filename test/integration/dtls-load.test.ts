import { afterEach, describe, expect, it } from "vitest";
import { type DtlsSecurity, dtlsSecurity } from "../../coap/security/dtls.ts";
import type { DtlsOptions } from "../../coap/security/dtls-options.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import { silentLog } from "../../kernel/log.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { goodKey, hasDtls, pskServer } from "./dtls-harness.ts";

const serverAddress = RemoteAddress.from("10.0.0.1", 5684);

/** Datagrams handed from one side to the other without a network. */
describe.runIf(hasDtls())("DTLS under load", () => {
  const open: DtlsSecurity[] = [];
  afterEach(() => {
    for (const each of open.splice(0)) each.stop();
  });

  interface Side {
    readonly dtls: DtlsSecurity;
    readonly messages: { text: string; from: RemoteAddress }[];
    readonly sent: { bytes: Uint8Array; to: RemoteAddress }[];
  }

  function side(clock: VirtualClock, options: Partial<DtlsOptions>): Side {
    const dtls = dtlsSecurity({ clock, log: silentLog, ...options });
    const messages: Side["messages"] = [];
    const sent: Side["sent"] = [];
    const copy = (address: RemoteAddress): RemoteAddress => {
      const kept = new RemoteAddress();
      kept.copyFrom(address);
      return kept;
    };
    dtls.start(
      {
        message: (bytes, start, end, source) =>
          messages.push({ text: new TextDecoder().decode(bytes.slice(start, end)), from: copy(source) }),
      },
      { send: (bytes, start, end, to) => sent.push({ bytes: bytes.slice(start, end), to: copy(to) }) },
    );
    open.push(dtls);
    return { dtls, messages, sent };
  }

  /** Until nothing is under way. The client's own address is what the server sees. */
  function exchange(client: Side, server: Side, clientAddress: RemoteAddress): void {
    while (client.sent.length + server.sent.length > 0) {
      for (const { bytes } of client.sent.splice(0)) server.dtls.datagram(bytes, 0, bytes.length, clientAddress);
      for (const { bytes } of server.sent.splice(0)) client.dtls.datagram(bytes, 0, bytes.length, serverAddress);
    }
  }

  const hello = new TextEncoder().encode("hello");

  it("300 000 forged hellos leave no handshake, no session and no memory behind, and a client is served right after", () => {
    const clock = new VirtualClock();
    const server = side(clock, { server: pskServer });
    const client = side(clock, { client: { psk: { identity: "n1", key: goodKey } } });
    client.dtls.send(hello, 0, hello.length, serverAddress);
    const forged = client.sent[0]!.bytes.slice();
    const flood = (count: number): void => {
      for (let i = 0; i < count; i++) {
        const source = new RemoteAddress();
        source.setIpv4(0x0b000000 + i, 1 + (i % 65_535));
        server.dtls.datagram(forged, 0, forged.length, source);
        server.sent.length = 0;
      }
    };
    flood(50_000);
    const before = process.memoryUsage().rss;
    flood(300_000);
    const grown = process.memoryUsage().rss - before;
    expect(server.dtls.counters()).toMatchObject({ challenged: 350_000, handshakes: 0, sessions: 0 });
    // The garbage collector's own breathing is within this; a byte for each hello would show in the counters above.
    expect(grown).toBeLessThan(64 * 1_048_576);
    exchange(client, server, RemoteAddress.from("10.0.0.2", 1));
    expect(server.messages.map(({ text }) => text)).toEqual(["hello"]);
  });

  it("a ServerHello takes the record number of its ClientHello, so that no HelloVerifyRequest has the same", () => {
    const clock = new VirtualClock();
    const server = side(clock, { server: pskServer });
    const client = side(clock, { client: { psk: { identity: "n1", key: goodKey } } });
    const address = RemoteAddress.from("10.0.0.2", 1);
    client.dtls.send(hello, 0, hello.length, serverAddress);
    const first = client.sent.splice(0)[0]!.bytes;
    server.dtls.datagram(first, 0, first.length, address);
    const request = server.sent.splice(0)[0]!.bytes;
    client.dtls.datagram(request, 0, request.length, serverAddress);
    // As if the client had repeated its first hello before.
    client.sent[0]!.bytes[10] = 9;
    const second = client.sent.splice(0)[0]!.bytes;
    server.dtls.datagram(second, 0, second.length, address);
    expect(server.sent[0]!.bytes[10]).toBe(9);
    exchange(client, server, address);
    expect(server.messages.map(({ text }) => text)).toEqual(["hello"]);
  });

  it("10 000 clients hold sessions at once and each is heard", () => {
    const clock = new VirtualClock();
    const server = side(clock, { server: pskServer, limits: { handshakesPerSource: 10_000 } });
    const clients: [Side, RemoteAddress][] = [];
    // One security layer holds one session with the server, so each client is one.
    for (let i = 0; i < 10_000; i++) {
      const address = new RemoteAddress();
      address.setIpv4(0x0a000100 + (i >> 4), 1000 + (i & 15));
      const limits = { sessions: 1, handshakes: 1 };
      const client = side(clock, { client: { psk: { identity: "n1", key: goodKey } }, limits });
      client.dtls.send(hello, 0, hello.length, serverAddress);
      exchange(client, server, address);
      clients.push([client, address]);
    }
    expect(server.dtls.counters()).toMatchObject({ sessions: 10_000, handshakesFinished: 10_000, handshakesFailed: 0 });
    for (const [client, address] of clients) {
      client.dtls.send(hello, 0, hello.length, serverAddress);
      exchange(client, server, address);
    }
    expect(server.messages).toHaveLength(20_000);
  }, 60_000);
});
