import type {
  AttemptReport,
  FirmwareStep,
  PackUpdate,
  SiteUpdateState,
  SiteUpdateStatus,
  UpdateAction,
} from "../../schemas/generated/types.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";

/** What happened to the update of a pack. */
export type PackUpdateNews =
  | { readonly kind: "report"; readonly report: Omit<AttemptReport, "attempt" | "update"> }
  /** The transfer was cut, and goes on later. */
  | { readonly kind: "interrupted"; readonly reason: string }
  | {
      readonly kind: "ended";
      readonly outcome: "done" | "failed" | "refused" | "cancelled";
      readonly reason?: string | undefined;
    };

interface PackProgress {
  readonly update: string;
  readonly version: string;
  readonly step: FirmwareStep;
  readonly percent: number;
  readonly bytes?: number;
  readonly total?: number;
  readonly reason?: string;
}

/** How far the updates of a household are: the last one of each pack. */
export interface UpdateProgress {
  readonly packs: ReadonlyMap<HardwareNumber, PackProgress>;
  /** Times that a transfer went on after a cut. */
  readonly resumed: number;
  /** The newest that was offered to any pack. */
  readonly available?: { readonly update: string; readonly version: string };
}

export const noProgress: UpdateProgress = { packs: new Map(), resumed: 0 };

const running: readonly FirmwareStep[] = ["fetching", "verifying", "transferring", "restarting", "testing"];

export function withNews(
  before: UpdateProgress,
  pack: HardwareNumber,
  { update, version }: Pick<UpdateAction, "update" | "version">,
  news: PackUpdateNews,
): UpdateProgress {
  const known = before.packs.get(pack);
  const last: PackProgress = known?.update === update ? known : { update, version, step: "waiting", percent: 0 };
  const packs = new Map(before.packs).set(pack, stepped(last, news));
  return {
    packs,
    resumed: before.resumed + (news.kind === "interrupted" ? 1 : 0),
    available: { update, version },
  };
}

function stepped(last: PackProgress, news: PackUpdateNews): PackProgress {
  const { update, version, percent } = last;
  const rest = { update, version, percent };
  switch (news.kind) {
    case "interrupted":
      return { ...rest, step: "waiting", reason: news.reason };
    case "ended": {
      const { outcome, reason } = news;
      const withReason = reason !== undefined && outcome !== "done" && { reason };
      if (outcome === "done") return { ...rest, percent: 100, step: "done" };
      if (outcome === "cancelled") return { ...rest, step: "cancelled" };
      return { ...rest, step: last.step === "rolled-back" ? "rolled-back" : "failed", ...withReason };
    }
    case "report": {
      const { state, way, bytes, total, reason } = news.report;
      const share = news.report.percent;
      return {
        ...rest,
        step: stepOf(state, way),
        ...(share !== undefined && way === "can" && { percent: share }),
        ...(bytes !== undefined && total !== undefined && { bytes, total }),
        ...(reason !== undefined && { reason }),
      };
    }
  }
}

function stepOf(state: AttemptReport["state"], way: AttemptReport["way"]): FirmwareStep {
  switch (state) {
    case "downloading":
      return way === "can" ? "transferring" : "fetching";
    case "verifying":
      return "verifying";
    case "staged":
      return "restarting";
    case "trial":
      return "testing";
    case "succeeded":
      return "done";
    case "failed":
    case "expired":
      return "failed";
    case "rolled-back":
      return "rolled-back";
    case "cancelled":
      return "cancelled";
    default:
      return "waiting";
  }
}

/** As the household sees it; without its time. `running` is what a pack says that it runs. */
export function siteUpdateStatus(
  { packs, resumed, available }: UpdateProgress,
  current: HardwareNumber | undefined,
): Omit<SiteUpdateStatus, "time"> {
  const all = [...packs.entries()].filter(([, { update }]) => update === available?.update).slice(0, 32);
  const steps = all.map(([, { step }]) => step);
  const now = current === undefined ? undefined : packs.get(current);
  const bad = all.find(([, { step, reason }]) => (step === "failed" || step === "rolled-back") && reason !== undefined);
  const waits = all.find(([, { step, reason }]) => step === "waiting" && reason !== undefined);
  const reason = bad?.[1].reason ?? waits?.[1].reason;
  const nodes = all.map(
    ([node, each]): PackUpdate => ({
      node,
      state: each.step,
      percent: each.percent,
      version: each.version,
      ...(each.reason !== undefined && { reason: each.reason }),
    }),
  );
  return {
    state: stateOf(steps),
    ...(available !== undefined && {
      update: available.update,
      version: available.version,
      available: available.update,
      availableVersion: available.version,
    }),
    ...(current !== undefined && { current }),
    ...(now?.bytes !== undefined && { bytes: now.bytes }),
    ...(now?.total !== undefined && { size: now.total }),
    ...(all.length > 0 && {
      percent: Math.floor(all.reduce((sum, [, { percent }]) => sum + percent, 0) / all.length),
    }),
    resumed,
    nodes,
    ...(reason !== undefined && { reason }),
  };
}

function stateOf(steps: readonly FirmwareStep[]): SiteUpdateState {
  if (steps.some((each) => running.includes(each))) return "running";
  if (steps.includes("waiting")) return "waiting";
  if (steps.includes("failed") || steps.includes("rolled-back")) return "failed";
  if (steps.includes("cancelled")) return "stopped";
  return steps.includes("done") ? "done" : "idle";
}
