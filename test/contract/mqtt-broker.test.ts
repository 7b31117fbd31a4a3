import { expect, test } from "vitest";
import { collect, eventually, nodeCredentials, settled, startBroker } from "./mqtt-fixture.ts";

test.each([
  ["a wrong password", "a", { password: "wrong" }, 4],
  ["another client's password", "a", { password: "b-password" }, 4],
  ["no password", "a", { username: "a", password: "" }, 4],
  ["an unknown client", "nobody", {}, 4],
  ["a client id that isn't the credential's", "b", { username: "a", password: "a-password" }, 2],
  ["an inherited property's name", "__proto__", {}, 4],
])("refuses %s", async (_what, clientId, options, code) => {
  const { broker, client, presence } = await startBroker();
  await expect(client(clientId, options)).rejects.toMatchObject({ code });
  expect(broker.counters().connectsRefused).toBe(1);
  expect(presence).toEqual([]);
});

test("passes a node's messages on, in order, with who sent them and when", async () => {
  const { client, published } = await startBroker();
  const a = await client("a");
  for (let i = 0; i < 50; i++) void a.publishAsync("cx/nodes/a/telemetry", `${i}`, { qos: 1 });
  await settled(a);
  await a.publishAsync("cx/nodes/a/event", "last", { qos: 2 });
  await settled(a);
  expect(published.map(({ payload }) => Buffer.from(payload).toString())).toEqual([
    ...Array.from({ length: 50 }, (_, i) => `${i}`),
    "last",
  ]);
  expect(published[50]).toMatchObject({ clientId: "a", topic: "cx/nodes/a/event", qos: 2, retain: false });
  expect(Math.abs(published[0]!.receivedWallMs - Date.now())).toBeLessThan(60_000);
});

test.each([0, 1, 2] as const)(
  "a refused publish of QoS %i is acknowledged, dropped, counted, and the connection stays",
  async (qos) => {
    const { broker, client, published } = await startBroker();
    const [a, b, viewer] = [await client("a"), await client("b"), await client("viewer")];
    const [seenByB, seenByViewer] = [collect(b), collect(viewer)];
    await b.subscribeAsync("cx/nodes/b/#", { qos: 1 });
    await viewer.subscribeAsync("#", { qos: 2 });
    const refused = [
      "cx/nodes/b/telemetry",
      "cx/nodes/a/ota/start",
      "cx/nodes/a",
      "elsewhere",
      "$SYS/x",
      "$refused",
      "cx/fleet/x",
    ];
    for (const topic of refused) await a.publishAsync(topic, "evil", { qos, retain: true });
    await a.publishAsync("cx/nodes/a/telemetry", "fine", { qos: 1 });
    await settled(a);
    await settled(viewer);
    expect(published.map(({ topic }) => topic)).toEqual(["cx/nodes/a/telemetry"]);
    expect(seenByB).toEqual([]);
    expect(seenByViewer.map(({ topic }) => topic)).toEqual(["cx/nodes/a/telemetry"]);
    // "$refused" is what refused ones become, so that one isn't told apart.
    expect(broker.counters().publishesRefused).toBe(refused.length - 1);
    const late = await client("c");
    const seenByLate = collect(late);
    await late.subscribeAsync("cx/nodes/c/#");
    await settled(late);
    expect(seenByLate).toEqual([]);
    expect(a.connected).toBe(true);
  },
);

test("a refused SUBSCRIBE answers 0x80 for that filter alone", async () => {
  const { broker, client } = await startBroker();
  const a = await client("a");
  const refused = ["#", "+/#", "cx/#", "cx/nodes/+/status", "cx/nodes/b/#", "$SYS/#", "$SYS/+/new/clients", "x"];
  const granted = await a
    .subscribeAsync([...refused, "cx/nodes/a/#"])
    .catch((error: { packet?: { granted: number[] } }) => error.packet);
  expect(granted).toMatchObject({ granted: [...refused.map(() => 0x80), 0] });
  expect(broker.counters().subscribesRefused).toBe(refused.length);
  expect(a.connected).toBe(true);
});

