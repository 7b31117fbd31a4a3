import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RolloutView } from "../../manager/app/api/rollouts.ts";
import { firmware, stampImage } from "../../tools/demo/programs.ts";
import { requireBuild, SupervisedNode, sha256, temporaryFolder } from "../integration/supervisor/supervised-node.ts";
import { RealManager } from "./real-manager.ts";

const folder = temporaryFolder();
const image = firmware("cxnode-node");
const cli = join(import.meta.dirname, "../../manager/cli/coxswain.ts");
const key = join(folder, "vendor.pem");
const anchors = join(folder, "anchors.cbor");
const ids = ["one", "two", "three"];
const nodes: SupervisedNode[] = [];
let manager: RealManager;

async function coxswain(...args: string[]): Promise<string> {
  const own = args[1] === "keygen" ? [] : ["--url", manager.urls.http, "--data-dir", join(folder, "manager")];
  const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args, ...own], { cwd: folder });
  return stdout;
}

async function until(rollout: string, status: RolloutView["status"]): Promise<RolloutView> {
  const deadline = performance.now() + 90_000;
  for (;;) {
    const view = await manager.get<RolloutView>(`/rollouts/${rollout}`);
    if (view.status === status) return view;
    if (performance.now() > deadline) throw new Error(`not ${status} in 90 s: ${JSON.stringify(view)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

beforeAll(async () => {
  requireBuild();
  manager = await RealManager.start(folder);
  await coxswain("update", "keygen", key);
  await coxswain("update", "anchors", "add", key, "--name", "release key");
  await coxswain("update", "anchors", "export", "--out", anchors);
}, 60_000);

afterAll(async () => {
  for (const node of nodes) {
    node.signal("SIGKILL");
    await node.exit;
  }
  await manager?.stop();
  rmSync(folder, { recursive: true, force: true });
});

it("a rollout by a signed manifest is taken back by one that was signed beforehand: each node runs the previous image, under the higher number", async () => {
  await Promise.all(
    ids.map(async (id) => {
      const flags = [
        "--id",
        id,
        "--model",
        "m",
        "--image",
        image,
        "--anchors",
        anchors,
        "--manager",
        manager.urls.coap,
      ];
      const node = new SupervisedNode(join(folder, id), flags);
      nodes.push(node);
      await node.line(/registered as/);
    }),
  );
  const next = await stampImage(image, "2.0.0", join(folder, "next.bin"));
  const sign = ["--model", "m", "--key", key];
  await coxswain("update", "create", next, ...sign, "--version", "2.0.0", "--sequence", "20", "--id", "next");
  await coxswain("update", "create", image, ...sign, "--version", "1.0.0", "--sequence", "21", "--id", "back");
  const plan = ["--waves", "1,100%", "--soak", "1", "--no-health", "--revert-to", "back"];
  await coxswain("rollout", "create", "next", "--id", "r", ...plan, "--stay-open", "--start");
  for (const id of ids) await manager.untilAttempt("next", id, ["succeeded"]);
  for (const id of ids) expect(await manager.manifest(id)).toMatchObject({ digest: `sha256:${sha256(next)}`, seq: 20 });

  await coxswain("rollout", "revert", "r", "--why", "customers don't like it");
  const view = await until("r", "reverted");
  expect(view).toMatchObject({
    revertWhy: "customers don't like it",
    revertedBy: "r-revert",
    counts: { succeeded: 3 },
  });
  for (const id of ids) {
    await expect
      .poll(async () => manager.manifest(id), { timeout: 20_000 })
      .toMatchObject({ digest: `sha256:${sha256(image)}`, seq: 21, confirmed: true });
  }
  expect(await manager.get("/rollouts/r-revert")).toMatchObject({ status: "completed", counts: { succeeded: 3 } });
}, 240_000);
