import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../kernel/log.ts";
import { loadSettings } from "../../kernel/settings-load.ts";
import { systemClock } from "../../kernel/system/system-clock.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import { settingsDescription } from "../../manager/settings.ts";
import { type RunningManager, startManager } from "../../manager/start-manager.ts";
import { nodeId } from "../../schemas/wire/node-id.ts";
import type { Measurement } from "./report.ts";

const client = join(import.meta.dirname, "mqtt-connects-client.ts");
const operator = { kind: "operator", id: "bench" } as const;
const node = "n0";

/** What a whole manager pays for a CONNECT, by password and by certificate, and how long a revocation takes among many nodes. */
export async function managerTrust({ connects, nodes }: { connects: number; nodes: number }): Promise<Measurement[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "coxswain-bench-"));
  const flags: Record<string, string | boolean> = {
    ...{ dataDir, mdns: false, discovery: false, "tls.mode": "on", "limits.nodes": "200000" },
    ...{ "coap.port": "0", "http.port": "0", "mqtt.port": "0", "https.port": "0", "mqtts.port": "0" },
  };
  const loaded = loadSettings(settingsDescription, { environment: {}, flags: new Map(Object.entries(flags)) });
  if (!loaded.ok) throw new Error(loaded.problems.map((each) => each.message).join("\n"));
  const parts = { clock: systemClock, entropy: systemEntropy, log: silentLog };
  const manager = await startManager({ settings: loaded.settings, ...parts });
  try {
    return [...(await connectRates(manager, dataDir, connects)), ...(await revocations(manager, nodes))];
  } finally {
    await manager.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function connectRates({ app, urls }: RunningManager, folder: string, count: number): Promise<Measurement[]> {
  const issued = await app.credentials.issue(node, operator, "x509");
  if (issued.kind !== "issued" || issued.certificate === undefined) throw new Error(issued.kind);
  await app.registry.register({
    manifest: { id: nodeId(node), caps: ["tls"] },
    path: { address: "127.0.0.1", port: 9, family: 4 },
    ...{ identity: "credential", face: "register" },
  });
  const { mqtt } = (await app.environments.build(node)) ?? {};
  if (mqtt?.password === undefined) throw new Error(`${node} is told no broker`);
  const { certificate, key = "", ca } = issued.certificate;
  const files = [certificate, key, ca].map((text, at) => {
    const file = join(folder, `bench-${at}.pem`);
    writeFileSync(file, text);
    return file;
  });
  return [
    ...(await measured("mqtt-password", count, urls.mqtt, [mqtt.password])),
    ...(await measured("mqtt-certificate", count, urls.mqtts ?? "", files)),
  ];
}

async function measured(
  subject: string,
  count: number,
  url: string,
  identity: readonly string[],
): Promise<Measurement[]> {
  const before = process.cpuUsage();
  const child = spawn(process.execPath, [client, new URL(url).port, `${count}`, ...identity], { stdio: "inherit" });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`${subject}: the clients ended with ${code}`);
  const { user, system } = process.cpuUsage(before);
  const micros = (user + system) / count;
  return [
    { subject, metric: "cpu_per_connect", value: Math.round(micros), unit: "us" },
    { subject, metric: "connects", value: Math.round(1e6 / micros), unit: "1/s" },
  ];
}

/** The slowest of fifty, from the operator's word until it is durable and everything of the node has ended. */
async function revocations({ app }: RunningManager, nodes: number): Promise<Measurement[]> {
  const ids = Array.from({ length: nodes }, (_, at) => `fleet-${at}`);
  for (let at = 0; at < nodes; at += 1000) {
    await Promise.all(ids.slice(at, at + 1000).map((id) => app.credentials.issue(id, operator, "psk")));
  }
  const tried = ids.filter((_, at) => at % Math.ceil(nodes / 50) === 0);
  const times: number[] = [];
  for (const id of tried) {
    const before = performance.now();
    if ((await app.credentials.revoke(id, operator)) !== "revoked") throw new Error(`${id} wasn't revoked`);
    times.push(performance.now() - before);
  }
  const worst = Math.max(...times);
  return [{ subject: "revocation", metric: "revocation_latency", value: Number(worst.toFixed(1)), unit: "ms" }];
}