test("a refused filter isn't kept by a session because another in the same SUBSCRIBE was granted", async () => {
  const { broker, client } = await startBroker();
  const a = await client("a", { clean: false });
  await a.subscribeAsync(["cx/nodes/a/cmd/#", "cx/nodes/b/#"], { qos: 1 }).catch(() => {});
  await a.endAsync();
  await broker.publish({ topic: "cx/nodes/b/ota/start", payload: "not yours", qos: 1 });
  await broker.publish({ topic: "cx/nodes/a/cmd/restart", payload: "yours", qos: 1 });
  expect(broker.queued("a")).toBe(1);
});

test("a SUBSCRIBE beyond the limit of filters answers 0x80, and room comes back", async () => {
  const { client } = await startBroker({ limits: { maxSubscriptions: 3 } });
  const a = await client("a");
  for (const i of [1, 2, 3]) await a.subscribeAsync(`cx/nodes/a/${i}`);
  await expect(a.subscribeAsync("cx/nodes/a/4")).rejects.toMatchObject({ packet: { granted: [0x80] } });
  await a.unsubscribeAsync("cx/nodes/a/2");
  await a.subscribeAsync("cx/nodes/a/4");
});

test("topics deeper than the limit are refused, publish and filter alike, at any depth", async () => {
  const { broker, client, published } = await startBroker();
  broker.setCredentials([{ clientId: "deep", password: "deep-password", publish: ["#"], subscribe: ["#"] }]);
  const deep = await client("deep");
  const levels = (count: number): string => Array.from({ length: count }, () => "x").join("/");
  for (const count of [16, 17, 101, 5000]) await deep.publishAsync(levels(count), "x", { qos: 1 });
  await settled(deep);
  expect(published.map(({ topic }) => topic)).toEqual([levels(16)]);
  expect(broker.counters().publishesTooDeep).toBe(3);
  const granted = await deep
    .subscribeAsync([levels(16), levels(17), levels(101), levels(5000)])
    .catch((error: { packet?: { granted: number[] } }) => error.packet);
  expect(granted).toMatchObject({ granted: [0, 0x80, 0x80, 0x80] });
  await expect(broker.publish({ topic: levels(17), payload: "x" })).rejects.toMatchObject({ code: "mqtt.bad-topic" });
});

test("retained messages reach who subscribes later, flagged, until they are cleared", async () => {
  const { broker, client } = await startBroker();
  const a = await client("a");
  await a.publishAsync("cx/nodes/a/status", "{}", { qos: 1, retain: true });
  await settled(a);
  const viewer = await client("viewer");
  const seen = collect(viewer);
  await viewer.subscribeAsync("cx/nodes/+/status");
  await eventually(() => expect(seen).toEqual([{ topic: "cx/nodes/a/status", payload: "{}", retain: true, qos: 0 }]));
  await broker.publish({ topic: "cx/nodes/a/status", payload: "", retain: true });
  const late = await client("c");
  const seenLate = collect(late);
  broker.setCredentials([{ ...nodeCredentials("c"), subscribe: ["cx/#"] }]);
  await late.subscribeAsync("cx/#");
  await settled(late);
  expect(seenLate).toEqual([]);
});

test("a client keeps no more retained messages than its limit; further ones are delivered all the same", async () => {
  const { broker, client, published } = await startBroker({ limits: { maxRetainedPerClient: 2 } });
  const a = await client("a");
  for (const i of [1, 2, 3, 1]) await a.publishAsync(`cx/nodes/a/cmd/c${i}/ack`, `${i}`, { qos: 1, retain: true });
  await settled(a);
  expect(published).toHaveLength(4);
  expect(broker.counters().notRetained).toBe(1);
  const viewer = await client("viewer");
  const seen = collect(viewer);
  await viewer.subscribeAsync("cx/#");
  await eventually(() =>
    expect(seen.map(({ topic }) => topic)).toEqual(["cx/nodes/a/cmd/c2/ack", "cx/nodes/a/cmd/c1/ack"]),
  );
});

