import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RolloutView } from "../../manager/app/api/rollouts.ts";
import {
  buildFolder,
  requireBuild,
  SupervisedNode,
  stamp,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { type AttemptSeen, RealManager } from "./real-manager.ts";

const image = join(buildFolder, "cxnode-node");
const folder = temporaryFolder();
const nodes: SupervisedNode[] = [];
const ids = Array.from({ length: 6 }, (_, i) => `n-${i}`);
let manager: RealManager;

beforeAll(async () => {
  requireBuild();
  manager = await RealManager.start(folder);
});

afterAll(async () => {
  for (const node of nodes) {
    node.signal("SIGKILL");
    await node.exit;
  }
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function view(): Promise<RolloutView> {
  return await manager.get<RolloutView>("/rollouts/r");
}

async function until(what: string, isSo: (view: RolloutView) => boolean): Promise<RolloutView> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const now = await view();
    if (isSo(now)) return now;
    if (performance.now() > deadline) throw new Error(`not ${what} in 90 s: ${JSON.stringify(now)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it("kill -9 of the manager in each wave of a rollout: it goes on where it was, and no node is offered the update twice", async () => {
  await Promise.all(
    ids.map(async (id) => {
      const flags = ["--id", id, "--model", "m", "--image", image, "--download-rate", "150000"];
      const node = new SupervisedNode(join(folder, id), [...flags, "--manager", manager.urls.coap]);
      nodes.push(node);
      await node.line(/registered as/);
    }),
  );
  const digest = await manager.createUpdate({ id: "next", model: "m", version: "2", file: stamp(image, "2", folder) });
  const plan = { id: "r", update: "next", waves: ["1", "50%", "100%"], gate: { soakSeconds: 1, health: [] } };
  await manager.post("/rollouts", { ...plan, limits: { concurrency: 2 } });
  await manager.post("/rollouts/r/steps", { step: "start" });
  for (let wave = 1; wave <= 3; wave++) {
    await until(`in wave ${wave} and at it`, ({ waves, counts }) => {
      const atIt = (counts.offered ?? 0) + (counts["under-way"] ?? 0) + (counts.committed ?? 0);
      return waves.length === wave && atIt > 0;
    });
    await manager.kill();
    await manager.startAgain();
  }
  const end = await until("completed", ({ status }) => status === "completed");
  expect(end.counts).toEqual({ succeeded: 6 });
  const { attempts } = await manager.get<{ attempts: readonly AttemptSeen[] }>("/updates/next");
  expect(attempts.map(({ node }) => node).sort((a, b) => (a < b ? -1 : 1))).toEqual(ids);
  for (const id of ids) expect(await manager.manifest(id)).toMatchObject({ digest, confirmed: true });
}, 240_000);
