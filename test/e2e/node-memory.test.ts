import { readFileSync } from "node:fs";
import { beforeAll, expect, it } from "vitest";
import { stamp } from "../integration/supervisor/supervised-node.ts";
import { RealFleet } from "./real-fleet.ts";

const limitKilobytes = 5_000;
const fleet = new RealFleet();

beforeAll(async () => {
  const file = stamp(fleet.image, "1.1.0", fleet.folder);
  await fleet.manager.createUpdate({ id: "next", model: "m", version: "1.1.0", file });
});

/**
 * The most that supervisor and node ever had resident, in kilobytes: VmHWM, the peak of RSS, which counts pages of libraries that
 * both share twice. Each process has its own.
 */
function peak(supervisor: number): number {
  const children = readFileSync(`/proc/${supervisor}/task/${supervisor}/children`, "utf8").trim().split(" ");
  return [String(supervisor), ...children]
    .map((pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]))
    .reduce((sum, each) => sum + each, 0);
}

it.each([
  ["sensor", "http"],
  ["linux", "coap"],
])("a %s node with its supervisor stays under 5 MB at its peak, also while it updates by %s", async (profile, way) => {
  const { manager } = fleet;
  const node = await fleet.node(profile, ["--profile", profile, "--prefer", way, "--download-rate", "100000"]);
  await node.line(/mqtt: connected/);
  await manager.startUpdate("next", [profile]);
  // The old image's process ends with the reboot, so its peak is read before.
  const isVerified = (event: { kind: string }) =>
    event.kind === "attempt" &&
    "node" in event &&
    event.node === profile &&
    "percent" in event &&
    event.percent === 100;
  let downloading = 0;
  for (let isDone = false; !isDone; isDone = manager.seen.some(isVerified)) {
    try {
      downloading = Math.max(downloading, peak(node.pid));
    } catch {
      // Between two processes.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await manager.untilAttempt("next", profile, ["succeeded"]);
  const updated = peak(node.pid);
  console.log(JSON.stringify({ profile, way, downloadingKilobytes: downloading, updatedKilobytes: updated }));
  expect(downloading).toBeGreaterThan(0);
  expect(downloading).toBeLessThan(limitKilobytes);
  expect(updated).toBeLessThan(limitKilobytes);
});