test("messages for a session wait for it, in order, up to its limit, and survive a new password", async () => {
  const { broker, client, presence } = await startBroker({ limits: { maxQueuedMessages: 3 } });
  const first = await client("a", { clean: false });
  await first.subscribeAsync("cx/nodes/a/cmd/+", { qos: 1 });
  await first.endAsync();
  await eventually(() => expect(presence.at(-1)?.event).toBe("disconnected"));
  for (const i of [1, 2, 3, 4]) await broker.publish({ topic: `cx/nodes/a/cmd/c${i}`, payload: `${i}`, qos: 1 });
  expect([broker.queued("a"), broker.counters().notQueued]).toEqual([3, 1]);
  broker.setCredentials([nodeCredentials("a", "rotated")]);
  await expect(client("a", { clean: false })).rejects.toMatchObject({ code: 4 });
  const again = await client("a", { clean: false, password: "rotated" });
  await eventually(() => expect(broker.queued("a")).toBe(0));
  expect(again.connected).toBe(true);
});

test("rotating a password leaves the live connection and its subscriptions alone", async () => {
  const { broker, client } = await startBroker();
  const a = await client("a");
  const seen = collect(a);
  await a.subscribeAsync("cx/nodes/a/cmd/+", { qos: 1 });
  broker.setCredentials([nodeCredentials("a", "rotated")]);
  await broker.publish({ topic: "cx/nodes/a/cmd/x", payload: "1", qos: 1 });
  await eventually(() => expect(seen).toHaveLength(1));
});

test("rights that shrink end subscriptions at once", async () => {
  const { broker, client } = await startBroker();
  const viewer = await client("viewer");
  const seen = collect(viewer);
  await viewer.subscribeAsync(["cx/nodes/a/#", "cx/nodes/b/#"]);
  broker.setCredentials([
    { clientId: "viewer", password: "viewer-password", publish: [], subscribe: ["cx/nodes/b/#"] },
  ]);
  await broker.publish({ topic: "cx/nodes/a/status", payload: "1" });
  await broker.publish({ topic: "cx/nodes/b/status", payload: "2" });
  await eventually(() => expect(seen.map(({ topic }) => topic)).toEqual(["cx/nodes/b/status"]));
});

test("a removed client is cut, its session dropped, its will unheard, and it can't come back", async () => {
  const { broker, client, published, presence } = await startBroker();
  const a = await client("a", {
    clean: false,
    will: { topic: "cx/nodes/a/availability", payload: Buffer.from("offline"), qos: 1, retain: true },
  });
  await a.subscribeAsync("cx/nodes/a/cmd/+", { qos: 1 });
  const closed = new Promise<void>((resolve) => a.once("close", () => resolve()));
  await broker.removeCredentials(["a", "unknown"]);
  await closed;
  expect(broker.isConnected("a")).toBe(false);
  await broker.publish({ topic: "cx/nodes/a/cmd/x", payload: "1", qos: 1 });
  expect(broker.queued("a")).toBe(0);
  await expect(client("a")).rejects.toMatchObject({ code: 4 });
  expect(published).toEqual([]);
  expect(presence.map(({ event }) => event)).toEqual(["connected", "lost"]);
});

test("a lost connection publishes the will, a DISCONNECT doesn't", async () => {
  const { client, published, presence, broker } = await startBroker();
  const will = { topic: "cx/nodes/a/availability", payload: Buffer.from("offline"), qos: 1, retain: true } as const;
  const polite = await client("a", { will });
  await polite.endAsync();
  await eventually(() => expect(presence).toHaveLength(2));
  const cut = await client("a", { will });
  cut.stream.destroy();
  await eventually(() => expect(presence).toHaveLength(4));
  await eventually(() => expect(published).toHaveLength(1));
  expect(published[0]).toMatchObject({ clientId: "a", topic: "cx/nodes/a/availability", retain: true });
  expect(presence.map(({ event }) => event)).toEqual(["connected", "disconnected", "connected", "lost"]);
  expect(broker.counters().willsPublished).toBe(1);
});

