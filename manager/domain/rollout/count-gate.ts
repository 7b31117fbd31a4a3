import type { GateFinding } from "./gate-verdict.ts";
import { waveLimit } from "./rollout-plan.ts";
import type { RolloutState } from "./rollout-state.ts";

/** How many members the open wave brings beyond the wave before it. */
export function waveSize({ plan, wave, members }: RolloutState): number {
  const before = wave === 0 ? 0 : waveLimit(plan, wave - 1, members.inTurn);
  return waveLimit(plan, wave, members.inTurn) - before;
}

/** Ends that the open wave needs before its gate can say anything, and how many it has. */
export function sampleOf(state: RolloutState): { readonly needed: number; readonly has: number } {
  const open = state.waves[state.wave];
  const has = open === undefined ? 0 : open.succeeded + open.failed - open.acceptedFailures;
  return { needed: Math.min(state.plan.gate.minSample, waveSize(state)), has };
}

/** Too many failures already, whatever comes after: said while the wave is under way. */
export function failureFinding(state: RolloutState): GateFinding | undefined {
  const open = state.waves[state.wave];
  if (open === undefined) return undefined;
  const size = Math.max(waveSize(state), 1);
  const failed = open.failed - open.acceptedFailures;
  const allowed = Math.floor(state.plan.gate.failureRatio * size);
  if (failed <= allowed) return undefined;
  return {
    ...{ what: "failures", kind: "bad" },
    text: `failures: ${failed} of the ${size} nodes of wave ${state.wave + 1} failed or rolled back; ${allowed} may`,
    numbers: { failed, allowed, size },
  };
}

/** When the wave is through: the share of its ends that are successes. */
export function successFindings(state: RolloutState): readonly GateFinding[] {
  const open = state.waves[state.wave];
  const { has, needed } = sampleOf(state);
  if (open === undefined || has === 0) {
    const kind = needed === 0 ? "good" : "unreadable";
    return [{ what: "sample", kind, text: `sample: nobody of wave ${state.wave + 1} has ended; ${needed} are needed` }];
  }
  const ratio = open.succeeded / has;
  const wanted = state.plan.gate.successRatio;
  return [
    {
      ...{ what: "success", kind: ratio >= wanted ? "good" : "bad" },
      text: `success: ${open.succeeded} of ${has} nodes of wave ${state.wave + 1} run the update (${percent(ratio)}); ${percent(wanted)} are needed`,
      numbers: { succeeded: open.succeeded, ended: has, ratio, wanted },
    },
  ];
}

function percent(ratio: number): string {
  return `${Number((ratio * 100).toFixed(1))} %`;
}
