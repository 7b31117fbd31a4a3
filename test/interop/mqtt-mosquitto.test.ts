import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { expect, onTestFinished, test } from "vitest";
import { eventually, startBroker } from "../contract/mqtt-fixture.ts";

// Debian: mosquitto-clients. The set-up of the tests installs it; where it is missing these tests say so by being skipped.
const isInstalled = spawnSync("mosquitto_pub", ["--help"]).error === undefined;
const outside = test.skipIf(!isInstalled);

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

function run(
  program: "mosquitto_pub" | "mosquitto_sub",
  port: number,
  clientId: string,
  args: readonly string[],
  input?: string,
) {
  const access = ["-h", "127.0.0.1", "-p", `${port}`, "-i", clientId, "-u", clientId, "-P", `${clientId}-password`];
  const child: ChildProcess = spawn(program, [...access, ...args]);
  onTestFinished(() => void child.kill("SIGKILL"));
  let out = "";
  let errors = "";
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  if (input !== undefined) child.stdin?.end(input);
  const ended = new Promise<Ended>((resolve) => child.once("close", (code) => resolve({ code, out, errors })));
  return { child, ended, output: () => out, errors: () => errors };
}

outside("mosquitto_pub with a wrong password is told so", async () => {
  const { port } = await startBroker();
  const { code, errors } = await run("mosquitto_pub", port, "a", ["-P", "wrong", "-t", "cx/nodes/a/event", "-m", "x"])
    .ended;
  expect(code).toBe(4);
  expect(errors).toMatch(/bad user name or password/i);
});

outside("mosquitto_pub that speaks MQTT 5 is told that the version isn't spoken", async () => {
  const { port, broker } = await startBroker();
  const { code } = await run("mosquitto_pub", port, "a", ["-V", "mqttv5", "-t", "cx/nodes/a/event", "-m", "x"]).ended;
  expect(code).not.toBe(0);
  expect(broker.counters().versionsRefused).toBe(1);
});

outside.each([0, 1, 2])("what mosquitto_pub sends with QoS %i comes out, once and in order", async (qos) => {
  const { port, published } = await startBroker();
  const lines = Array.from({ length: 100 }, (_, i) => `{"n":"temperature","v":${i}}`);
  const ended = run(
    "mosquitto_pub",
    port,
    "a",
    ["-q", `${qos}`, "-t", "cx/nodes/a/telemetry", "-l"],
    `${lines.join("\n")}\n`,
  ).ended;
  expect(await ended).toMatchObject({ code: 0, errors: "" });
  await eventually(() => expect(published).toHaveLength(100));
  expect(published.map(({ payload }) => Buffer.from(payload).toString())).toEqual(lines);
});

outside("a publish of mosquitto_pub on another's topic is acknowledged and goes nowhere", async () => {
  const { port, published, broker } = await startBroker();
  expect(await run("mosquitto_pub", port, "a", ["-q", "1", "-t", "cx/nodes/b/event", "-m", "x"]).ended).toMatchObject({
    code: 0,
  });
  expect(published).toEqual([]);
  expect(broker.counters().publishesRefused).toBe(1);
});

outside("mosquitto_sub is refused what isn't its own, and says so", async () => {
  const { port } = await startBroker();
  const { errors } = await run("mosquitto_sub", port, "a", ["-t", "cx/nodes/b/#", "-W", "20"]).ended;
  expect(errors).toMatch(/subscription|denied|rejected/i);
});

outside("mosquitto_sub gets retained and live messages, and its will speaks when it is killed", async () => {
  const { port, broker, published, presence } = await startBroker();
  await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "retained", retain: true });
  const will = [
    "--will-topic",
    "cx/nodes/a/availability",
    "--will-payload",
    "offline",
    "--will-qos",
    "1",
    "--will-retain",
  ];
  const subscriber = run("mosquitto_sub", port, "a", ["-v", "-q", "1", "-t", "cx/nodes/a/#", ...will]);
  await eventually(() => expect(subscriber.output()).toContain("cx/nodes/a/ota/start retained\n"));
  await broker.publish({ topic: "cx/nodes/a/cmd/restart", payload: "live", qos: 1 });
  await eventually(() => expect(subscriber.output()).toContain("cx/nodes/a/cmd/restart live\n"));
  subscriber.child.kill("SIGKILL");
  await eventually(() => expect(presence.map(({ event }) => event)).toEqual(["connected", "lost"]));
  await eventually(() => expect(published.map(({ topic }) => topic)).toEqual(["cx/nodes/a/availability"]));
});

outside("early device code's bare topics work with mosquitto's tools", async () => {
  const { port, broker, published } = await startBroker();
  const subscriber = run("mosquitto_sub", port, "a", ["-v", "-t", "device/ota/start", "-C", "1", "-W", "20"]);
  await eventually(() => expect(broker.isConnected("a")).toBe(true));
  await eventually(async () => {
    await broker.publish({ topic: "cx/nodes/a/ota/start", payload: "go" });
    expect(subscriber.output()).toBe("device/ota/start go\n");
  });
  await subscriber.ended;
  expect(await run("mosquitto_pub", port, "a", ["-q", "1", "-t", "device/progress", "-m", "50"]).ended).toMatchObject({
    code: 0,
  });
  await eventually(() => expect(published.map(({ topic }) => topic)).toEqual(["cx/nodes/a/ota/progress"]));
});

outside("a session of mosquitto_sub gets what came while it was away", async () => {
  const { port, broker } = await startBroker();
  const session = ["-c", "-q", "1", "-t", "cx/nodes/a/cmd/+"];
  // -E leaves once subscribed; the session stays.
  expect(await run("mosquitto_sub", port, "a", [...session, "-E"]).ended).toMatchObject({ code: 0 });
  for (const i of [1, 2, 3]) await broker.publish({ topic: `cx/nodes/a/cmd/c${i}`, payload: `${i}`, qos: 1 });
  const { code, out } = await run("mosquitto_sub", port, "a", [...session, "-C", "3", "-W", "20"]).ended;
  expect([code, out]).toEqual([0, "1\n2\n3\n"]);
});
