import { memberPhases, stableHash } from "./rollout-members.ts";
import type { RolloutState } from "./rollout-state.ts";

/** Everything that a state is, as one text: two logs that come to the same give the same. For tests and for comparing a replay. */
export function rolloutDigest(state: RolloutState): string {
  const { members } = state;
  const columns = Object.values(members.columns);
  const texts = new Map<string | undefined, number>();
  const textHash = (text: string | undefined): number => {
    const known = texts.get(text) ?? stableHash("", String(text));
    texts.set(text, known);
    return known;
  };
  let hash = 0;
  for (const row of members.order) {
    hash = mixed(hash, stableHash("", members.idOf(row)));
    hash = mixed(mixed(hash, textHash(members.reason(row))), textHash(members.site(row)));
    for (const column of columns) {
      const value = column[row]!;
      hash = mixed(mixed(hash, value | 0), (value / 2 ** 32) | 0);
    }
  }
  const counts = memberPhases.map((phase) => members.countIn(phase));
  const { status, active, sleepers, bytesUntilMs, waves, pause, atMs } = state;
  return JSON.stringify({ status, active, sleepers, bytesUntilMs, waves, pause, atMs, counts, hash });
}

/** The finalizer of MurmurHash3 over both: order counts. */
function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ value, 0x85ebca6b) + 0x9e3779b9;
  next = Math.imul(next ^ (next >>> 13), 0xc2b2ae35);
  return (next ^ (next >>> 16)) | 0;
}
