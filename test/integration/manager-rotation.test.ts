import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type MqttClient } from "mqtt";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { issueKeys, soon, type TestKeys, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const operator = { kind: "operator", id: "test" } as const;
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const folder = mkdtempSync(join(tmpdir(), "coxswain-rotation-"));
let manager: TestManager;
let digest: string;

beforeAll(async () => {
  manager = await testManager({ flags: { insecure: false, poll: "10", report: "10", unsignedUpdates: true } });
  const stored = await manager.app.artifacts.store(
    (async function* () {
      yield new Uint8Array(2000);
    })(),
  );
  ({ digest } = stored);
});
afterAll(async () => {
  await manager.end();
  rmSync(folder, { recursive: true, force: true });
});

function coxswain(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, COXSWAIN_URL: manager.urls.http, COXSWAIN_DATA_DIR: manager.folder };
  return new Promise((resolve) => {
    execFile(process.execPath, [cli, ...words], { cwd: folder, env }, (error, out, err) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, out, err });
    });
  });
}

async function peerWith(keys: TestKeys): Promise<TestPeer> {
  const peer = await TestPeer.start(manager.coapPort, [], keys);
  onTestFinished(() => peer.end());
  return peer;
}

async function passwordOf(peer: TestPeer): Promise<string> {
  return ((await peer.ask("GET", "/environment")).json as { mqtt: { password: string } }).mqtt.password;
}

/** A session that lasts, and the topics of what came to it, from its first packet on. Rejects when it isn't let in. */
async function mqtt(node: string, password: string): Promise<{ client: MqttClient; topics: string[] }> {
  const topics: string[] = [];
  const options = { clientId: node, username: node, password, reconnectPeriod: 0, clean: false };
  const client = connect(manager.urls.mqtt, options);
  client.on("message", (topic) => topics.push(topic));
  onTestFinished(() => void client.end(true));
  await new Promise<void>((resolve, reject) => {
    client.once("connect", () => resolve());
    client.on("error", reject);
  });
  return { client, topics };
}

/** A session that waits at the broker, with one message in it. */
async function leaveMessage(node: string, password: string): Promise<void> {
  const { client } = await mqtt(node, password);
  await client.subscribeAsync(`cx/nodes/${node}/ota/start`, { qos: 1 });
  await client.endAsync();
  await tellByMqtt(node);
}

