import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MemberView, RolloutView } from "../../manager/app/api/rollouts.ts";
import {
  buildFolder,
  imagePath,
  requireBuild,
  SupervisedNode,
  sha256,
  temporaryFolder,
} from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const good = join(buildFolder, "cxnode-node");
const goodDigest = `sha256:${sha256(good)}`;

/** What is wrong with each image, and what its node says when it went back. */
const bad = [
  { model: "crashes", file: imagePath("crash"), reason: "crash" },
  { model: "hangs", file: imagePath("hang"), reason: "watchdog" },
  { model: "cannot-register", file: imagePath("steady"), reason: "not-confirmed-in-time" },
  { model: "registers-unhealthy", file: imagePath("silent-sensor"), reason: "self-test" },
] as const;

const folder = temporaryFolder();
const nodes: SupervisedNode[] = [];
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

async function startNode(id: string, model: string): Promise<void> {
  const flags = ["--id", id, "--model", model, "--image", good, "--manager", manager.urls.coap];
  const node = new SupervisedNode(join(folder, id), [...flags, "--watchdog-time", "2", "--trial-time", "8"]);
  nodes.push(node);
  await node.line(/registered as/);
}

/** Asks until it is so; the rollout as it is then. */
async function until(rollout: string, isSo: (view: RolloutView) => boolean): Promise<RolloutView> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const view = await manager.get<RolloutView>(`/rollouts/${rollout}`);
    if (isSo(view)) return view;
    if (performance.now() > deadline) throw new Error(`not in 90 s: ${JSON.stringify(view)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function members(rollout: string): Promise<readonly MemberView[]> {
  return (await manager.get<{ members: readonly MemberView[] }>(`/rollouts/${rollout}/members`)).members;
}

describe.concurrent("an image that", () => {
  it.each(bad)(
    "$model goes to the canary alone; the rollout pauses and reverts by itself",
    async ({ model, file, reason }) => {
      await Promise.all([0, 1, 2].map((i) => startNode(`${model}-${i}`, model)));
      const digest = await manager.createUpdate({ id: model, model, version: "2.0.0", file });
      const back = { id: `${model}-back`, model, version: "1.0.0", sequence: 3, ...(await manager.uploaded(good)) };
      await manager.post("/updates", back);
      const plan = {
        ...{ id: model, update: model, gate: { soakSeconds: 2 }, waves: ["1", "100%"] },
        revert: { update: back.id, automatic: true },
      };
      expect(await manager.post("/rollouts", plan)).toMatchObject({ status: "created", members: 3 });
      await manager.post(`/rollouts/${model}/steps`, { step: "start" });

      const view = await until(model, ({ status }) => status === "reverted");
      expect(view.revertWhy).toMatch(/^failures: 1 of the 1 nodes of wave 1/);
      expect(view.waves).toHaveLength(1);
      const all = await members(model);
      expect(all.filter(({ phase }) => phase === "failed")).toMatchObject([{ wave: 1, reason }]);
      expect(all.filter(({ attempt }) => attempt !== undefined)).toHaveLength(1);
      // The canary went back by itself, so there is nobody left whom the revert would have to bring back.
      expect(await manager.get(`/rollouts/${model}-revert`)).toMatchObject({ status: "completed", members: 0 });
      for (const { node } of all)
        expect(await manager.manifest(node)).toMatchObject({ digest: goodDigest, confirmed: true });
      const { attempts } = await manager.get<{ attempts: readonly unknown[] }>(`/updates/${model}`);
      expect(attempts).toHaveLength(1);
      expect(digest).not.toBe(goodDigest);
    },
    150_000,
  );

  it("is unhealthy only after it confirmed itself is found by the gate, and the canary is brought back", async () => {
    const model = "tires";
    await Promise.all([0, 1, 2].map((i) => startNode(`${model}-${i}`, model)));
    await manager.createUpdate({ id: model, model, version: "2.0.0", file: imagePath("tired-sensor") });
    const back = { id: `${model}-back`, model, version: "1.0.0", sequence: 3, ...(await manager.uploaded(good)) };
    await manager.post("/updates", back);
    const plan = {
      ...{ id: model, update: model, gate: { soakSeconds: 20 }, waves: ["1", "100%"] },
      revert: { update: back.id, automatic: true },
    };
    await manager.post("/rollouts", plan);
    await manager.post(`/rollouts/${model}/steps`, { step: "start" });
    const view = await until(model, ({ status }) => status === "reverted");
    expect(view.revertWhy).toMatch(/^(unhealthy|errors): /);
    expect(view.counts).toEqual({ succeeded: 1, waiting: 2 });
    expect(await manager.get(`/rollouts/${model}-revert`)).toMatchObject({
      ...{ status: "completed", update: back.id, counts: { succeeded: 1 } },
    });
    for (const { node } of await members(model)) {
      expect(await manager.manifest(node)).toMatchObject({ digest: goodDigest, confirmed: true });
    }
  }, 150_000);
});
