import fc from "fast-check";
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { checkPacket } from "./packet-check.ts";
import { type Packet, PacketFramer } from "./packet-framer.ts";
import { keepAliveOffset, mapFilters, publishLevels, readUint16, refusedPublish } from "./packet-rewrite.ts";

function frame(bytes: Uint8Array): Packet {
  const framer = new PacketFramer(1 << 20);
  framer.append(bytes);
  const packet = framer.next();
  if (typeof packet === "string") throw new Error(packet);
  return packet;
}

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(" ", ""), "hex"));
const connect = (tail: string): string => {
  const body = `00 04 4d515454 ${tail}`.replaceAll(" ", "");
  return `10 ${(body.length / 2).toString(16).padStart(2, "0")} ${body}`;
};

test.each([
  ["a reserved type", "00 00"],
  ["another reserved type", "f0 00"],
  ["a packet only servers send", "20 02 00 00"],
  ["PINGREQ with a body", "c0 01 00"],
  ["PINGREQ with flags", "c1 00"],
  ["DISCONNECT with a body", "e0 01 00"],
  ["PUBACK without its packet id", "40 00"],
  ["PUBACK with half a packet id", "40 01 01"],
  ["PUBACK with packet id 0", "40 02 00 00"],
  ["PUBACK with a byte too many", "40 03 00 01 00"],
  ["PUBREL without its flags", "60 02 00 01"],
  ["PUBLISH of QoS 3", "36 05 00 01 61 00 01"],
  ["PUBLISH of QoS 0 with DUP", "38 03 00 01 61"],
  ["PUBLISH with an empty topic", "30 02 00 00"],
  ["PUBLISH whose topic is longer than the packet", "30 03 00 05 61"],
  ["PUBLISH with a wildcard", "30 04 00 02 61 23"],
  ["PUBLISH with a NUL in its topic", "30 04 00 02 61 00"],
  ["PUBLISH with bad UTF-8 in its topic", "30 04 00 02 c3 28"],
  ["PUBLISH with a surrogate in its topic", "30 05 00 03 ed a0 80"],
  ["PUBLISH of QoS 1 without packet id", "32 03 00 01 61"],
  ["PUBLISH of QoS 1 with packet id 0", "32 05 00 01 61 00 00"],
  ["SUBSCRIBE without a filter", "82 02 00 01"],
  ["SUBSCRIBE without flags", "80 06 00 01 00 01 61 00"],
  ["SUBSCRIBE with QoS 3", "82 06 00 01 00 01 61 03"],
  ["SUBSCRIBE without a QoS", "82 05 00 01 00 01 61"],
  ["SUBSCRIBE with an empty filter", "82 05 00 01 00 00 00"],
  ["UNSUBSCRIBE whose filter is cut", "a2 04 00 01 00 01"],
  ["CONNECT with a foreign protocol name", "10 0c 00 04 4d515455 04 02 00 3c 00 00"],
  ["CONNECT that ends in its name", "10 04 00 04 4d 51"],
  ["CONNECT with its reserved flag", connect("04 03 003c 0001 61")],
  ["CONNECT with will flags but no will", connect("04 0a 003c 0001 61")],
  ["CONNECT with will QoS 3", connect("04 1e 003c 0001 61 0001 62 0001 63")],
  ["CONNECT with a password but no user", connect("04 42 003c 0001 61 0001 62")],
  ["CONNECT without the user it promises", connect("04 82 003c 0001 61")],
  ["CONNECT with bytes behind its end", connect("04 02 003c 0001 61 00")],
  ["CONNECT without a client id", connect("04 02 003c")],
])("malformed: %s", (_name, text) => {
  const framer = new PacketFramer(1000);
  framer.append(hex(text));
  const packet = framer.next();
  expect(typeof packet === "string" ? packet : checkPacket(packet)).toBe("malformed");
});

test.each([
  ["MQTT 5", connect("05 02 003c 00 0001 61")],
  ["MQTT 3.1.1 in bridge mode", connect("84 02 003c 0001 61")],
  ["level 3 by the wrong name", connect("03 02 003c 0001 61")],
])("another version: %s", (_name, text) => {
  expect(checkPacket(frame(hex(text)))).toBe("unsupported-version");
});

const wellFormed = [
  generate({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    clientId: "node-1",
    keepalive: 60,
    username: "u",
    password: Buffer.from("p"),
    will: { topic: "w", payload: Buffer.from("x"), qos: 1, retain: true },
  }),
  generate({
    cmd: "connect",
    protocolId: "MQIsdp",
    protocolVersion: 3,
    clean: true,
    clientId: "node-1",
    keepalive: 60,
  }),
  generate({ cmd: "publish", topic: "a/ä", payload: "hello", qos: 2, messageId: 7, retain: true, dup: true }),
  generate({ cmd: "publish", topic: "a", payload: "", qos: 0, retain: false, dup: false }),
  generate({
    cmd: "subscribe",
    messageId: 9,
    subscriptions: [
      { topic: "a/#", qos: 1 },
      { topic: "b", qos: 2 },
    ],
  }),
  generate({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["a/#", "b"] }),
  generate({ cmd: "puback", messageId: 1 }),
  generate({ cmd: "pubrel", messageId: 1 }),
  generate({ cmd: "pingreq" }),
  generate({ cmd: "disconnect" }),
].map((bytes) => Uint8Array.from(bytes));

