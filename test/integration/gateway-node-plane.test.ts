import { afterEach, expect, test } from "vitest";
import { NodePlane } from "../../gateway/adapters/mqtt/node-plane.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { Broker } from "../../mqtt/broker.ts";
import { TcpListener } from "../../mqtt/tcp-listener.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { Topics } from "../../schemas/wire/topics.ts";
import { FakePacks, sha256 } from "./gateway-fakes.ts";
import { soon } from "./manager-harness.ts";

const pack = "a0b1c2d3e401" as HardwareNumber;
const [gateway, child] = [nodeId("gw"), nodeId(`gw.${pack}`)];
const topics = new Topics();
const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A broker by the manager's rules, the gateway's plane on it, and what it said. */
async function joined() {
  const said: [string, string][] = [];
  const parts = { clock: systemClock, entropy: systemEntropy, log: silentLog };
  const broker = new Broker({
    ...parts,
    onPublished: (batch) => {
      for (const { topic, payload } of batch) said.push([topic, Buffer.from(payload).toString()]);
    },
    onPresence: () => undefined,
  });
  const account = (children: readonly (typeof child)[]): void =>
    broker.setCredentials([{ clientId: "gw", password: "a password", ...topics.rightsOf(gateway, children) }]);
  account([]);
  await broker.start();
  stops.push(() => broker.stop());
  const listener = new TcpListener({
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    attach: (stream) => broker.attach(stream),
  });
  await listener.start();
  stops.push(() => listener.stop());
  const packs = new FakePacks();
  packs.add(pack, sha256(Uint8Array.of(1)));
  const commands: string[] = [];
  const waits: string[] = [];
  const plane = new NodePlane({
    ...{ gateway, packs, ...parts },
    report: () => ({ status: "healthy" }),
    post: () => undefined,
    updateWaits: (node) => waits.push(node),
    command: (node, { command, id }) => {
      commands.push(`${node} ${command} ${id}`);
      return Promise.resolve({ result: "refused", reason: "unsupported" });
    },
  });
  stops.push(() => plane.stop());
  plane.environment({
    ...{ report: 1, mqtt: { host: "127.0.0.1", port: listener.address().port, user: "gw", password: "a password" } },
  });
  await soon(() => plane.isConnected, Boolean);
  return { broker, plane, said, commands, waits, account };
}

test("commands and waiting updates of a child are heard once the broker lets the gateway, and answered", async () => {
  const { broker, plane, said, commands, waits, account } = await joined();
  plane.presence(child, pack, true);
  // As the manager does when the child registered.
  account([child]);
  const topic = topics.command(child, "identify");
  await soon(
    async () => {
      await broker.publish({ topic, payload: '{"command":"identify","id":"m-1"}', qos: 1 });
      return commands.length;
    },
    (count) => count > 0,
  );
  expect(commands[0]).toBe(`${child} identify m-1`);
  const answer = '{"id":"m-1","result":"refused","reason":"unsupported"}';
  await soon(
    () => said,
    (all) => all.some(([to, payload]) => to === `${topic}/ack` && payload === answer),
  );
  await broker.publish({ topic: topics.of("update-start", child), payload: '{"update":"u-1"}', qos: 1 });
  await soon(
    () => waits,
    (all) => all.includes(child),
  );
});

test("a command without an id, of another name than its topic, or that is no command is nobody's", async () => {
  const { broker, commands } = await joined();
  const topic = topics.command(gateway, "restart");
  for (const payload of ["{}", '{"command":"restart"}', '{"command":"identify","id":"m-1"}', "\u0000", ""])
    await broker.publish({ topic, payload, qos: 1 });
  await broker.publish({ topic, payload: '{"command":"restart","id":"m-2"}', qos: 1 });
  await soon(
    () => commands.length,
    (count) => count > 0,
  );
  expect(commands).toEqual(["gw restart m-2"]);
});

test("a pack that went is offline for all, and at the gateway's end everything is", async () => {
  const { plane, said, account } = await joined();
  account([child]);
  const last = (id: typeof child): string | undefined =>
    said.findLast(([topic]) => topic === topics.of("availability", id))?.[1];
  plane.presence(child, pack, true);
  await soon(
    () => last(child),
    (is) => is === "online",
  );
  plane.presence(child, pack, false);
  await soon(
    () => last(child),
    (is) => is === "offline",
  );
  plane.presence(child, pack, true);
  await plane.stop();
  await soon(
    () => `${last(gateway)} ${last(child)}`,
    (both) => both === "offline offline",
  );
});
