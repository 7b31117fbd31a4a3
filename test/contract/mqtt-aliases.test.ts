import { expect, test } from "vitest";
import { collect, connectPacket, eventually, nodeCredentials, settled, startBroker } from "./mqtt-fixture.ts";

const start = "device/ota/start";
const progress = "device/progress";

test("a bare topic is that client's own and nobody else's", async () => {
  const { broker, client, published } = await startBroker();
  const [a, b, viewer] = [await client("a"), await client("b"), await client("viewer")];
  const [seenByA, seenByB, seenByViewer] = [collect(a), collect(b), collect(viewer)];
  await a.subscribeAsync(start, { qos: 1 });
  await b.subscribeAsync(start, { qos: 1 });
  await viewer.subscribeAsync("#", { qos: 1 });
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "http://x/1", qos: 1 });
  await a.publishAsync(progress, "17", { qos: 1 });
  await settled(a);
  await settled(b);
  await eventually(() => expect(seenByViewer).toHaveLength(2));
  expect(seenByA.map(({ topic, payload }) => [topic, payload])).toEqual([[start, "http://x/1"]]);
  expect(seenByB).toEqual([]);
  expect(seenByViewer.map(({ topic }) => topic)).toEqual(["cx/nodes/a/ota/start", "cx/nodes/a/ota/progress"]);
  expect(published.map(({ clientId, topic }) => [clientId, topic])).toEqual([["a", "cx/nodes/a/ota/progress"]]);
});

test("a client without aliases is refused the bare topics", async () => {
  const { broker, client, published } = await startBroker();
  broker.setCredentials([{ ...nodeCredentials("b"), aliases: [] }]);
  const b = await client("b");
  await expect(b.subscribeAsync(start)).rejects.toMatchObject({ packet: { granted: [0x80] } });
  await b.publishAsync(progress, "17", { qos: 1 });
  await settled(b);
  expect(published).toEqual([]);
  expect(broker.counters().publishesRefused).toBe(1);
});

test("an alias gives no right: one that leads elsewhere is refused", async () => {
  const { broker, client, published } = await startBroker();
  broker.setCredentials([
    {
      ...nodeCredentials("a"),
      aliases: [
        { bare: start, own: "cx/nodes/b/ota/start" },
        { bare: progress, own: "cx/nodes/b/ota/progress" },
      ],
    },
  ]);
  const a = await client("a");
  await expect(a.subscribeAsync(start)).rejects.toMatchObject({ packet: { granted: [0x80] } });
  await a.publishAsync(progress, "17", { qos: 1 });
  await settled(a);
  expect(published).toEqual([]);
});

test("a bare topic can be unsubscribed, and subscribed by its own name after", async () => {
  const { broker, client } = await startBroker();
  const a = await client("a");
  const seen = collect(a);
  await a.subscribeAsync(start, { qos: 1 });
  await a.unsubscribeAsync(start);
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "1", qos: 1 });
  await settled(a);
  expect(seen).toEqual([]);
  await a.subscribeAsync("cx/nodes/a/ota/start", { qos: 1 });
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "2", qos: 1 });
  await eventually(() =>
    expect(seen.map(({ topic, payload }) => [topic, payload])).toEqual([["cx/nodes/a/ota/start", "2"]]),
  );
});

test("a session that comes back gets what waited under the bare name", async () => {
  const { broker, client, presence, raw } = await startBroker();
  const first = await client("a", { clean: false });
  await first.subscribeAsync(start, { qos: 1 });
  await first.endAsync();
  await eventually(() => expect(presence).toHaveLength(2));
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "waited", qos: 1 });
  const peer = await raw();
  peer.send(connectPacket("a", { clean: false }));
  // CONNACK with session present, then the PUBLISH.
  expect(await peer.take(4)).toBe("20020100");
  const received = Buffer.from(await peer.take(2 + 2 + start.length + 2 + 6), "hex").toString("latin1");
  expect(received).toContain(`${start}`);
  expect(received).not.toContain("cx/nodes");
  expect(received.endsWith("waited")).toBe(true);
});

test("a retained message on a client's own topic reaches its bare subscription, and a will on a bare topic is its own", async () => {
  const { broker, client, published } = await startBroker();
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "kept", qos: 1, retain: true });
  const a = await client("a", { will: { topic: progress, payload: Buffer.from("gone"), qos: 1, retain: false } });
  const seen = collect(a);
  await a.subscribeAsync(start, { qos: 1 });
  await eventually(() => expect(seen.map(({ topic, retain }) => [topic, retain])).toEqual([[start, true]]));
  a.stream.destroy();
  await eventually(() => expect(published.map(({ topic }) => topic)).toEqual(["cx/nodes/a/ota/progress"]));
});