test("what another implementation writes is well-formed", () => {
  for (const bytes of wellFormed) expect(checkPacket(frame(bytes))).toBe("well-formed");
});

test("any bytes at all get a verdict, never an exception", () => {
  fc.assert(
    fc.property(fc.nat(255), fc.uint8Array({ maxLength: 100 }), (first, body) => {
      const verdict = checkPacket({ bytes: Uint8Array.of(first, body.length, ...body), bodyAt: 2 });
      expect(["well-formed", "malformed", "unsupported-version"]).toContain(verdict);
    }),
    { numRuns: 2000 },
  );
});

test("what can't begin a packet is malformed before its length has come", () => {
  for (let first = 0; first < 256; first++) {
    const framer = new PacketFramer(1000);
    framer.append(Uint8Array.of(first));
    const isPossible = [0x10, 0x40, 0x50, 0x62, 0x70, 0x82, 0xa2, 0xc0, 0xe0].includes(first);
    const isPublish = first >= 0x30 && first < 0x40 && ![0x36, 0x37, 0x3e, 0x3f].includes(first);
    expect(framer.next()).toBe(isPossible || isPublish ? "incomplete" : "malformed");
  }
});

test("a length that never ends is malformed, one over the limit is refused before its body", () => {
  const endless = new PacketFramer(1000);
  endless.append(hex("30 ff ff ff ff 01"));
  expect(endless.next()).toBe("malformed");
  const large = new PacketFramer(1000);
  large.append(hex("30 e6 07"));
  expect(large.next()).toBe("too-large");
  const dripping = new PacketFramer(1000);
  for (const byte of [0x30, 0xff, 0xff]) {
    dripping.append(Uint8Array.of(byte));
    expect(dripping.next()).toBe("incomplete");
  }
  dripping.append(Uint8Array.of(0x7f));
  expect(dripping.next()).toBe("too-large");
});

test("packets come out whole however the stream is cut", () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(fc.nat(wellFormed.length - 1), { maxLength: 20 }), cuts, (picks, sizes) => {
      const packets = picks.map((pick) => wellFormed[pick]!);
      const stream = Buffer.concat(packets);
      const framer = new PacketFramer(10_000);
      const framed: Packet[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const end = Math.min(at + sizes[i % sizes.length]!, stream.length);
        framer.append(stream.subarray(at, end));
        for (let next = framer.next(); next !== "incomplete"; next = framer.next()) {
          if (typeof next === "string") expect.fail(next);
          framed.push(next);
        }
        at = end;
      }
      expect(framed.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual(
        packets.map((bytes) => Buffer.from(bytes).toString("hex")),
      );
      for (const packet of framed) expect(checkPacket(packet)).toBe("well-formed");
    }),
  );
});

test("a large packet that drips in is assembled, and its buffer is no longer than it", () => {
  const payload = "x".repeat(50_000);
  const bytes = generate({ cmd: "publish", topic: "a", payload, qos: 0, retain: false, dup: false });
  const framer = new PacketFramer(60_000);
  for (let at = 0; at < bytes.length; at += 777) {
    framer.append(bytes.subarray(at, at + 777));
    const next = framer.next();
    if (at + 777 < bytes.length) expect(next).toBe("incomplete");
    else expect((next as Packet).bytes.buffer.byteLength).toBeLessThanOrEqual(bytes.length);
  }
});

test("a refused publish keeps QoS, DUP and packet id, and loses topic, payload and RETAIN", () => {
  const packet = frame(
    Uint8Array.from(
      generate({
        cmd: "publish",
        topic: "a/b/c",
        payload: "secret",
        qos: 1,
        messageId: 0x1234,
        retain: true,
        dup: true,
      }),
    ),
  );
  expect(publishLevels(packet)).toBe(3);
  const refused = refusedPublish(packet);
  expect(checkPacket(frame(refused))).toBe("well-formed");
  expect(Buffer.from(refused).toString("latin1")).toBe("\x3a\x0c\x00\x08$refused\x12\x34");
  const unacknowledged = refusedPublish(frame(hex("31 05 00 01 61 62 63")));
  expect(Buffer.from(unacknowledged).toString("latin1")).toBe("\x30\x0a\x00\x08$refused");
});

test("filters are mapped in place, with QoS and packet id", () => {
  const subscribe = frame(
    Uint8Array.from(
      generate({
        cmd: "subscribe",
        messageId: 9,
        subscriptions: [
          { topic: "a", qos: 2 },
          { topic: "ä/#", qos: 1 },
        ],
      }),
    ),
  );
  const mapped = mapFilters(subscribe, (filter, index) => `${filter}/${"x".repeat(200)}${index}`);
  const expected = generate({
    cmd: "subscribe",
    messageId: 9,
    subscriptions: [
      { topic: `a/${"x".repeat(200)}0`, qos: 2 },
      { topic: `ä/#/${"x".repeat(200)}1`, qos: 1 },
    ],
  });
  expect(Buffer.from(mapped)).toEqual(expected);
  const unsubscribe = frame(
    Uint8Array.from(generate({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["a", "b"] })),
  );
  expect(Buffer.from(mapFilters(unsubscribe, (filter) => filter.toUpperCase()))).toEqual(
    generate({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["A", "B"] }),
  );
});

test("the keep-alive is found in both protocol levels", () => {
  for (const bytes of wellFormed.slice(0, 2)) {
    const packet = frame(bytes);
    expect(readUint16(packet.bytes, keepAliveOffset(packet))).toBe(60);
  }
});
