import { spawnSync } from "node:child_process";

let isRealtime = false;

/** From now on servers and load go before everything else on the machine. Throws where that isn't allowed. */
export function goFirst(): void {
  if (spawnSync("chrt", ["-r", "1", "true"]).status !== 0) {
    throw new Error("--realtime needs root and the program chrt: leave it out, or run this as root.");
  }
  isRealtime = true;
}

/** Others get their turn between two looks of a run that goes before everybody. */
export async function letOthersRun(): Promise<void> {
  if (isRealtime) await new Promise((resolve) => setTimeout(resolve, 1000));
}

/** A command that has a core for itself: servers the second, load generators the first, so that neither slows the other down. */
export function onCore(core: 0 | 1, command: readonly string[]): readonly [string, ...string[]] {
  const pinned = ["-c", String(core), ...command];
  return isRealtime ? ["chrt", "-r", "1", "taskset", ...pinned] : ["taskset", ...pinned];
}
