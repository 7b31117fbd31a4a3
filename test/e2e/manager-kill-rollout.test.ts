import { expect, it } from "vitest";
import { stamp } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";
import type { AttemptSeen } from "./real-manager.ts";

const fleet = new RealFleet();
const ids = Array.from({ length: 6 }, (_, i) => `n-${i}`);

it("kill -9 of the manager in each wave of a rollout: it goes on where it was, and no node is offered the update twice", async () => {
  await Promise.all(ids.map((id) => fleet.node(id, ["--download-rate", "150000"])));
  const { manager, image, folder } = fleet;
  const digest = await manager.createUpdate({ id: "next", model: "m", version: "2", file: stamp(image, "2", folder) });
  const plan = { id: "r", update: "next", waves: ["1", "50%", "100%"], gate: { soakSeconds: 1, health: [] } };
  await manager.post("/rollouts", { ...plan, limits: { concurrency: 2 } });
  await manager.post("/rollouts/r/steps", { step: "start" });
  for (let wave = 1; wave <= 3; wave++) {
    await fleet.untilRollout("r", `in wave ${wave} and at it`, ({ waves, counts }) => {
      const atIt = (counts.offered ?? 0) + (counts["under-way"] ?? 0) + (counts.committed ?? 0);
      return waves.length === wave && atIt > 0;
    });
    await manager.kill();
    await manager.startAgain();
  }
  const end = await fleet.untilRollout("r", "completed", ({ status }) => status === "completed");
  expect(end.counts).toEqual({ succeeded: 6 });
  const { attempts } = await manager.get<{ attempts: readonly AttemptSeen[] }>("/updates/next");
  expect(attempts.map(({ node }) => node).sort((a, b) => (a < b ? -1 : 1))).toEqual(ids);
  for (const id of ids) expect(await manager.manifest(id)).toMatchObject({ digest, confirmed: true });
}, 240_000);
