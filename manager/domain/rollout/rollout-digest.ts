import { memberPhases, stableHash } from "./rollout-members.ts";
import type { RolloutState } from "./rollout-state.ts";

/** Everything that a state is, as one text: two logs that come to the same give the same. For tests and for comparing a replay. */
export function rolloutDigest(state: RolloutState): string {
  const { members } = state;
  let hash = "";
  for (const row of members.order) {
    const parts = Object.values(members.columns).map((column) => column[row]);
    hash = String(
      stableHash(hash, `${members.idOf(row)} ${members.reason(row)} ${members.site(row)} ${parts.join(" ")}`),
    );
  }
  const counts = memberPhases.map((phase) => members.countIn(phase));
  const { status, active, sleepers, bytesUntilMs, waves, pause, atMs } = state;
  return JSON.stringify({ status, active, sleepers, bytesUntilMs, waves, pause, atMs, counts, hash });
}