/** Heartbeats one after the other until one is refused or nothing comes; how each was answered. */
function beating(peer: TestPeer) {
  const codes: string[] = [];
  const control = { isStopped: false };
  const ended = (async () => {
    while (!control.isStopped) {
      const code = await peer.ask("POST", "/status?r=0", '{"status":"healthy"}', 50).then(
        (answer) => answer.code,
        (error: { code: string }) => error.code,
      );
      codes.push(code);
      if (code !== "2.04") return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  onTestFinished(() => {
    control.isStopped = true;
  });
  return { codes, ended };
}

/** Telemetry over MQTT until the connection is over. */
function reporting(client: MqttClient, node: string) {
  const count = { sent: 0 };
  const closed = new Promise<void>((resolve) => client.once("close", () => resolve()));
  void (async () => {
    while (client.connected) {
      const body = JSON.stringify([{ n: "t", v: count.sent++ }]);
      const isSent = await client.publishAsync(`cx/nodes/${node}/telemetry`, body, { qos: 1 }).then(
        () => true,
        () => false,
      );
      if (!isSent) return;
    }
  })();
  return { count, closed };
}

const states = async (node: string) => (await manager.app.credentials.list(node)).map(({ state }) => state);

/** Something that waits at the broker for the node. */
async function tellByMqtt(node: string): Promise<void> {
  const update = `for-${node}`;
  await manager.app.updates.create(
    { id: update, version: "2", model: "m", sequence: 2, digest, size: 2000 } as never,
    operator,
  );
  expect(await manager.app.updates.start(update, [node], operator, "mqtt")).toMatchObject({ kind: "started" });
}

test("a rotation for a node that used no keys is refused, and no file is left", async () => {
  await issueKeys(manager, "attic");
  const { code, err } = await coxswain("node", "rotate", "attic");
  expect([code, err]).toEqual([1, expect.stringContaining("uses no credentials that could be rotated")]);
  expect(existsSync(join(folder, "attic.credentials.json"))).toBe(false);
  expect(await states("attic")).toEqual(["issued"]);
});

test("a node without credentials has none to list", async () => {
  expect((await coxswain("node", "credentials", "nowhere")).out).toBe("nowhere has no credentials.\n");
});

test("rotating while heartbeats and telemetry flow: both keys are good on trial, the old ones end with the first use, nothing queued is lost", async () => {
  const before = await peerWith(await issueKeys(manager, "porch"));
  await before.register({ id: "porch", model: "m" });
  const oldPassword = await passwordOf(before);
  const { client } = await mqtt("porch", oldPassword);
  await client.subscribeAsync("cx/nodes/porch/ota/start", { qos: 1 });
  const telemetry = reporting(client, "porch");
  const old = beating(before);

  const { code, out } = await coxswain("node", "rotate", "porch", "--out", "porch-new.json");
  expect([code, out]).toEqual([0, expect.stringContaining("On trial: what porch uses now stays good")]);
  expect((await states("porch")).toSorted()).toEqual(["active", "on-trial"]);
  const listed = await coxswain("node", "credentials", "porch");
  expect(listed.out.split("\n")[0]).toMatch(/^KID +SCHEME +STATE +ISSUED +BY +FIRST USED$/);
  expect(listed.out).toMatch(/^[0-9a-f]{8} +oscore +on trial +/m);
  expect(listed.out).toMatch(/^[0-9a-f]{8} +oscore +active +/m);
  const beats = old.codes.length;
  await soon(
    () => old.codes.length,
    (count) => count > beats + 3,
  );
  expect(new Set(old.codes)).toEqual(new Set(["2.04"]));

  const { oscore } = JSON.parse(readFileSync(join(folder, "porch-new.json"), "utf8")) as { oscore: TestKeys };
  const after = await peerWith(oscore);
  expect((await after.register({ id: "porch", model: "m" })).code).toBe("2.04");
  const newPassword = await passwordOf(after);
  await old.ended;
  expect(old.codes.at(-1)).toMatch(/4\.01|coap\./);
  expect(new Set(old.codes.slice(0, -1))).toEqual(new Set(["2.04"]));
  expect(await states("porch")).toEqual(["active", "revoked"]);

  expect(newPassword).not.toBe(oldPassword);
  const sent = telemetry.count.sent;
  await soon(
    () => telemetry.count.sent,
    (count) => count > sent + 3,
  );
  client.end(true);
  await telemetry.closed;
  await tellByMqtt("porch");
  await expect(mqtt("porch", oldPassword)).rejects.toMatchObject({ code: 4 });
  const { topics } = await mqtt("porch", newPassword);
  await soon(
    () => topics,
    (seen) => seen.length > 0,
  );
  expect(topics).toEqual(["cx/nodes/porch/ota/start"]);
});

test("revoking while heartbeats and telemetry flow: the next datagram is refused, and the connection ends", async () => {
  const node = await peerWith(await issueKeys(manager, "cellar"));
  await node.register({ id: "cellar", model: "m" });
  const password = await passwordOf(node);
  const { client } = await mqtt("cellar", password);
  const telemetry = reporting(client, "cellar");
  const beats = beating(node);
  await soon(
    () => Math.min(beats.codes.length, telemetry.count.sent),
    (count) => count > 3,
  );
  expect((await coxswain("node", "revoke", "cellar")).code).toBe(0);
  await beats.ended;
  await telemetry.closed;
  expect(beats.codes.at(-1)).toMatch(/4\.01|coap\./);
  expect(new Set(beats.codes.slice(0, -1))).toEqual(new Set(["2.04"]));
  await expect(mqtt("cellar", password)).rejects.toMatchObject({ code: 4 });
});

test("what was queued for a node that is revoked is never delivered, to new credentials neither", async () => {
  const node = await peerWith(await issueKeys(manager, "vault"));
  await node.register({ id: "vault", model: "m" });
  await leaveMessage("vault", await passwordOf(node));
  expect((await coxswain("node", "revoke", "vault")).code).toBe(0);
  const anew = await peerWith(await issueKeys(manager, "vault"));
  await anew.register({ id: "vault", model: "m" });
  const { client, topics } = await mqtt("vault", await passwordOf(anew));
  await client.subscribeAsync("cx/nodes/vault/ota/start", { qos: 1 });
  await client.publishAsync("cx/nodes/vault/telemetry", '[{"n":"t","v":1}]', { qos: 1 });
  expect(topics).toEqual([]);
});
