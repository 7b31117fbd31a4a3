import type { RolloutForecast, RolloutPreview, RolloutView, WhyAnswer } from "../app/api/rollouts.ts";
import { ago, byteCount, duration, table } from "./table.ts";

const barWidth = 40;

/** One rollout in a few lines. */
export function rolloutText(view: RolloutView, nowMs: number): string {
  const { id, update, status, pause, waves, plan, members, waitsFor, revertWhy, revertedBy, isRevertWhole } = view;
  const lines = [
    `${id}: ${status}${pause === undefined ? "" : ` by ${pause.by}, ${pause.why}`}`,
    `${update} (${view.image.version}) to ${members} nodes, made by ${view.createdBy} ${ago(nowMs - view.createdAtMs)}`,
    `${progressBar(view)} ${countsText(view)}`,
  ];
  if (waitsFor !== undefined) lines.push(`waits for ${waitsFor}`);
  if (revertWhy !== undefined)
    lines.push(
      `${status === "reverting" ? "being reverted" : "reverted"}${revertedBy === undefined ? "" : ` by ${revertedBy}`}: ${revertWhy}`,
    );
  if (isRevertWhole === false)
    lines.push(
      "not everybody is back: the revert couldn't be made, was aborted, nodes fell silent with the image, or run a higher sequence number than it has",
      `  \`coxswain nodes\` shows who runs ${view.image.version}; sign the older image for them under a higher number`,
    );
  const rows = plan.waves.map((reach, at) => {
    const wave = waves[at];
    const share = "count" in reach ? `${reach.count}` : `${reach.percent} %`;
    if (wave === undefined) return [`${at + 1}`, share, "", "", "", "not open"];
    const verdict = wave.verdict?.findings[0];
    const open = isOver(view) ? "never judged" : wave.settledAtMs === undefined ? "under way" : "soaking";
    const gate = wave.verdict?.kind ?? open;
    return [
      ...[`${at + 1}`, share, `${wave.reaches}`, `${wave.succeeded}`, `${wave.failed}`],
      verdict === undefined ? gate : `${gate}: ${verdict.text}`,
    ];
  });
  return [...lines, "", table(["WAVE", "REACH", "NODES", "DONE", "FAILED", "GATE"], rows)].join("\n");
}

/** One line for a terminal that is redrawn. */
export function rolloutLine(view: RolloutView): string {
  const wave = view.waves.length;
  return `${view.id} ${progressBar(view)} ${view.status}, wave ${wave} of ${view.plan.waves.length}: ${countsText(view)}`;
}

export function rolloutList(rollouts: readonly RolloutView[], nowMs: number): string {
  if (rollouts.length === 0) return "There is no rollout: `coxswain rollout create UPDATE` makes one.";
  const rows = rollouts.map((view) => [
    ...[view.id, view.update, view.status, `${view.waves.length} of ${view.plan.waves.length}`],
    ...[`${view.counts.succeeded ?? 0} of ${view.members}`, `${view.counts.failed ?? 0}`],
    ...[ago(nowMs - view.createdAtMs), view.pause?.why ?? ""],
  ]);
  return table(["ROLLOUT", "UPDATE", "STATUS", "WAVE", "DONE", "FAILED", "MADE", "WHY"], rows);
}

export function previewText({ members, waves, in: inside, out, outNodes }: RolloutPreview): string {
  const outCount = Object.values(out).reduce((sum, count) => sum + count, 0);
  const more = members > inside.length ? ` and ${members - inside.length} more` : "";
  const lines = [`${members} nodes are in${members === 0 ? "" : `: ${inside.join(", ")}${more}`}`];
  lines.push(`waves reach ${waves.join(", ")} of them`);
  if (outCount === 0) return lines.join("\n");
  const reasons = Object.entries(out).map(([why, count]) => `${count} ${why}`);
  lines.push(`${outCount} are out: ${reasons.join(", ")}`);
  if (outNodes.length > 0)
    lines.push(
      "",
      table(
        ["OUT", "WHY"],
        outNodes.map(({ node, why }) => [node, why]),
      ),
    );
  return lines.join("\n");
}

export function forecastText(forecast: RolloutForecast): string {
  const { members, status, durationMs, simulatedMs, bytes, succeeded, failed, notReached, waves, seed, pause } =
    forecast;
  const { rollBacks, healthGates } = forecast;
  const learned =
    healthGates.seen === 0 ? "no gate of this fleet has looked at it yet" : `from ${healthGates.seen} gates before`;
  const ends =
    durationMs === undefined
      ? `not through within ${duration(simulatedMs)}`
      : `${status} after ${duration(durationMs)}`;
  return [
    `${members} nodes: ${ends} (a simulation with the seed ${seed}, by what these nodes did before)`,
    ...(pause === undefined ? [] : [`it stops: ${pause}`]),
    `${byteCount(bytes)} sent; ${succeeded} succeed, ${failed} fail, ${notReached} aren't reached; ${rollBacks} tries roll back`,
    ...(healthGates.closeChance === 0
      ? []
      : [`a gate closed for health by ${(healthGates.closeChance * 100).toFixed(1)} % (${learned})`]),
    "",
    table(
      ["WAVE", "OPENS AFTER", "NODES"],
      waves.map((wave, at) => [`${at + 1}`, duration(wave.openedAfterMs), `${wave.members}`]),
    ),
  ].join("\n");
}

