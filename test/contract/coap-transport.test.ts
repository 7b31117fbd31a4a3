import { execFileSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it } from "vitest";
import { batchTransport } from "../../coap/transport/batch.ts";
import { type DgramTransportOptions, dgramTransport } from "../../coap/transport/dgram.ts";
import { RemoteAddress } from "../../coap/transport/remote-address.ts";
import type { Transport } from "../../coap/transport/transport.ts";
import { type Log, silentLog } from "../../kernel/log.ts";

/** What every transport over UDP does, by node:dgram and by the native addon. */
const hasAddon = buildsAddon();
const subjects = [
  { name: "node:dgram", isThere: true, make: dgramTransport },
  {
    name: "the native addon",
    isThere: hasAddon,
    make: (options: DgramTransportOptions) => batchTransport({ ...options, log: silentLog }),
  },
];

function buildsAddon(): boolean {
  try {
    execFileSync(process.execPath, ["coap/native/build.mjs"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("The transport contract runs without the native addon: there is no C compiler.");
    return false;
  }
}

interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly isMulticast: boolean;
}

interface Opened {
  readonly transport: Transport;
  readonly heard: Heard[];
  readonly port: number;
  send(text: string | Uint8Array, address: string, port: number): void;
  /** Resolves once `count` datagrams came. */
  arrived(count: number): Promise<Heard[]>;
}

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

const hasIpv6 = Object.values(networkInterfaces()).some((all) => all?.some((each) => each.address === "::1"));
const encoder = new TextEncoder();
const decoder = new TextDecoder();

describe.each(subjects.filter((each) => each.isThere))("a transport by $name", ({ make }) => {
  /** `react` runs in the turn of a datagram. */
  async function open(
    options: Partial<DgramTransportOptions> = {},
    react?: (heard: Heard, source: RemoteAddress, transport: Transport) => void,
  ): Promise<Opened> {
    const transport = make({ address: "127.0.0.1", port: 0, ...options });
    const heard: Heard[] = [];
    const waiting: { count: number; resolve: () => void }[] = [];
    closers.push(() => transport.close());
    await transport.open({
      datagram(bytes, start, end, source) {
        const text = decoder.decode(bytes.slice(start, end));
        const { port, family, isMulticast } = source;
        const one: Heard = { text, address: source.text(), port, family, isMulticast };
        heard.push(one);
        react?.(one, source, transport);
        for (const each of waiting) if (heard.length >= each.count) each.resolve();
      },
    });
    return {
      transport,
      heard,
      port: transport.address().port,
      send(text, address, port) {
        const bytes = typeof text === "string" ? encoder.encode(text) : text;
        transport.send(bytes, 0, bytes.length, RemoteAddress.from(address, port));
      },
      async arrived(count) {
        if (heard.length < count) await new Promise<void>((resolve) => waiting.push({ count, resolve }));
        return heard;
      },
    };
  }

  it("rejects a port that is in use, and an address that isn't this machine's", async () => {
    const { port } = await open();
    await expect(open({ port })).rejects.toMatchObject({ code: "coap.port-in-use", data: { port } });
    await expect(open({ address: "203.0.113.1" })).rejects.toMatchObject({ code: "coap.bind-failed" });
  });

  it.each([70_000, -1, 1.5])("rejects %d, which is no port, and binds no other in its place", async (port) => {
    await expect(open({ port })).rejects.toMatchObject({ code: "coap.bind-failed", data: { port } });
  });

  it("rejects a port in use also when it would answer to a group there", async () => {
    const { port } = await open({ address: "0.0.0.0" });
    const multicast = { groups: ["224.0.1.187"], interfaces: ["127.0.0.1"] };
    await expect(open({ address: "0.0.0.0", port, multicast })).rejects.toMatchObject({ code: "coap.port-in-use" });
  });

  it("rejects a group on an interface that isn't there", async () => {
    const multicast = { groups: ["224.0.1.187"], interfaces: ["nope0"] };
    await expect(open({ multicast })).rejects.toMatchObject({ code: "coap.group-failed" });
  });

  it("carries datagrams with the address they came from, and the answers back", async () => {
    const server = await open({}, (heard, source, transport) => {
      const bytes = encoder.encode(`xx${heard.text}!yy`);
      transport.send(bytes, 2, bytes.length - 2, source);
      bytes.fill(0);
    });
    const client = await open();
    client.send("hello", "127.0.0.1", server.port);
    expect(await client.arrived(1)).toEqual([
      { text: "hello!", address: "127.0.0.1", port: server.port, family: 4, isMulticast: false },
    ]);
    expect(server.heard[0]).toMatchObject({ address: "127.0.0.1", port: client.port });
  });

  it("carries an empty datagram and one of a kilobyte", async () => {
    const server = await open();
    const client = await open();
    client.send("", "127.0.0.1", server.port);
    client.send("k".repeat(1232), "127.0.0.1", server.port);
    expect((await server.arrived(2)).map(({ text }) => text.length)).toEqual([0, 1232]);
  });

  it("keeps the order and the bytes of many in one turn, though the caller uses its buffer again", async () => {
    const server = await open();
    const client = await open();
    const to = RemoteAddress.from("127.0.0.1", server.port);
    const bytes = new Uint8Array(200);
    for (let i = 0; i < 700; i++) {
      bytes.fill(97 + (i % 26));
      client.transport.send(bytes, i % 7, 200 - (i % 11), to);
    }
    const heard = await server.arrived(700);
    expect(
      heard.every(({ text }, i) => text === String.fromCharCode(97 + (i % 26)).repeat(200 - (i % 11) - (i % 7))),
    ).toBe(true);
  });

  it("keeps what is sent in the turn of a datagram apart from what is sent right after it", async () => {
    const server = await open({}, (heard, source, transport) => {
      const answer = (text: string, to: RemoteAddress): void => {
        const bytes = encoder.encode(`${heard.text} ${text}`);
        transport.send(bytes, 0, bytes.length, to);
      };
      const to = new RemoteAddress();
      to.copyFrom(source);
      answer("at once", source);
      queueMicrotask(() => answer("a microtask later", to));
      process.nextTick(() => answer("a tick later", to));
    });
    const client = await open();
    for (let i = 0; i < 20; i++) client.send(`${i}`, "127.0.0.1", server.port);
    const texts = (await client.arrived(60)).map(({ text }) => text);
    const all = ["at once", "a microtask later", "a tick later"];
    expect(new Set(texts)).toEqual(
      new Set(Array.from({ length: 20 }, (_, i) => all.map((each) => `${i} ${each}`)).flat()),
    );
  });

  it("counts a datagram that is too large or can't go, and loses none beside it", async () => {
    const server = await open();
    const client = await open();
    client.send("before", "127.0.0.1", server.port);
    client.send(new Uint8Array(66_000), "127.0.0.1", server.port);
    client.send("between", "127.0.0.1", server.port);
    client.send("nowhere", "127.0.0.1", 0);
    client.send("version 6", "2001:db8::1", server.port);
    client.send("after", "127.0.0.1", server.port);
    expect((await server.arrived(3)).map(({ text }) => text)).toEqual(["before", "between", "after"]);
    await expect.poll(() => client.transport.counters()["sendFailed"]).toBe(3);
  });

  it("goes on after a peer that isn't there", async () => {
    const server = await open();
    const gone = await plainSocket("127.0.0.1");
    const { port } = gone.address();
    await closeSocket(gone);
    server.send("anybody", "127.0.0.1", port);
    const client = await open();
    client.send("still", "127.0.0.1", server.port);
    expect((await server.arrived(1))[0]?.text).toBe("still");
  });

  it("sends what was sent before a close, nothing after it, and can be closed twice", async () => {
    const server = await open();
    const client = await open();
    client.send("last", "127.0.0.1", server.port);
    await client.transport.close();
    client.send("late", "127.0.0.1", server.port);
    await client.transport.close();
    expect((await server.arrived(1)).map(({ text }) => text)).toEqual(["last"]);
    await expect(open({ port: client.port })).resolves.toBeDefined();
  });

  it("may be closed in the turn of a datagram, with others waiting behind it", async () => {
    const closed = Promise.withResolvers<void>();
    const server = await open({}, (_heard, source, transport) => {
      transport.send(encoder.encode("bye"), 0, 3, source);
      transport.close().then(closed.resolve, closed.reject);
    });
    const client = await open();
    for (let i = 0; i < 100; i++) client.send(`${i}`, "127.0.0.1", server.port);
    await closed.promise;
    expect(server.heard).toHaveLength(1);
    expect((await client.arrived(1))[0]?.text).toBe("bye");
  });

  it("tells multicast from unicast, bound to one address or to all", async () => {
    for (const address of ["127.0.0.1", "0.0.0.0"]) {
      const multicast = { groups: ["224.0.1.187"], interfaces: ["127.0.0.1"] };
      const server = await open({ address, multicast });
      const client = await plainSocket("127.0.0.1");
      client.setMulticastInterface("127.0.0.1");
      client.send("all", server.port, "224.0.1.187");
      await server.arrived(1);
      client.send("one", server.port, "127.0.0.1");
      const heard = await server.arrived(2);
      expect(heard.map(({ text, isMulticast }) => [text, isMulticast])).toEqual([
        ["all", true],
        ["one", false],
      ]);
      expect(heard[0]).toMatchObject({ address: "127.0.0.1", port: client.address().port });
      server.send("back", "127.0.0.1", client.address().port);
      await new Promise((resolve) => client.once("message", resolve));
      await closeSocket(client);
    }
  });

  it.runIf(hasIpv6)("carries IPv6, and both versions on one socket", async () => {
    const answer = (heard: Heard, source: RemoteAddress, transport: Transport): void => {
      const bytes = encoder.encode(heard.text.toUpperCase());
      transport.send(bytes, 0, bytes.length, source);
    };
    const both = await open({ address: "::" }, answer);
    const v6 = await open({ address: "::1" });
    const v4 = await open();
    v6.send("six", "::1", both.port);
    v4.send("four", "127.0.0.1", both.port);
    expect((await v6.arrived(1))[0]).toEqual({
      text: "SIX",
      address: "::1",
      port: both.port,
      family: 6,
      isMulticast: false,
    });
    expect((await v4.arrived(1))[0]).toMatchObject({ text: "FOUR", address: "127.0.0.1", family: 4 });
    expect(new Set(both.heard.map(({ address, family }) => `${address} ${family}`))).toEqual(
      new Set(["127.0.0.1 4", "::1 6"]),
    );
  });

  it("gives sockets for discovery", async () => {
    const server = await open({
      address: "0.0.0.0",
      multicast: { groups: ["224.0.1.187"], interfaces: ["127.0.0.1"] },
    });
    const name = server.transport.interfaces().find((each) => each === "lo" || each === "lo0");
    const own = server.transport.ephemeral({ family: 4, interface: name });
    closers.push(() => own.close());
    await own.open({ datagram: () => {} });
    own.send(encoder.encode("who"), 0, 3, RemoteAddress.from("224.0.1.187", server.port));
    expect((await server.arrived(1))[0]).toMatchObject({ text: "who", isMulticast: true, port: own.address().port });
  });
});

describe.runIf(hasAddon)("the native addon alone", () => {
  const open = async (options: Partial<DgramTransportOptions & { maxDatagram: number }>, echo: boolean) => {
    const transport = batchTransport({ address: "127.0.0.1", port: 0, log: silentLog, ...options });
    closers.push(() => transport.close());
    const kept = new RemoteAddress();
    await transport.open({
      datagram(bytes, start, end, source) {
        kept.copyFrom(source);
        if (echo) transport.send(bytes, start, end, source);
      },
    });
    return { transport, kept, port: transport.address().port };
  };

  it("answers from the address that was asked, at once and later", async () => {
    for (const address of ["0.0.0.0", "::"]) {
      const { transport, kept, port } = await open({ address }, true);
      const client = await plainSocket("127.0.0.1");
      const from = (): Promise<string> =>
        new Promise((resolve) => client.once("message", (_bytes, remote) => resolve(remote.address)));
      const atOnce = from();
      client.send("where", port, "127.0.0.77");
      expect(await atOnce).toBe("127.0.0.77");
      const later = from();
      transport.send(encoder.encode("later"), 0, 5, kept);
      expect(await later).toBe("127.0.0.77");
      await closeSocket(client);
    }
  });

  it("drops and counts what is longer than its slots", async () => {
    const { transport, port } = await open({ maxDatagram: 128 }, false);
    const client = await plainSocket("127.0.0.1");
    client.send(new Uint8Array(129), port, "127.0.0.1");
    client.send(new Uint8Array(128), port, "127.0.0.1");
    await expect.poll(() => transport.counters()["received"]).toBe(2);
    expect(transport.counters()["receivedTooLong"]).toBe(1);
    await closeSocket(client);
  });

  it("lets several sockets share a port when all ask for it", async () => {
    const { port } = await open({ reuse: true }, false);
    await expect(open({ port, reuse: true }, false)).resolves.toBeDefined();
    await expect(open({ port }, false)).rejects.toMatchObject({ code: "coap.port-in-use" });
  });

  // node:dgram can't set IP_MULTICAST_ALL, so there such a datagram passes for unicast.
  it("doesn't hear a group that somebody else on the machine joined", async () => {
    const texts: string[] = [];
    const heard = Promise.withResolvers<void>();
    const transport = batchTransport({ address: "0.0.0.0", port: 0, log: silentLog });
    closers.push(() => transport.close());
    await transport.open({
      datagram(bytes, start, end) {
        texts.push(decoder.decode(bytes.slice(start, end)));
        heard.resolve();
      },
    });
    const other = await plainSocket("0.0.0.0");
    other.addMembership("224.0.1.188", "127.0.0.1");
    other.setMulticastInterface("127.0.0.1");
    other.send("not for you", transport.address().port, "224.0.1.188");
    other.send("for you", transport.address().port, "127.0.0.1");
    await heard.promise;
    expect(texts).toEqual(["for you"]);
    await closeSocket(other);
  });

  it("reads many with one call and sends many with one", async () => {
    const { transport, port } = await open({}, true);
    const { transport: client } = await open({}, false);
    const to = RemoteAddress.from("127.0.0.1", port);
    for (let i = 0; i < 512; i++) client.send(encoder.encode("burst"), 0, 5, to);
    await expect.poll(() => client.counters()["received"]).toBe(512);
    expect(transport.counters()).toMatchObject({ received: 512, sent: 512, sendFailed: 0 });
    expect(transport.counters()["batches"]).toBeLessThan(32);
  });
});

it("without the addon, node:dgram takes its place and the log says how to get it, once", async () => {
  const lines: unknown[] = [];
  const log: Log = { ...silentLog, warn: (event, data) => lines.push([event, data]) };
  const addon = { isThere: false, reason: "it is not built" } as const;
  const transport = batchTransport({ address: "127.0.0.1", port: 0, log, addon });
  closers.push(() => transport.close());
  await transport.open({ datagram: () => {} });
  expect(lines).toEqual([
    [
      "coap-addon-missing",
      expect.objectContaining({ reason: "it is not built", remedy: expect.stringContaining("build.mjs") }),
    ],
  ]);
  expect(transport.counters()).not.toHaveProperty("batches");
});

async function plainSocket(address: string): Promise<Socket> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket;
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
