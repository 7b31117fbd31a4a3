import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { seededEntropy } from "../../kernel/seeded-entropy.ts";
import { systemEntropy } from "../../kernel/system/system-entropy.ts";
import type { BatchDeviceView, CreatedBatch } from "../../manager/app/api/batches.ts";
import type { CredentialView } from "../../manager/app/api/credentials.ts";
import type { CreatedClaim } from "../../manager/app/api/enrolments.ts";
import type { NodeView } from "../../manager/app/api/registry.ts";
import { coxswain, firmware, type ManagerUrls, Program, startManager } from "../../tools/demo/programs.ts";
import { type OwnPorts, ownPorts } from "./own-ports.ts";

const seed = process.env["SEED"] ?? `${systemEntropy.uint32()}`;
const rounds = 4;

const running: Program[] = [];
let folder: string;
let ports: OwnPorts;
let urls: ManagerUrls;
let manager: Program;

// For each try: a second one finds nothing of the first.
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-kill-enrolment-"));
  ports = await ownPorts();
});
afterEach(async () => {
  for (const program of running.splice(0).toReversed()) await program.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startTheManager(): Promise<void> {
  ({ program: manager, urls } = await startManager(folder, { ports, isSecure: true, flags: ["--no-mdns"] }));
  running.push(manager);
}

async function get<T>(path: string): Promise<T | undefined> {
  const token = readFileSync(join(urls.dataDir, "admin-token"), "utf8").trim();
  const response = await fetch(`${urls.http}/api/v1${path}`, { headers: { authorization: `Bearer ${token}` } });
  return response.ok ? ((await response.json()) as T) : undefined;
}

const presence = async (id: string): Promise<string | undefined> =>
  (await get<{ node: NodeView }>(`/nodes/${id}`).catch(() => undefined))?.node.presence.state;
const statesOf = async (id: string): Promise<readonly string[]> =>
  ((await get<{ credentials: CredentialView[] }>(`/nodes/${id}/credentials`))?.credentials ?? []).map(
    ({ state }) => state,
  );
const soon = (what: () => Promise<unknown>) => expect.poll(what, { timeout: 120_000, interval: 100 });

function start(id: string, flags: readonly string[]): Program {
  const args = [
    ...["--manager", urls.coap, "--image", firmware("cxnode-node"), "--model", "cut"],
    ...["--state", join(folder, id), ...flags],
  ];
  const program = new Program(id, firmware("cxnode"), args, folder);
  running.push(program);
  return program;
}

it(`gives every node one credential that works over ${rounds} rounds of kills in its enrolment (SEED=${seed})`, {
  timeout: 300_000,
}, async () => {
  console.log(`enrolment-kill: SEED=${seed}`);
  const entropy = seededEntropy(seed);
  const counts = { node: 0, both: 0, manager: 0, cutBeforeCredentials: 0, cutAfterCredentials: 0 };
  await startTheManager();
  const key = join(folder, "batch.json");
  const batch = (await coxswain(urls, "batch", "create", "--model", "batch", "--out", key)) as CreatedBatch;
  const ids: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const isBatch = round % 2 === 1;
    const id = isBatch ? `batch-${round}` : `claim-${round}`;
    const code = isBatch ? "" : ((await coxswain(urls, "claim", "create", "--node", id)) as CreatedClaim).code;
    const flags = isBatch ? ["--batch-key", key, "--hardware", `${round}`] : ["--claim", code];
    let node = start(id, flags);
    // A node whose manager went away asks less and less often: it is left to itself in one round only.
    const isLast = round === rounds - 1;
    const cuts = isLast ? (["node", "both", "manager"] as const) : (["manager", "both", "node"] as const);
    for (const [at, cut] of cuts.entries()) {
      // The first comes while the node starts or asks, the others anywhere from a millisecond to half a second later.
      const delayMs = at === 0 ? entropy.fraction() * 20 : 2 ** (entropy.fraction() * 9);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      counts[existsSync(join(folder, id, "credentials")) ? "cutAfterCredentials" : "cutBeforeCredentials"]++;
      await Promise.all([cut !== "manager" && node.cut(), cut !== "node" && manager.cut()]);
      counts[cut]++;
      if (cut !== "node") await startTheManager();
      if (cut !== "manager") node = start(id, flags);
    }
    await soon(() => presence(id)).toBe("online");
    const isGood = (state: string): boolean => state !== "revoked";
    await soon(async () => (await statesOf(id)).filter(isGood)).toEqual(["active"]);
    expect(existsSync(join(folder, id, "enrolment"))).toBe(false);
    ids.push(id);
    await node.stop();
  }
  // What it keeps is enough, and each is one node.
  const { nodes = [] } = (await get<{ nodes: NodeView[] }>("/nodes")) ?? {};
  expect(new Set(nodes.map((each) => each.id))).toEqual(new Set(ids));
  expect(nodes).toHaveLength(ids.length);
  const { devices = [] } = (await get<{ devices: BatchDeviceView[] }>(`/batches/${batch.batch}/devices`)) ?? {};
  expect(devices.map(({ node, state }) => [node, state])).toEqual(
    ids.filter((id) => id.startsWith("batch-")).map((id) => [id, "used"]),
  );
  console.log(`enrolment-kill: ${JSON.stringify(counts)}`);
  // Else it has shown nothing.
  expect(counts.cutBeforeCredentials).toBeGreaterThan(0);
});
