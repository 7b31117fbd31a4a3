import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { CredentialView } from "../../manager/app/api/credentials.ts";
import { coxswain, type ManagerUrls, type Program, startManager, startNode } from "../../tools/demo/programs.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

const folder = mkdtempSync(join(tmpdir(), "coxswain-rotation-"));
const programs: Program[] = [];
let urls: ManagerUrls;
let ports: OwnPorts;

beforeAll(async () => {
  ports = await ownPorts();
  const started = await startManager(folder, { ports, isSecure: true, flags: ["--no-mdns"] });
  programs.push(started.program);
  ({ urls } = started);
});
afterAll(async () => {
  for (const program of programs.toReversed()) await program.stop();
  rmSync(folder, { recursive: true, force: true });
});

function start(credentials?: string): Program {
  const plan = { id: "porch", profile: "sensor", model: "rotation", prefer: "http" } as const;
  const program = startNode({ ...plan, ...(credentials !== undefined && { credentials }) }, ports.coap, folder);
  programs.push(program);
  return program;
}

const soon = (what: () => Promise<unknown>) => expect.poll(what, { timeout: 60_000, interval: 100 });

async function get<T>(path: string): Promise<T> {
  const token = readFileSync(join(urls.dataDir, "admin-token"), "utf8").trim();
  const response = await fetch(`${urls.http}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  return (await response.json()) as T;
}

async function states(): Promise<readonly string[]> {
  const { credentials } = await get<{ credentials: CredentialView[] }>("/nodes/porch/credentials");
  return credentials.map(({ state }) => state).toSorted((a, b) => a.localeCompare(b));
}

/** Points of the node's telemetry, which comes by the broker alone. */
async function telemetry(): Promise<number> {
  return (await get<{ telemetry: { received: number } }>("/system")).telemetry.received;
}

test("a node takes rotated credentials from the file, is heard by CoAP and MQTT with them, and keeps them without the flag", {
  timeout: 180_000,
}, async () => {
  const [old, next] = [join(folder, "old.json"), join(folder, "new.json")];
  await coxswain(urls, "node", "add", "porch", "--out", old);
  const first = start(old);
  await soon(telemetry).toBeGreaterThan(0);
  expect(await states()).toEqual(["active"]);
  await coxswain(urls, "node", "rotate", "porch", "--out", next);
  expect(await states()).toEqual(["active", "on-trial"]);
  await first.stop();

  const second = start(next);
  await soon(states).toEqual(["active", "revoked"]);
  const before = await telemetry();
  await soon(telemetry).toBeGreaterThan(before);
  await second.stop();

  const afterwards = await telemetry();
  start();
  await soon(telemetry).toBeGreaterThan(afterwards);
  expect(await states()).toEqual(["active", "revoked"]);
});
