import { sampleOf, waveSize } from "../../domain/rollout/count-gate.ts";
import { type MemberPhase, memberPhases, noWave } from "../../domain/rollout/rollout-members.ts";
import { hasLoneCanary, waveLimit } from "../../domain/rollout/rollout-plan.ts";
import type { RolloutState } from "../../domain/rollout/rollout-state.ts";
import type { WhyNot } from "../../domain/rollout/why-not-yet.ts";
import type { MemberView, RolloutView, WaveView } from "../api/rollouts.ts";
import type { LiveEvent } from "../api/watching.ts";

/** A rollout as people see it. */
export function rolloutView(
  state: RolloutState,
  revertedBy: string | undefined,
  why: (node: string) => readonly WhyNot[],
): RolloutView {
  const { plan, image, members, status, startedAtMs, endedAtMs, pause, revertWhy } = state;
  const waves = state.waves.map(
    ({ openedAtMs, succeeded, failed, settledAtMs, verdict }, wave): WaveView => ({
      ...{ reaches: waveLimit(plan, wave, members.inTurn), openedAtMs, succeeded, failed },
      ...(settledAtMs !== undefined && { settledAtMs }),
      ...(verdict && { verdict }),
    }),
  );
  const waitsFor = whatItWaitsFor(state, why);
  return {
    ...{ id: plan.id, update: plan.update, status, plan, image, createdBy: state.createdBy },
    ...{ createdAtMs: state.createdAtMs, members: members.count, counts: countsOf(state), waves },
    ...(startedAtMs !== undefined && { startedAtMs }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(pause && { pause }),
    ...(waitsFor !== undefined && { waitsFor }),
    ...(revertWhy !== undefined && { revertWhy }),
    ...(state.isRevertWhole !== undefined && { isRevertWhole: state.isRevertWhole }),
    ...(revertedBy !== undefined && { revertedBy }),
  };
}

export function countsOf({ members }: RolloutState): Readonly<Partial<Record<MemberPhase, number>>> {
  return Object.fromEntries(
    memberPhases.flatMap((phase) => (members.countIn(phase) > 0 ? [[phase, members.countIn(phase)]] : [])),
  );
}

export function rolloutEvent(state: RolloutState): Extract<LiveEvent, { kind: "rollout" }> {
  const { plan, status, wave, members, pause } = state;
  return {
    ...{ kind: "rollout", rollout: plan.id, update: plan.update, status, wave: wave + 1, waves: plan.waves.length },
    ...{ members: members.count, counts: countsOf(state) },
    ...(pause && { reason: pause.why }),
  };
}

export function memberView(state: RolloutState, row: number): MemberView {
  const { members } = state;
  const { columns } = members;
  const wave = columns.wave[row]!;
  const reason = members.reason(row);
  const endedAtMs = columns.endedAtMs[row]!;
  return {
    ...{ node: members.idOf(row), phase: members.phase(row), tries: columns.tries[row]! },
    ...(wave !== noWave && { wave: wave + 1 }),
    ...(reason !== undefined && { reason }),
    ...(columns.offers[row]! > 0 && { attempt: members.attemptId(row) }),
    ...(endedAtMs > 0 && { endedAtMs }),
  };
}

function whatItWaitsFor(state: RolloutState, why: (node: string) => readonly WhyNot[]): string | undefined {
  if (state.status === "awaiting-approval")
    return `the approval of a second person: \`coxswain rollout approve ${state.plan.id}\``;
  const open = state.waves[state.wave];
  if (state.status !== "running" || open === undefined) return undefined;
  const number = state.wave + 1;
  if (open.settledAtMs !== undefined) {
    return open.verdict?.kind === "open" ? "members that aren't there yet" : `the soak of wave ${number}`;
  }
  const { active, sleepers } = state;
  if (active + sleepers > 0) return `${active + sleepers} nodes of wave ${number} that are at it`;
  const [canary] = state.wave === 0 && hasLoneCanary(state.plan, state.members.inTurn) ? state.members.order : [];
  if (canary !== undefined && state.members.phase(canary) === "waiting") {
    const node = state.members.idOf(canary);
    const short = why(node).find((each) => each.why === "history-too-short");
    if (short?.why === "history-too-short")
      return `more of the day of its canary ${node}: its reports are known for ${seconds(short.knownMs)} of the ${seconds(short.neededMs)} that its gate needs`;
  }
  const { needed, has } = sampleOf(state);
  if (has < needed) {
    // Nobody else brings those back: the rollout would wait for them without an end.
    const cancelled = state.members.countIn("cancelled");
    const hint = cancelled === 0 ? "" : `; ${cancelled} cancelled: \`coxswain rollout retry ${state.plan.id}\``;
    return `the sample of wave ${number}: ${has} of the ${needed} ends that its gate needs${hint}`;
  }
  const { members } = state;
  if (waveSize(state) === 0 || members.countIn("waiting") + members.countIn("deferred") === 0) return undefined;
  return `members of wave ${number} that can't be offered it now`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
