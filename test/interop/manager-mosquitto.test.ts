import { afterAll, beforeAll, expect, test } from "vitest";
import { soon, type TestManager, TestPeer, testManager } from "../integration/manager-harness.ts";
import { runOutside, startOutside } from "./manager-outside.ts";

let manager: TestManager;
let node: TestPeer;
let password: string;
let port: string;

beforeAll(async () => {
  manager = await testManager({ flags: { "mqtt.observerPassword": "sesame-open-sesame" } });
  port = new URL(manager.urls.mqtt).port;
  node = await TestPeer.start(manager.coapPort);
  await node.register({ id: "mos-1", model: "sensor" });
  await node.register({ id: "mos-2", model: "sensor" });
  const environment = (await node.ask("GET", "/environment?ep=mos-1")).json as { mqtt: { password: string } };
  ({ password } = environment.mqtt);
});
afterAll(async () => {
  await node.end();
  await manager.end();
});

const as = (id: string, secret: string) => ["-h", "127.0.0.1", "-p", port, "-i", id, "-u", id, "-P", secret];
const publish = (topic: string, text: string, ...more: string[]) =>
  runOutside("mosquitto_pub", [...as("mos-1", password), "-q", "1", "-t", topic, "-m", text, ...more]);
const observe = (...topics: string[]) =>
  startOutside("mosquitto_sub", [
    ...as("_observer", "sesame-open-sesame"),
    "-v",
    ...topics.flatMap((each) => ["-t", each]),
  ]);

test("a wrong password, a stranger and a node under another's name don't get in", async () => {
  for (const [id, secret] of [
    ["mos-1", "wrong"],
    ["stranger", "x"],
    ["mos-2", password],
  ] as const) {
    const { code } = await runOutside("mosquitto_pub", [...as(id, secret), "-t", "cx/nodes/mos-1/event", "-m", "{}"]);
    expect([id, code]).not.toEqual([id, 0]);
  }
});

test("telemetry reaches the history, and a bad pack is refused whole", async () => {
  await publish("cx/nodes/mos-1/telemetry", '[{"n":"temp","u":"Cel","v":21.5}]');
  const points = await soon(
    () => manager.app.telemetry.latest("mos-1"),
    (list) => list.length > 0,
  );
  expect(points).toMatchObject([{ series: "temp", unit: "Cel", value: 21.5 }]);
  await publish("cx/nodes/mos-1/telemetry", '[{"n":"temp","v":22},{"n":"hum","v":"NaN"}]');
  await soon(
    () => manager.app.telemetry.counters().refused,
    (count) => count === 1,
  );
  expect(await manager.app.telemetry.latest("mos-1")).toMatchObject([{ value: 21.5 }]);
});

test("a publish under another node's topic is acknowledged and goes nowhere", async () => {
  const before = manager.app.telemetry.counters().received;
  const { code } = await publish("cx/nodes/mos-2/telemetry", '[{"n":"temp","v":99}]');
  expect(code).toBe(0);
  await publish("cx/nodes/mos-1/telemetry", '[{"n":"temp","v":23}]');
  await soon(
    () => manager.app.telemetry.counters().received,
    (count) => count > before,
  );
  expect(await manager.app.telemetry.latest("mos-2")).toEqual([]);
});

test("a status report by MQTT is the node's health", async () => {
  await publish("cx/nodes/mos-1/status", '{"status":"degraded","cpuPercent":80}', "-r");
  const health = await soon(
    () => manager.app.health.latest("mos-1"),
    (latest) => latest !== undefined,
  );
  expect(health).toMatchObject({ way: "mqtt", value: { status: "degraded", cpuPercent: 80 } });
});

test("an observer reads what the manager says for nodes without MQTT, and for the fleet", async () => {
  const watching = observe("cx/nodes/+/availability", "cx/nodes/+/status", "cx/fleet/#");
  // What is retained comes first, so from here on it listens.
  await soon(
    () => watching.out(),
    (text) => text.includes("cx/fleet/presence"),
  );
  await node.ask("POST", "/status?ep=mos-2&r=0", '{"status":"unhealthy"}', 50);
  await soon(
    () => watching.out(),
    (text) => text.includes("cx/nodes/mos-2/availability online"),
  );
  await soon(
    () => watching.out(),
    (text) => /cx\/nodes\/mos-2\/status .*"unhealthy"/.test(text),
  );
  await soon(
    () => watching.out(),
    (text) => /cx\/fleet\/alerts .*mos-2/.test(text),
  );
  watching.child.kill("SIGTERM");
  await watching.ended;
});

test("an observer publishes nothing", async () => {
  await runOutside("mosquitto_pub", [
    ...as("_observer", "sesame-open-sesame"),
    "-q",
    "1",
    "-t",
    "cx/nodes/mos-1/status",
    "-m",
    '{"status":"healthy"}',
  ]);
  expect(manager.app.health.latest("mos-1")?.value.status).toBe("degraded");
});

test("an update started by MQTT is told on ota/start, and on the bare topic of early code; install gets the action", async () => {
  const bytes = Buffer.alloc(5000, "x");
  const headers = { "content-type": "application/octet-stream" };
  const stored = await fetch(`${manager.urls.http}/api/v1/artifacts`, { method: "POST", headers, body: bytes });
  const { digest, size } = (await stored.json()) as { digest: string; size: number };
  await manager.app.updates.create(
    { id: "by-mqtt", version: "2", model: "sensor", digest: digest as never, size },
    { kind: "operator", id: "test" },
  );
  const early = startOutside("mosquitto_sub", [...as("mos-1", password), "-v", "-t", "device/ota/start"]);
  await soon(
    async () => (await manager.app.registry.find("mos-1"))?.isConnectedToBroker,
    (isConnected) => isConnected === true,
  );
  const watching = observe("cx/nodes/mos-1/ota/#");
  const post = (path: string, body: unknown) =>
    fetch(`${manager.urls.http}/api/v1${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  expect(await (await post("/updates/by-mqtt/start", { nodes: ["mos-1"], via: "mqtt" })).json()).toMatchObject({
    kind: "started",
  });
  await soon(
    () => early.out(),
    (text) => /^device\/ota\/start .*"update":"by-mqtt"/.test(text),
  );
  await soon(
    () => watching.out(),
    (text) => /cx\/nodes\/mos-1\/ota\/start .*"update":"by-mqtt"/.test(text),
  );
  const action = (await node.ask("POST", "/updates/by-mqtt/install?ep=mos-1")).json;
  expect(action).toMatchObject({ kind: "update", update: "by-mqtt", digest });
  early.child.kill("SIGTERM");
  watching.child.kill("SIGTERM");
  await Promise.all([early.ended, watching.ended]);
});
