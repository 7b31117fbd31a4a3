import { join } from "node:path";
import { expect, it } from "vitest";
import { stampImage } from "../../tools/demo/programs.ts";
import { sha256 } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

const fleet = new RealFleet({ signs: true });
const ids = ["one", "two", "three"];

it("a rollout by a signed manifest is taken back by one that was signed beforehand: each node runs the previous image, under the higher number", async () => {
  const { manager, image } = fleet;
  await Promise.all(ids.map((id) => fleet.node(id)));
  const next = await stampImage(image, "2.0.0", join(fleet.folder, "next.bin"));
  await fleet.createSigned({ id: "next", file: next, version: "2.0.0", sequence: 20 });
  await fleet.createSigned({ id: "back", file: image, version: "1.0.0", sequence: 21 });
  const plan = ["--waves", "1,100%", "--soak", "1", "--no-health", "--revert-to", "back"];
  await fleet.coxswain("rollout", "create", "next", "--id", "r", ...plan, "--stay-open", "--start");
  for (const id of ids) await manager.untilAttempt("next", id, ["succeeded"]);
  for (const id of ids) expect(await manager.manifest(id)).toMatchObject({ digest: `sha256:${sha256(next)}`, seq: 20 });

  await fleet.coxswain("rollout", "revert", "r", "--why", "customers don't like it");
  const view = await fleet.untilRollout("r", "reverted", ({ status }) => status === "reverted");
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