export function whyText(answers: readonly WhyAnswer[], node: string): string {
  if (answers.length === 0) return `No rollout is open, so ${node} waits for none.`;
  return answers
    .map(({ rollout, phase, reasons }) => {
      const head = `${rollout}: ${node} is ${phase}`;
      if (reasons.length === 0) return `${head}${nextOf[phase]?.(node, rollout) ?? ""}`;
      return [head, ...reasons.map((reason, at) => `  ${at + 1}. ${reasonText(reason)}`)].join("\n");
    })
    .join("\n");
}

const nextOf: Readonly<Record<string, (node: string, rollout: string) => string>> = {
  waiting: () => "; it is next",
  failed: (node, rollout) =>
    `; \`coxswain node show ${node}\` says why, \`coxswain rollout retry ${rollout} --node ${node}\` lets it try again`,
  cancelled: (node, rollout) => `; \`coxswain rollout retry ${rollout} --node ${node}\` lets it try again`,
};

type Reason = WhyAnswer["reasons"][number];

function reasonText(reason: Reason): string {
  const time = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
  switch (reason.why) {
    case "not-a-member":
      return "it isn't a member";
    case "outside-the-query":
      return `it is outside of the query: ${reason.because}`;
    case "no-such-node":
      return "it isn't registered";
    case "rollout-not-running":
      return `the rollout is ${reason.status}${reason.reason === undefined ? "" : `: ${reason.reason}`}`;
    case "wave-not-open":
      return `its wave, the ${reason.wave + 1}., isn't open: it is number ${reason.rank + 1}, and ${reason.reaches} are reached`;
    case "window-closed":
      return `no maintenance window is open${reason.opensAtMs === undefined ? "" : `; the next opens ${time(reason.opensAtMs)}`}`;
    case "no-slot":
      return `no slot: ${reason.active} of ${reason.concurrency} nodes are at it`;
    case "no-slot-at-site":
      return `no slot at ${reason.site}: ${reason.active} nodes are at it there`;
    case "rate-limit":
    case "bytes-limit":
      return `the rollout's ${reason.why === "rate-limit" ? "rate" : "bytes per second"}: again ${time(reason.untilMs)}`;
    case "deferred":
      return "a person or a lock defers it";
    case "busy-with-another-update":
      return "another update is under way on it";
    case "quarantined":
      return "the image is quarantined: it rolled back on too many nodes; `coxswain quarantine list`";
    case "attempt-budget-spent":
      return `its ${reason.tries} tries are spent; \`coxswain rollout retry\``;
    case "retry-later":
      return `its next try is ${time(reason.untilMs)}${reason.reason === undefined ? "" : `, after ${reason.reason}`}`;
    case "low-battery":
      return `its battery has ${reason.percent} %, ${reason.needed} % are needed`;
    case "on-battery":
      return "it runs on a battery";
    case "no-status-report":
      return "it hasn't told its battery yet";
    case "history-too-short":
      return `its gate compares it with its own hours before, of which ${duration(reason.knownMs)} are known and ${duration(reason.neededMs)} needed`;
    case "not-seen":
      return `it isn't there${reason.sinceMs === undefined ? "" : `; last seen ${time(reason.sinceMs)}`}`;
    case "sleeping-until-uplink":
      return "it sleeps: it hears of it when it comes the next time";
  }
}

function isOver({ status }: RolloutView): boolean {
  return status === "completed" || status === "aborted" || status === "reverted";
}

function countsText(view: RolloutView): string {
  const { counts, members } = view;
  const { succeeded = 0, had = 0, ...others } = counts;
  // Nobody waits for what is over.
  const nameOf = (phase: string): string => (phase === "waiting" && isOver(view) ? "not reached" : phase);
  const rest = Object.entries(others).map(([phase, count]) => `${count} ${nameOf(phase)}`);
  return [`${succeeded + had} of ${members} done`, ...rest].join(", ");
}

function progressBar({ counts, members }: RolloutView): string {
  const cells = (count: number): number => (members === 0 ? 0 : Math.round((count / members) * barWidth));
  const done = cells((counts.succeeded ?? 0) + (counts.had ?? 0));
  const failed = cells((counts.failed ?? 0) + (counts.cancelled ?? 0));
  const busy = cells((counts.offered ?? 0) + (counts["under-way"] ?? 0) + (counts.committed ?? 0));
  return `${"█".repeat(done)}${"▒".repeat(busy)}${"x".repeat(failed)}`.padEnd(barWidth, "░").slice(0, barWidth);
}
