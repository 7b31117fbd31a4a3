import { expect, test } from "vitest";
import { connectPacket, eventually, publishPacket, settled, startBroker } from "./mqtt-fixture.ts";

const connackAccepted = "20020000";

test.each([
  ["garbage", "ff ff ff ff ff ff", "packetsMalformed"],
  ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n").toString("hex"), "packetsMalformed"],
  ["a TLS hello", "16 03 01 02 00 01 00 01 fc 03 03", "packetsMalformed"],
  ["a wrong protocol name", "10 0d 00 04 4d515458 04 02 003c 0001 61", "packetsMalformed"],
  ["a packet before CONNECT", "c0 00", "packetsMalformed"],
  ["a PUBLISH before CONNECT", "30 03 00 01 61", "packetsMalformed"],
  ["a remaining length that never ends", "10 ff ff ff ff 7f", "packetsMalformed"],
  ["a CONNECT that claims 256 MiB", "10 ff ff ff 7f", "packetsTooLarge"],
] as const)("%s closes the connection, and nobody else's", async (_what, bytes, counter) => {
  const { broker, client, raw } = await startBroker();
  const bystander = await client("b");
  const peer = await raw();
  peer.send(bytes);
  await peer.closed();
  expect(peer.received).toBe("");
  expect(broker.counters()[counter]).toBe(1);
  await settled(bystander);
});

test.each([
  ["MQTT 5", "10 0e 00 04 4d515454 05 02 003c 00 0001 61"],
  ["a level that doesn't exist", "10 0d 00 04 4d515454 09 02 003c 0001 61"],
])("%s is answered with return code 1 and closed", async (_what, bytes) => {
  const { broker, raw } = await startBroker();
  const peer = await raw();
  peer.send(bytes);
  await peer.closed();
  expect(peer.received).toBe("20020001");
  expect(broker.counters().versionsRefused).toBe(1);
});

test("MQTT 3.1 is spoken, as old firmware does", async () => {
  const { broker, raw } = await startBroker();
  const peer = await raw();
  peer.send("10 1e 00 06 4d5149736470 03 c2 003c 0001 61 0001 61 000a", Buffer.from("a-password"));
  expect(await peer.take(4)).toBe(connackAccepted);
  expect(broker.isConnected("a")).toBe(true);
});

test("a second CONNECT closes the connection", async () => {
  const { broker, raw, presence } = await startBroker();
  const peer = await raw();
  peer.send(connectPacket("a"), connectPacket("a"));
  await peer.closed();
  await eventually(() => expect(presence.map(({ event }) => event)).toEqual(["connected", "lost"]));
  expect(broker.counters().packetsMalformed).toBe(1);
});

test.each([
  ["a PUBLISH with a wildcard", "30 06 00 03 61 2f 23 78"],
  ["a PUBLISH with bad UTF-8", "30 05 00 02 c3 28 78"],
  ["a SUBSCRIBE without filters", "82 02 00 01"],
  ["a PUBACK for packet id 0", "40 02 00 00"],
  ["a packet only servers send", "d0 00"],
  ["a reserved type", "f0 00"],
])("%s after CONNECT closes the connection", async (_what, bytes) => {
  const { broker, raw } = await startBroker();
  const peer = await raw();
  peer.send(connectPacket("a"));
  expect(await peer.take(4)).toBe(connackAccepted);
  peer.send(bytes);
  await peer.closed();
  expect(broker.counters().packetsMalformed).toBe(1);
});

test("a SUBSCRIBE for a filter that is none is answered 0x80", async () => {
  const { raw } = await startBroker();
  const peer = await raw();
  peer.send(connectPacket("a"), "82 09 00 01 00 04 61 23 2f 62 00", "a2 08 00 02 00 04 61 23 2f 62");
  expect(await peer.take(4 + 5)).toBe(`${connackAccepted}9003000180`);
  expect(await peer.take(4)).toBe("b0020002");
  peer.send("c0 00");
  expect(await peer.take(2)).toBe("d000");
});

