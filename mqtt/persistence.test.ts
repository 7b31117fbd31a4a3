import type { AedesPublishPacket } from "aedes";
import { expect, test } from "vitest";
import { newCounters } from "./counters.ts";
import { type MqttLimits, mqttLimits } from "./limits.ts";
import { MemoryPersistence } from "./persistence.ts";

function build(settings: Partial<MqttLimits> = {}) {
  const counters = newCounters();
  const duplicates: string[] = [];
  const persistence = new MemoryPersistence({
    limits: mqttLimits.resolve(settings),
    counters,
    maySubscribe: (clientId, filter) => filter.startsWith(clientId),
    onDuplicate: (clientId) => duplicates.push(clientId),
    whenTaken: () => undefined,
  });
  return { persistence, counters, duplicates };
}

let brokerCounter = 0;
function publish(
  topic: string,
  payload: string,
  more: Partial<AedesPublishPacket> & { clientId?: string } = {},
): AedesPublishPacket {
  brokerCounter++;
  return {
    cmd: "publish",
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    dup: false,
    brokerId: "x",
    brokerCounter,
    ...more,
  };
}

async function retained(persistence: MemoryPersistence, filter: string): Promise<string[]> {
  const packets: AedesPublishPacket[] = await persistence.createRetainedStream(filter).toArray();
  return packets.map(({ topic, payload }) => `${topic}=${payload.toString()}`);
}

async function outgoing(persistence: MemoryPersistence, id: string): Promise<string[]> {
  const packets: AedesPublishPacket[] = await persistence.outgoingStream({ id }).toArray();
  return packets.map(({ cmd, payload }) => (cmd === "publish" ? payload.toString() : cmd));
}

test("retained messages are bounded in number: a new topic isn't kept, a known one is replaced", async () => {
  const { persistence, counters } = build({ maxRetainedMessages: 2 });
  for (const [topic, payload] of [
    ["a", "1"],
    ["b", "1"],
    ["c", "1"],
    ["a", "2"],
  ] as const)
    await persistence.storeRetained(publish(topic, payload));
  expect(await retained(persistence, "#")).toEqual(["b=1", "a=2"]);
  expect(counters.notRetained).toBe(1);
});

test("retained messages are bounded in bytes: what is out of date is forgotten rather than kept", async () => {
  const { persistence, counters } = build({ maxRetainedBytes: 65_536 });
  await persistence.storeRetained(publish("a", "small"));
  await persistence.storeRetained(publish("a", "x".repeat(66_000)));
  expect(await retained(persistence, "#")).toEqual([]);
  expect(counters.notRetained).toBe(1);
  for (let i = 0; i < 1000; i++) await persistence.storeRetained(publish("a", "x".repeat(60_000)));
  expect(counters.notRetained).toBe(1);
});

test("a client's place for a retained message is free again when it is cleared, by anyone", async () => {
  const { persistence, counters } = build({ maxRetainedPerClient: 1 });
  await persistence.storeRetained(publish("a/1", "x", { clientId: "a" }));
  await persistence.storeRetained(publish("a/2", "x", { clientId: "a" }));
  expect(counters.notRetained).toBe(1);
  await persistence.storeRetained(publish("a/1", ""));
  await persistence.storeRetained(publish("a/2", "x", { clientId: "a" }));
  expect(await retained(persistence, "a/#")).toEqual(["a/2=x"]);
});

test("what is kept doesn't hold on to the chunk it was read in", async () => {
  const { persistence } = build();
  const chunk = Buffer.alloc(65_536, "y");
  await persistence.storeRetained(publish("a", "", { payload: chunk.subarray(10, 20) }));
  await persistence.addSubscriptions({ id: "a" }, [{ topic: "a", qos: 1 }]);
  await persistence.outgoingEnqueueCombi(
    await persistence.subscriptionsByTopic("a"),
    publish("a", "", { payload: chunk.subarray(0, 7) }),
  );
  chunk.fill("z");
  expect(await retained(persistence, "a")).toEqual(["a=yyyyyyyyyy"]);
  expect(await outgoing(persistence, "a")).toEqual(["yyyyyyy"]);
});

test("a filter that isn't within the client's rights isn't stored, nor one over the limit", async () => {
  const { persistence } = build({ maxSubscriptions: 2 });
  await persistence.addSubscriptions(
    { id: "a" },
    ["b/#", "a/1", "a/2", "a/3"].map((topic) => ({ topic, qos: 1 })),
  );
  expect(persistence.subscriptionsOf("a")).toEqual(["a/1", "a/2"]);
  expect(await persistence.subscriptionsByTopic("b/x")).toEqual([]);
});

