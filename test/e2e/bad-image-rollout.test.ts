import { describe, expect, it } from "vitest";
import type { MemberView } from "../../manager/app/api/rollouts.ts";
import { imagePath } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

/** What is wrong with each image, and what its node says when it went back. */
const bad = [
  { model: "crashes", image: "crash", reason: "crash" },
  { model: "hangs", image: "hang", reason: "watchdog" },
  { model: "cannot-register", image: "steady", reason: "not-confirmed-in-time" },
  { model: "registers-unhealthy", image: "silent-sensor", reason: "self-test" },
] as const;

const fleet = new RealFleet({ signs: true });

/** Three nodes of a model, an image for them and the way back, both signed, and the rollout, which was started. */
async function rollOut(model: string, image: Parameters<typeof imagePath>[0], soakSeconds: number): Promise<string> {
  const flags = ["--model", model, "--watchdog-time", "2", "--trial-time", "8"];
  await Promise.all([0, 1, 2].map((i) => fleet.node(`${model}-${i}`, flags)));
  const back = `${model}-back`;
  await fleet.createSigned({ id: model, model, version: "2.0.0", sequence: 2, file: imagePath(image) });
  await fleet.createSigned({ id: back, model, version: "1.0.0", sequence: 3, file: fleet.image });
  const plan = {
    ...{ id: model, update: model, gate: { soakSeconds }, waves: ["1", "100%"] },
    revert: { update: back, automatic: true },
  };
  expect(await fleet.manager.post("/rollouts", plan)).toMatchObject({ status: "created", members: 3 });
  await fleet.manager.post(`/rollouts/${model}/steps`, { step: "start" });
  return back;
}

async function members(rollout: string): Promise<readonly MemberView[]> {
  return (await fleet.manager.get<{ members: readonly MemberView[] }>(`/rollouts/${rollout}/members`)).members;
}

describe.concurrent("an image that", () => {
  it.each(bad)(
    "$model goes to the canary alone; the rollout pauses and reverts by itself",
    async ({ model, image, reason }) => {
      await rollOut(model, image, 2);
      const view = await fleet.untilRollout(model, "reverted", ({ status }) => status === "reverted");
      expect(view.revertWhy).toMatch(/^failures: 1 of the 1 nodes of wave 1/);
      expect(view.waves).toHaveLength(1);
      const all = await members(model);
      expect(all.filter(({ phase }) => phase === "failed")).toMatchObject([{ wave: 1, reason }]);
      expect(all.filter(({ attempt }) => attempt !== undefined)).toHaveLength(1);
      // The canary went back by itself, so there is nobody left whom the revert would have to bring back.
      expect(await fleet.manager.get(`/rollouts/${model}-revert`)).toMatchObject({ status: "completed", members: 0 });
      for (const { node } of all)
        expect(await fleet.manager.manifest(node)).toMatchObject({ digest: fleet.digest, confirmed: true });
      const { attempts, signed } = await fleet.manager.get<{ attempts: readonly unknown[]; signed: unknown }>(
        `/updates/${model}`,
      );
      expect(attempts).toHaveLength(1);
      expect(signed).toMatchObject({ sequence: 2 });
    },
    150_000,
  );

  it("is unhealthy only after it confirmed itself is found by the gate, and the canary is brought back", async () => {
    const model = "tires";
    const back = await rollOut(model, "tired-sensor", 20);
    const view = await fleet.untilRollout(model, "reverted", ({ status }) => status === "reverted");
    expect(view.revertWhy).toMatch(/^(unhealthy|errors): /);
    expect(view.counts).toEqual({ succeeded: 1, waiting: 2 });
    expect(await fleet.manager.get(`/rollouts/${model}-revert`)).toMatchObject({
      ...{ status: "completed", update: back, counts: { succeeded: 1 } },
    });
    for (const { node } of await members(model)) {
      expect(await fleet.manager.manifest(node)).toMatchObject({ digest: fleet.digest, confirmed: true });
    }
  }, 150_000);
});
