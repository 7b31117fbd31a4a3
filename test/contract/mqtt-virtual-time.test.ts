import { duplexPair } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { silentLog } from "../../kernel/log.ts";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { VirtualClock } from "../../kernel/virtual-clock.ts";
import { Broker, type Presence } from "../../mqtt/broker.ts";
import type { MqttLimits } from "../../mqtt/limits.ts";
import type { PublishedMessage } from "../../mqtt/published-batch.ts";
import { connectPacket, nodeCredentials, publishPacket, RawClient } from "./mqtt-fixture.ts";

/** A broker without a socket, on virtual time. */
async function inMemory(limits: Partial<MqttLimits> = {}) {
  const clock = new VirtualClock();
  const published: PublishedMessage[] = [];
  const presence: Presence[] = [];
  const broker = new Broker({
    clock,
    entropy: seededEntropy(1),
    log: silentLog,
    limits,
    onPublished: (batch) => void published.push(...batch),
    onPresence: (each) => void presence.push(each),
  });
  broker.setCredentials(["a", "b"].map((id) => nodeCredentials(id)));
  await broker.start();
  const attach = (): RawClient => {
    const [near, far] = duplexPair();
    broker.attach(far);
    return new RawClient(near);
  };
  return {
    clock,
    broker,
    published,
    presence,
    attach,
    settle: () => clock.settle(),
    advance: (ms: number) => clock.advance(ms),
  };
}

test("a connection that says nothing, or not all of its CONNECT, is closed at its time", async () => {
  const { broker, attach, advance } = await inMemory({ connectTimeoutMs: 10_000 });
  const silent = attach();
  const slow = attach();
  slow.send(connectPacket("a").subarray(0, 20));
  await advance(9_999);
  expect([silent.isClosed, slow.isClosed]).toEqual([false, false]);
  await advance(20);
  expect([silent.isClosed, slow.isClosed]).toEqual([true, true]);
  expect(broker.counters().connectTimeouts).toBe(2);
  await advance(1000);
  expect(broker.counters().connections).toBe(0);
});

test("a client that is silent for 1.5 times its keep-alive is lost, a PINGREQ before that keeps it", async () => {
  const { broker, attach, advance, presence } = await inMemory();
  const peer = attach();
  peer.send(connectPacket("a", { keepAlive: 10 }));
  await advance(14_000);
  peer.send("c0 00");
  await advance(14_900);
  expect(broker.isConnected("a")).toBe(true);
  await advance(200);
  expect(broker.isConnected("a")).toBe(false);
  expect(presence.map(({ event }) => event)).toEqual(["connected", "lost"]);
  expect(broker.counters().keepAliveTimeouts).toBe(1);
});

test("half a packet isn't a sign of life", async () => {
  const { broker, attach, advance } = await inMemory();
  const peer = attach();
  peer.send(connectPacket("a", { keepAlive: 10 }));
  for (let i = 0; i < 4; i++) {
    await advance(4000);
    peer.send(i === 0 ? "30 7f" : "61");
  }
  expect(broker.isConnected("a")).toBe(false);
});

test("a client without a keep-alive doesn't stay for ever", async () => {
  const { broker, attach, advance } = await inMemory({ maxKeepAliveSeconds: 100 });
  attach().send(connectPacket("a", { keepAlive: 0 }));
  attach().send(connectPacket("b", { keepAlive: 60_000 }));
  await advance(149_000);
  expect([broker.isConnected("a"), broker.isConnected("b")]).toEqual([true, true]);
  await advance(1100);
  expect([broker.isConnected("a"), broker.isConnected("b")]).toEqual([false, false]);
});

test("a batch is handed over when the first message has waited its time, or when it is full", async () => {
  const { attach, advance, published, settle } = await inMemory({ batchDelayMs: 50, maxBatchMessages: 3 });
  const peer = attach();
  peer.send(connectPacket("a"));
  await settle();
  peer.send(publishPacket("cx/nodes/a/event", "1"), publishPacket("cx/nodes/a/event", "2"));
  await advance(49);
  expect(published).toEqual([]);
  await advance(1);
  expect(published).toHaveLength(2);
  peer.send(...[3, 4, 5].map((i) => publishPacket("cx/nodes/a/event", `${i}`)));
  await settle();
  expect(published).toHaveLength(5);
});

test("nothing of the broker waits on the clock when nobody is connected", async () => {
  const { broker, clock, attach, advance } = await inMemory();
  const peer = attach();
  peer.send(connectPacket("a"), "e0 00");
  await advance(5000);
  expect(broker.counters().connections).toBe(0);
  expect(clock.nextDueMs()).toBeUndefined();
});

test("any bytes, before or after CONNECT, do no harm to others", async () => {
  const { attach, settle, published } = await inMemory({ maxPacketBytes: 2000, lingerMs: 0 });
  const valid = [
    connectPacket("a"),
    publishPacket("cx/nodes/a/event", "x", { qos: 1 }),
    publishPacket("cx/nodes/a/event", "x", { qos: 2, retain: true }),
    Buffer.from("820f0001000a63782f6e6f6465732f6101", "hex"),
    Buffer.from("a20e0002000a63782f6e6f6465732f61", "hex"),
    Buffer.from("40020001", "hex"),
    Buffer.from("50020001", "hex"),
    Buffer.from("62020001", "hex"),
    Buffer.from("c000", "hex"),
  ];
  const packet = fc.oneof(
    fc.constantFrom(...valid),
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    fc.tuple(fc.constantFrom(...valid), fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
      const changed = Uint8Array.from(bytes);
      changed[at % changed.length] = value;
      return changed;
    }),
  );
  const bystander = attach();
  bystander.send(connectPacket("b", { keepAlive: 0 }));
  await settle();
  await bystander.take(4);
  await fc.assert(
    fc.asyncProperty(fc.array(packet, { maxLength: 12 }), fc.boolean(), async (packets, isConnected) => {
      const peer = attach();
      if (isConnected) peer.send(connectPacket("a"));
      for (const bytes of packets) peer.send(bytes);
      await settle();
      peer.stream.destroy();
      const before = published.length;
      bystander.send(publishPacket("cx/nodes/b/event", "alive"));
      await settle();
      bystander.send("c0 00");
      await settle();
      expect(await bystander.take(2)).toBe("d000");
      expect(published.length).toBeGreaterThanOrEqual(before);
      for (const { clientId, topic } of published.splice(0))
        expect(topic.startsWith(`cx/nodes/${clientId}/`)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("the same seed and the same packets give the same bytes and messages", async () => {
  const run = async (): Promise<unknown> => {
    const { attach, advance, published, broker } = await inMemory({ batchDelayMs: 10 });
    const peer = attach();
    peer.send(connectPacket("a"), "82 11 00 01 00 0c", Buffer.from("cx/nodes/a/#"), "01");
    await advance(100);
    for (let i = 0; i < 20; i++) peer.send(publishPacket("cx/nodes/a/event", `${i}`, { qos: i % 2, id: i + 1 }));
    await advance(100);
    await broker.publish({ topic: "cx/nodes/a/cmd/x", payload: "1", qos: 0 });
    await advance(100);
    return [published, peer.received.length];
  };
  expect(await run()).toEqual(await run());
});
