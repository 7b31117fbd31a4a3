import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import type { CoapResponse } from "../../coap/client-types.ts";
import { CoapEndpoint } from "../../coap/endpoint.ts";
import { Code } from "../../coap/message.ts";
import { type DgramTransportOptions, dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { textOf } from "./coap-harness.ts";

const open: CoapEndpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.stop();
});

async function start(options: Partial<DgramTransportOptions> = {}): Promise<CoapEndpoint> {
  const transport = dgramTransport({ address: "127.0.0.1", port: 0, ...options });
  const endpoint = new CoapEndpoint({
    transport,
    clock: systemClock,
    entropy: systemEntropy,
    log: silentLog,
    limits: { leisureMs: 50, ackTimeoutMs: 300 },
    congestion: "controlled-elsewhere",
  });
  endpoint.route({
    method: "GET",
    path: "/who",
    replay: "again",
    attributes: { rt: "who" },
    answer(request, reply) {
      reply.payload = new TextEncoder().encode(
        `${request.peer.address} ${request.peer.family} ${request.peer.isLoopback}`,
      );
    },
  });
  endpoint.route({
    method: "GET",
    path: "/large",
    replay: "again",
    answer(_request, reply) {
      reply.payload = new Uint8Array(100_000).fill(7);
    },
  });
  open.push(endpoint);
  await endpoint.start();
  return endpoint;
}
const get = (from: CoapEndpoint, address: string, port: number, path = "who"): Promise<CoapResponse> =>
  from.request({ to: { address, port }, method: "GET", path: [path] });

describe("UDP by node:dgram", () => {
  it("says that a port is in use, also when the socket would share it with a group", async () => {
    const { port } = (await start()).address();
    await expect(start({ port })).rejects.toMatchObject({ code: "coap.port-in-use", data: { port } });
    const wildcard = await start({ address: "0.0.0.0" });
    const taken = wildcard.address().port;
    await expect(
      start({ address: "0.0.0.0", port: taken, multicast: { groups: ["224.0.1.187"], interfaces: ["127.0.0.1"] } }),
    ).rejects.toMatchObject({ code: "coap.port-in-use" });
  });

  it("says that an address isn't this machine's, or that an interface isn't there", async () => {
    await expect(start({ address: "203.0.113.1" })).rejects.toMatchObject({ code: "coap.bind-failed" });
    await expect(start({ multicast: { groups: ["224.0.1.187"], interfaces: ["nope0"] } })).rejects.toMatchObject({
      code: "coap.group-failed",
    });
  });

  it("serves IPv4, IPv6 and both from one socket", async () => {
    const v4 = await start();
    expect(textOf((await get(v4, "127.0.0.1", v4.address().port)).payload)).toBe("127.0.0.1 4 true");
    const v6 = await start({ address: "::1" });
    expect(textOf((await get(v6, "::1", v6.address().port)).payload)).toBe("::1 6 true");
    const both = await start({ address: "::" });
    expect(textOf((await get(v4, "127.0.0.1", both.address().port)).payload)).toBe("127.0.0.1 4 true");
    expect(textOf((await get(v6, "::1", both.address().port)).payload)).toBe("::1 6 true");
    expect(textOf((await get(both, "127.0.0.1", v4.address().port)).payload)).toBe("127.0.0.1 4 true");
  });

  it("carries large bodies block by block", async () => {
    const [server, client] = [await start(), await start()];
    const { payload } = await get(client, "127.0.0.1", server.address().port, "large");
    expect([payload.length, payload.every((byte) => byte === 7)]).toEqual([100_000, true]);
  });

  it("RFC 7252 4.2: ICMP errors, whose origin the socket doesn't tell, are ignored: a dead port is silence", async () => {
    const client = await start();
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    const { port } = socket.address();
    // Nobody is there now: the kernel answers each datagram with "port unreachable".
    await new Promise<void>((resolve) => socket.close(() => resolve()));
    await expect(
      client.request({ to: { address: "127.0.0.1", port }, method: "GET", path: [], signal: AbortSignal.timeout(400) }),
    ).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("multicast on loopback, without root or a route", () => {
  for (const address of ["127.0.0.1", "0.0.0.0"]) {
    it(`finds a server bound to ${address}`, async () => {
      const server = await start({ address, multicast: { groups: ["224.0.1.187"], interfaces: ["127.0.0.1"] } });
      const { port } = server.address();
      const client = await start();
      const found: number[] = [];
      await client.discover(
        { group: "224.0.1.187", port, interfaces: ["127.0.0.1"], query: "rt=who", waitMs: 300 },
        (response) => {
          expect(response.code).toBe(Code.content);
          found.push(response.from.port);
        },
      );
      expect(found).toEqual([port]);
      const byName = Object.keys(networkInterfaces()).find((name) =>
        networkInterfaces()[name]?.some((entry) => entry.address === "127.0.0.1"),
      );
      await client.discover({ group: "224.0.1.187", port, interfaces: [byName!], query: "rt=other", waitMs: 150 }, () =>
        found.push(-1),
      );
      expect(found).toEqual([port]);
    });
  }
});
