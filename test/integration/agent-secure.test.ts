import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Agent } from "../../agent/agent.ts";
import { parseManagerAddress } from "../../agent/manager-address.ts";
import { managerEndpoint } from "../../agent/manager-endpoint.ts";
import { type NodeCredentials, parseNodeCredentials } from "../../agent/node-credentials.ts";
import { type NodeMemories, volatileMemories } from "../../agent/node-memory.ts";
import { codeText } from "../../coap/message.ts";
import { fileLeases } from "../../coap/package/file-leases.ts";
import { volatileLeases } from "../../coap/security/oscore/sequence-leases.ts";
import { dgramTransport } from "../../coap/transport/dgram.ts";
import { silentLog } from "../../kernel/log.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { FakeHost, operator } from "./agent-world.ts";
import { hasDtls } from "./dtls-harness.ts";
import { issueKeys, soon, type TestManager, TestPeer, testManager } from "./manager-harness.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function manager(): Promise<TestManager> {
  const started = await testManager({ flags: { insecure: false, poll: "10", report: "10" } });
  stops.push(() => started.end());
  return started;
}

interface Started {
  readonly agent: Agent;
  readonly host: FakeHost;
  readonly port: number;
  stop(): Promise<void>;
}

async function start(
  url: string,
  credentials: NodeCredentials,
  { leases = volatileLeases(), memories = volatileMemories() as NodeMemories } = {},
): Promise<Started> {
  const host = new FakeHost("gw");
  const made = managerEndpoint({
    manager: parseManagerAddress(url),
    credentials,
    leases,
    transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
  });
  const agent = new Agent({
    ...{ ...made, host, memories },
    ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
  });
  await made.endpoint.start();
  await agent.start();
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    agent.stop();
    await made.endpoint.stop();
  };
  stops.push(stop);
  return { agent, host, port: made.endpoint.address().port, stop };
}

/** Registered, observed and called: both directions are secured. */
async function works(at: TestManager, { agent, host }: Started): Promise<void> {
  await soon(() => agent.isRegistered, Boolean);
  const child = new FakeHost("gw.0a");
  await agent.addChild(child);
  await soon(
    () => child.registrations,
    (count) => count > 0,
  );
  for (const each of [host, child]) {
    await soon(
      () => at.app.registry.find(each.id),
      (view) => view?.presence.state === "online" && view.identity === "credential",
    );
    const before = each.commands.length;
    await at.app.commands.send(each.id, { command: "identify" }, operator);
    await soon(
      () => each.commands.length,
      (count) => count === before + 1,
    );
  }
  await soon(
    () => host.environments.length,
    (count) => count > 0,
  );
}

describe("OSCORE", () => {
  test("secures both directions, and after a restart the numbers go on from the file", async () => {
    const at = await manager();
    const keys = await issueKeys(at, "gw");
    const credentials = parseNodeCredentials(JSON.stringify({ id: "gw", oscore: keys }));
    const folder = mkdtempSync(join(tmpdir(), "coxswain-agent-"));
    stops.push(() => Promise.resolve(rmSync(folder, { recursive: true, force: true })));
    const leases = () => fileLeases(join(folder, "numbers"));
    const memories = volatileMemories();
    const first = await start(at.urls.coap, credentials, { leases: leases(), memories });
    await works(at, first);
    await first.stop();
    await works(at, await start(at.urls.coap, credentials, { leases: leases(), memories }));
  });

  test("nobody but the manager is answered by the agent", async () => {
    const at = await manager();
    const keys = await issueKeys(at, "gw");
    const { port } = await start(at.urls.coap, parseNodeCredentials(JSON.stringify({ oscore: keys })));
    const stranger = await TestPeer.start(at.coapPort);
    stops.push(() => stranger.end());
    const to = { address: "127.0.0.1", port };
    for (const path of [["health"], ["update"], ["nodes", "gw.0a", "health"]]) {
      const response = await stranger.endpoint.request({ to, method: "GET", path });
      expect(codeText(response.code)).toBe("4.01");
    }
    const put = await stranger.endpoint.request({ to, method: "POST", path: ["system", "restart"] });
    expect(codeText(put.code)).toBe("4.01");
  });
});

test.skipIf(!hasDtls())("DTLS with a pre-shared key secures both directions", async () => {
  const at = await manager();
  const issued = await at.app.credentials.issue("gw", operator, "psk");
  if (issued.kind !== "issued" || issued.secrets.scheme !== "psk") throw new Error(issued.kind);
  const { identity = "gw", secrets } = issued;
  const { key } = secrets;
  const credentials = parseNodeCredentials(JSON.stringify({ dtls: { psk: { identity, key: toHex(key) } } }));
  await works(at, await start(at.urls.coaps ?? "", credentials));
});

test("credentials that the manager's address has no use for are refused before anything is sent", () => {
  const psk = parseNodeCredentials(JSON.stringify({ dtls: { psk: { identity: "gw", key: "00".repeat(16) } } }));
  const made = (url: string, credentials: NodeCredentials | undefined) =>
    managerEndpoint({
      manager: parseManagerAddress(url),
      credentials,
      leases: volatileLeases(),
      transport: dgramTransport({ address: "127.0.0.1", port: 0 }),
      ...{ clock: systemClock, entropy: systemEntropy, log: silentLog },
    });
  expect(() => made("coap://127.0.0.1", psk)).toThrow(/OSCORE/);
  expect(() => made("coaps://127.0.0.1", undefined)).toThrow(/DTLS/);
});
