import { buildCore } from "../sim/build-core.ts";
import { artifactLoad } from "./artifact-load.ts";
import type { Bench, BenchOptions, Measurement } from "./report.ts";
import { resumedDownload } from "./update-resume.ts";
import { rolloutEvents } from "./update-rollout.ts";
import { updateSizes } from "./update-sizes.ts";
import { updateTransfers } from "./update-transfer.ts";

const mebibyte = 1 << 20;
/** Power cuts of a download that is resumed. */
const cuts = 4;

/** An image of 1 MiB on its way to nodes: whole, compressed and as a delta. */
export const updateBench: Bench = {
  subject: "full",
  peers: ["deflate", "delta", "rollout"],
  compared: {},
  leftOutWhenQuick: ["four of the five seeds of each lossy path", "seven of the eight resumed downloads"],
  run: runUpdateBench,
};

async function runUpdateBench({ isQuick }: BenchOptions): Promise<Measurement[]> {
  const { measurements, shares } = updateSizes();
  const sizes = {
    full: mebibyte,
    deflate: Math.round(shares.deflate * mebibyte),
    delta: Math.round(shares.delta * mebibyte),
  };
  measurements.push(...(await updateTransfers(sizes, isQuick)));
  const addon = await buildCore();
  for (let seed = 1; seed <= (isQuick ? 1 : 8); seed++) {
    const { moved } = await resumedDownload(addon, cuts, seed);
    const value = Number(moved.toFixed(4));
    measurements.push({ subject: "full", metric: `moved_with_${cuts}_power_cuts`, value, unit: "x" });
  }
  measurements.push(...(await artifactLoad()));
  for (let round = 0; round < (isQuick ? 1 : 3); round++) measurements.push(...rolloutEvents());
  return measurements;
}