test.each(["cx/nodes/b/availability", "$SYS/x", "#", "cx/+/x"])(
  "a will on %s is refused when it comes due",
  async (topic) => {
    const { client, published, presence, broker } = await startBroker();
    const a = await client("a", { will: { topic, payload: Buffer.from("offline"), qos: 1, retain: true } });
    a.stream.destroy();
    await eventually(() => expect(presence).toHaveLength(2));
    const viewer = await client("viewer");
    const seen = collect(viewer);
    await viewer.subscribeAsync("#");
    await settled(viewer);
    expect([published, seen]).toEqual([[], []]);
    expect(broker.counters().willsRefused).toBe(1);
  },
);

test("a second connection takes over from the first, whose will is published before", async () => {
  const { client, presence, published } = await startBroker();
  const will = { topic: "cx/nodes/a/availability", payload: Buffer.from("offline"), qos: 1, retain: true } as const;
  const first = await client("a", { will });
  const isClosed = new Promise<void>((resolve) => first.once("close", () => resolve()));
  const second = await client("a", { will });
  await isClosed;
  await second.publishAsync("cx/nodes/a/availability", "online", { qos: 1, retain: true });
  await settled(second);
  expect(presence.map(({ event }) => event)).toEqual(["connected", "lost", "connected"]);
  expect(published.map(({ payload }) => Buffer.from(payload).toString())).toEqual(["offline", "online"]);
});

test("of many connections with one client id at once, one is left, and it works", async () => {
  const { broker, client, presence, published } = await startBroker();
  for (let round = 0; round < 5; round++) {
    await Promise.allSettled(
      Array.from({ length: 8 }, () => client("a", { clean: round % 2 === 0, connectTimeout: 2000 })),
    );
  }
  await eventually(() => expect(broker.counters().connections).toBe(1));
  expect(broker.isConnected("a")).toBe(true);
  const open = presence.reduce((count, { event }) => count + (event === "connected" ? 1 : -1), 0);
  expect(open).toBe(1);
  const last = await client("a");
  await last.publishAsync("cx/nodes/a/event", "alive", { qos: 1 });
  await settled(last);
  expect(published).toHaveLength(1);
});

test("stopping publishes no wills, tells of no one's going, and frees everything", async () => {
  const { broker, client, published, presence } = await startBroker();
  const a = await client("a", {
    will: { topic: "cx/nodes/a/availability", payload: Buffer.from("offline"), qos: 1, retain: true },
  });
  const closed = new Promise<void>((resolve) => a.once("close", () => resolve()));
  await broker.stop();
  await closed;
  expect(published).toEqual([]);
  expect(presence.map(({ event }) => event)).toEqual(["connected"]);
  await expect(broker.publish({ topic: "x", payload: "" })).rejects.toMatchObject({ code: "mqtt.not-running" });
  await broker.stop();
  await broker.start();
  const again = await client("a");
  expect(again.connected).toBe(true);
});

test("a listener that throws is counted and hurts nobody", async () => {
  const { broker, client } = await startBroker({
    onPublished: () => {
      throw new Error("boom");
    },
    onPresence: () => {
      throw new Error("boom");
    },
  });
  const a = await client("a");
  await a.publishAsync("cx/nodes/a/event", "1", { qos: 1 });
  await settled(a);
  expect(broker.counters().listenerErrors).toBe(2);
});

test("credentials are set all or none, and what is wrong with them is said", () => {
  return startBroker().then(({ broker, client }) => {
    const good = nodeCredentials("new");
    const attempt = (bad: object) => () => broker.setCredentials([good, { ...nodeCredentials("bad"), ...bad }]);
    expect(attempt({ clientId: "" })).toThrow(expect.objectContaining({ code: "mqtt.bad-client-id" }));
    expect(attempt({ clientId: "x".repeat(129) })).toThrow(expect.objectContaining({ code: "mqtt.bad-client-id" }));
    expect(attempt({ publish: ["a#"] })).toThrow(expect.objectContaining({ code: "mqtt.bad-pattern" }));
    expect(attempt({ subscribe: [""] })).toThrow(expect.objectContaining({ code: "mqtt.bad-pattern" }));
    expect(attempt({ user: "a" })).toThrow(expect.objectContaining({ code: "mqtt.user-taken" }));
    return expect(client("new")).rejects.toMatchObject({ code: 4 });
  });
});
