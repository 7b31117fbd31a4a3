import { describe, expect, it } from "vitest";
import type { StatusReport, Update } from "../../schemas/generated/types.ts";
import { AppHarness, digestB, operator } from "./app-harness.ts";

const update = { id: "fw-2", version: "2.0.0", size: 2000, digest: digestB, model: "sensor" } as Update;
const failed: StatusReport = { result: { rev: 1, outcome: "failed", reason: "no-space" } };

async function busyNode(failsCommit?: (n: number) => boolean): Promise<AppHarness> {
  const h = await new AppHarness(failsCommit && { failsCommit }).start();
  await h.register("n1");
  await h.wait(h.app.updates.create(update, operator));
  await h.wait(h.app.updates.start("fw-2", ["n1"], operator));
  h.app.heartbeats.beat("n1", 0, undefined, undefined);
  await h.settle();
  return h;
}

/** A heartbeat as the route answers it: the node forgets its result when this resolves. */
async function answered(h: AppHarness, rev: number, report?: StatusReport): Promise<void> {
  h.app.heartbeats.beat("n1", rev, report, undefined);
  await h.wait(Promise.resolve(h.app.heartbeats.unstored("n1")));
}

const stateOf = (h: AppHarness) => h.app.attempts.find("fw-2", "n1")?.attempt;

describe("a result that the node was answered", () => {
  it("is there after a crash in the same moment", async () => {
    const h = await busyNode();
    await answered(h, 1, failed);
    const after = await h.crash();
    expect(stateOf(after)).toMatchObject({ state: "failed", reason: "no-space" });
    expect(after.app.heartbeats.beat("n1", 0, undefined, undefined)).toEqual({ kind: "nothing" });
  });

  it("isn't answered when storage failed, and counts when it is said again", async () => {
    let isFailing = false;
    const h = await busyNode(() => isFailing);
    isFailing = true;
    await expect(answered(h, 1, failed)).rejects.toMatchObject({ code: "storage.disk-full" });
    isFailing = false;
    await answered(h, 1, failed);
    expect(stateOf(await h.crash())).toMatchObject({ state: "failed", reason: "no-space" });
  });

  it("counts whichever of its writes the crash fell after", async () => {
    for (let writes = 0; writes < 6; writes++) {
      let left = Number.POSITIVE_INFINITY;
      const h = await busyNode(() => left-- <= 0);
      left = writes;
      await answered(h, 1, failed).catch(() => undefined);
      left = Number.POSITIVE_INFINITY;
      const after = await h.crash();
      await answered(after, 1, failed);
      expect(stateOf(after), `after ${writes} writes`).toMatchObject({ state: "failed", reason: "no-space" });
    }
  });

  it("makes no heartbeat wait that says nothing new", async () => {
    const h = await busyNode();
    await answered(h, 1, failed);
    await h.settle();
    h.app.heartbeats.beat("n1", 1, { status: "healthy" }, undefined);
    expect(h.app.heartbeats.unstored("n1")).toBeUndefined();
  });
});