test("a message is queued once a client, though several of its filters match", async () => {
  const { persistence } = build();
  await persistence.addSubscriptions({ id: "a" }, [
    { topic: "a/#", qos: 1 },
    { topic: "a/+", qos: 2 },
    { topic: "a/x", qos: 0 },
  ]);
  const found = await persistence.subscriptionsByTopic("a/x");
  expect(found.map(({ clientId, qos }) => [clientId, qos])).toEqual([["a", 2]]);
  await persistence.removeSubscriptions({ id: "a" }, ["a/+", "a/#"]);
  expect(await persistence.subscriptionsByTopic("a/x")).toEqual([]);
});

test("queues are bounded in bytes over all sessions, and dropping or cleaning one makes room", async () => {
  const { persistence, counters } = build({ maxQueuedBytes: 65_536, maxQueuedMessages: 1000 });
  const fill = async (id: string): Promise<void> =>
    persistence.outgoingEnqueue({ clientId: id }, publish("t", "x".repeat(30_000)));
  await fill("a");
  await fill("b");
  await fill("c");
  expect([persistence.queued("c"), counters.notQueued]).toEqual([0, 1]);
  persistence.dropSession("a");
  await fill("c");
  expect(persistence.queued("c")).toBe(1);
  await persistence.cleanSubscriptions({ id: "b" });
  await fill("d");
  expect(persistence.queued("d")).toBe(1);
});

test("a message leaves the queue with its acknowledgement, of QoS 2 with the second", async () => {
  const { persistence } = build();
  const client = { id: "a" };
  const [first, second] = [publish("t", "1"), publish("t", "2", { qos: 2 })];
  await persistence.outgoingEnqueue({ clientId: "a" }, first);
  await persistence.outgoingEnqueue({ clientId: "a" }, second);
  await persistence.outgoingUpdate(client, { ...first, messageId: 11 });
  await persistence.outgoingUpdate(client, { ...second, messageId: 12 });
  await persistence.outgoingUpdate(client, { ...second, cmd: "pubrel", brokerId: "", brokerCounter: 0, messageId: 12 });
  expect(await outgoing(persistence, "a")).toEqual(["1", "pubrel"]);
  expect(await persistence.outgoingClearMessageId(client, { ...first, messageId: 99 })).toBeUndefined();
  await persistence.outgoingClearMessageId(client, { ...second, cmd: "pubrel", messageId: 12 });
  expect(await outgoing(persistence, "a")).toEqual(["1"]);
  await persistence.outgoingClearMessageId(client, { ...first, messageId: 11 });
  expect(persistence.queued("a")).toBe(0);
});

test("one that waits without a packet id isn't taken for the acknowledged one", async () => {
  const { persistence } = build();
  await persistence.outgoingEnqueue({ clientId: "a" }, publish("t", "1"));
  await persistence.outgoingClearMessageId({ id: "a" }, publish("t", "", { messageId: 5 }));
  expect(persistence.queued("a")).toBe(1);
});

test("a packet id that was never given out changes nothing", async () => {
  const { persistence } = build();
  await expect(persistence.outgoingUpdate({ id: "a" }, publish("t", "1", { messageId: 5 }))).resolves.toBeUndefined();
  await expect(persistence.incomingGetPacket({ id: "a" }, publish("t", "1", { messageId: 5 }))).rejects.toThrow(
    "no such packet",
  );
  await expect(persistence.incomingDelPacket({ id: "a" }, publish("t", "1", { messageId: 5 }))).rejects.toThrow(
    "no such packet",
  );
});

test("a QoS 2 publish that comes again is told apart from its PUBREL", async () => {
  const { persistence, duplicates } = build();
  const packet = publish("t", "1", { qos: 2, messageId: 5 });
  await persistence.incomingStorePacket({ id: "a" }, packet);
  await persistence.incomingGetPacket({ id: "a" }, { ...packet, cmd: "pubrel" });
  expect(duplicates).toEqual([]);
  await persistence.incomingGetPacket({ id: "a" }, packet);
  expect(duplicates).toEqual(["a"]);
  await persistence.cleanIncoming({ id: "a" });
  await expect(persistence.incomingGetPacket({ id: "a" }, packet)).rejects.toThrow("no such packet");
});