test("a packet over the limit closes the connection before its body has come", async () => {
  const { broker, raw } = await startBroker({ limits: { maxPacketBytes: 1000 } });
  const peer = await raw();
  peer.send(connectPacket("a"));
  expect(await peer.take(4)).toBe(connackAccepted);
  // 998 bytes behind a header of 3 are one too many; none of them is sent.
  peer.send("30 e6 07");
  await peer.closed();
  expect(broker.counters().packetsTooLarge).toBe(1);
});

test("a packet of exactly the limit passes", async () => {
  const { raw, published } = await startBroker({ limits: { maxPacketBytes: 1000 } });
  const peer = await raw();
  const topic = Buffer.from("cx/nodes/a/event");
  peer.send(
    connectPacket("a"),
    "30 e5 07",
    Uint8Array.of(0, topic.length),
    topic,
    new Uint8Array(997 - 2 - topic.length),
  );
  await eventually(() => expect(published).toHaveLength(1));
});

test.each([
  ["QoS 0", () => 0],
  ["QoS 1", () => 1],
  ["QoS 0 and 1 in turn", (i: number) => i % 2],
])("everything in one segment, with the end right behind it, is taken: %s", async (_what, qosOf) => {
  const { raw, published, presence } = await startBroker();
  const peer = await raw();
  const packets = Array.from({ length: 1000 }, (_, i) =>
    publishPacket("cx/nodes/a/event", `${i}`, { qos: qosOf(i), id: i + 1 }),
  );
  peer.stream.end(Buffer.concat([connectPacket("a"), ...packets, Buffer.of(0xe0, 0)]));
  await eventually(() => expect(presence).toHaveLength(2));
  await eventually(() => expect(published).toHaveLength(1000));
  expect(presence[1]?.event).toBe("disconnected");
  const numbers = published.map(({ qos, payload }) => [qos, Number(Buffer.from(payload).toString())] as const);
  for (const qos of [0, 1]) {
    const ofQos = numbers.filter(([each]) => each === qos).map(([, number]) => number);
    expect(ofQos).toEqual([...ofQos].sort((x, y) => x - y));
  }
});

test("packets that drip in byte by byte are taken", async () => {
  const { raw, published } = await startBroker();
  const peer = await raw();
  for (const byte of Buffer.concat([connectPacket("a"), publishPacket("cx/nodes/a/event", "drip")])) {
    peer.send(Uint8Array.of(byte));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => expect(published).toHaveLength(1));
});

test("a QoS 2 publish sent twice is passed on once", async () => {
  const { raw, published } = await startBroker({ limits: { maxInFlight: 2 } });
  const peer = await raw();
  peer.send(connectPacket("a"));
  await peer.take(4);
  for (let i = 0; i < 10; i++) {
    peer.send(publishPacket("cx/nodes/a/event", "once", { qos: 2, id: 9 }));
    expect(await peer.take(4)).toBe("50020009");
  }
  peer.send("62 02 00 09");
  expect(await peer.take(4)).toBe("70020009");
  expect(published).toHaveLength(1);
});

test("too many QoS 2 publishes without PUBREL close the connection", async () => {
  const { broker, raw } = await startBroker({ limits: { maxHalfOpenQos2: 5 } });
  const peer = await raw();
  peer.send(connectPacket("a"));
  for (let id = 1; id <= 6; id++) peer.send(publishPacket("cx/nodes/a/event", "x", { qos: 2, id }));
  await peer.closed();
  expect(broker.counters().halfOpenQos2OverLimit).toBe(1);
});

test("over the in-flight limit the broker stops reading, goes on later, and loses nothing", async () => {
  const { broker, client, published } = await startBroker({ limits: { maxInFlight: 4 } });
  const a = await client("a");
  await Promise.all(Array.from({ length: 500 }, (_, i) => a.publishAsync("cx/nodes/a/telemetry", `${i}`, { qos: 1 })));
  await settled(a);
  expect(published).toHaveLength(500);
  expect(broker.counters().readsPaused).toBeGreaterThan(10);
});

test("a client that never acknowledges is not sent more than its queue on reconnect, and the others go on", async () => {
  const { broker, client, raw } = await startBroker({ limits: { maxQueuedMessages: 10 } });
  const bystander = await client("b");
  const peer = await raw();
  peer.send(connectPacket("a", { clean: false }), "82 11 00 01 00 0c", Buffer.from("cx/nodes/a/#"), "01");
  expect(await peer.take(4 + 5)).toBe(`${connackAccepted}9003000101`);
  for (let i = 0; i < 50; i++) await broker.publish({ topic: "cx/nodes/a/cmd/x", payload: `${i}`, qos: 1 });
  expect(broker.queued("a")).toBe(10);
  expect(broker.counters().notQueued).toBe(40);
  await settled(bystander);
});

test("a subscriber that doesn't read is disconnected when its bytes are too many; publishers don't wait for it", async () => {
  const { broker, client, raw, published } = await startBroker({ limits: { maxOutboundBytes: 65_536 } });
  broker.setCredentials([{ clientId: "viewer", password: "viewer-password", publish: [], subscribe: ["#"] }]);
  const slow = await raw();
  slow.send(connectPacket("viewer"), "82 06 00 01 00 01 23 01");
  expect(await slow.take(4 + 5)).toBe(`${connackAccepted}9003000101`);
  slow.stream.pause();
  const a = await client("a");
  const payload = "x".repeat(50_000);
  for (let i = 0; i < 300 && broker.counters().slowClientsDisconnected === 0; i++) {
    await a.publishAsync("cx/nodes/a/telemetry", payload, { qos: 1 });
  }
  expect(broker.counters().slowClientsDisconnected).toBe(1);
  expect(broker.isConnected("viewer")).toBe(false);
  await settled(a);
  expect(published.length).toBeGreaterThan(0);
});

test("QoS 0 messages to a client that reads too slowly are dropped before it is disconnected", async () => {
  const { broker, client, raw } = await startBroker({ limits: { maxOutboundBytes: 262_144 } });
  const slow = await raw();
  slow.send(connectPacket("viewer"), "82 06 00 01 00 01 23 00");
  expect(await slow.take(4 + 5)).toBe(`${connackAccepted}9003000100`);
  slow.stream.pause();
  const a = await client("a");
  const payload = "x".repeat(50_000);
  for (let i = 0; i < 400; i++) await a.publishAsync("cx/nodes/a/telemetry", payload, { qos: 1 });
  expect(broker.counters().droppedToSlowClients).toBeGreaterThan(0);
  expect(broker.counters().slowClientsDisconnected).toBe(0);
  expect(broker.isConnected("viewer")).toBe(true);
});

test("connections over the limit are closed at once, and their place is free again after", async () => {
  const { broker, raw } = await startBroker({ limits: { maxConnections: 2 } });
  const [first, second] = [await raw(), await raw()];
  first.send(connectPacket("a"));
  second.send(connectPacket("b"));
  await first.take(4);
  await second.take(4);
  const third = await raw();
  await third.closed();
  expect(broker.counters()).toMatchObject({ connections: 2, connectionsOverLimit: 1 });
  first.stream.destroy();
  await eventually(() => expect(broker.counters().connections).toBe(1));
  const fourth = await raw();
  fourth.send(connectPacket("c"));
  expect(await fourth.take(4)).toBe(connackAccepted);
});

test("a refused CONNECT with more behind it still gets its return code", async () => {
  const { raw } = await startBroker();
  const peer = await raw();
  peer.send(connectPacket("a", { password: "wrong" }), new Uint8Array(100_000).fill(0xc0));
  expect(await peer.take(4)).toBe("20020004");
  await peer.closed();
});

test("a subscriber gets any number of retained messages at its own pace", async () => {
  const { broker, client, raw } = await startBroker({ limits: { maxOutboundBytes: 65_536 } });
  for (let i = 0; i < 600; i++) {
    await broker.publish({ topic: `cx/nodes/n${i}/status`, payload: "x".repeat(30_000), retain: true });
  }
  const bystander = await client("a");
  const peer = await raw();
  peer.send(connectPacket("viewer"), "82 06 00 01 00 01 23 00");
  expect(await peer.take(4 + 5)).toBe(`${connackAccepted}9003000100`);
  peer.stream.pause();
  await settled(bystander);
  peer.stream.resume();
  await peer.take(600 * 30_000);
  expect(broker.counters()).toMatchObject({ slowClientsDisconnected: 0, droppedToSlowClients: 0 });
});
