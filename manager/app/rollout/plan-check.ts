import type { RolloutImage } from "../../domain/rollout/rollout-event.ts";
import type { RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import type { PlanRefusal } from "../api/rollouts.ts";
import type { UpdateView } from "../api/updates.ts";

export interface PlanCheckParts {
  find(update: string): UpdateView | undefined;
  readiness(update: string): "ready" | "unknown-update" | "withdrawn" | "unsigned";
}

/** Whether a plan can be carried out, and the image that it is about. */
export function checkPlan(
  { update, revert, targets }: RolloutPlan,
  updates: PlanCheckParts,
): { readonly kind: "good"; readonly image: RolloutImage } | PlanRefusal {
  const refused = (why: PlanRefusal["why"], about: string): PlanRefusal => ({ kind: "refused", why, about });
  const readiness = updates.readiness(update);
  const view = updates.find(update);
  if (readiness !== "ready" || view === undefined)
    return refused(readiness === "ready" ? "unknown-update" : readiness, update);
  const image = imageOfUpdate(view);
  const wanted = targets.kind === "query" ? targets.query.model : undefined;
  if (wanted !== undefined && image.model !== undefined && wanted !== image.model)
    return refused("other-model", wanted);
  if (revert === undefined) return { kind: "good", image };
  const way = updates.readiness(revert.update);
  const back = updates.find(revert.update);
  if (back === undefined || way === "unknown-update" || way === "withdrawn")
    return refused("unknown-revert", revert.update);
  if (way === "unsigned") return refused("revert-unsigned", revert.update);
  if (back.update.model !== view.update.model) return refused("revert-of-other-model", revert.update);
  if (back.update.digest === view.update.digest) return refused("revert-is-the-same-image", revert.update);
  // Nodes take no manifest whose number isn't above the one that they run.
  if ((back.update.sequence ?? 0) <= (view.update.sequence ?? 0))
    return refused("revert-sequence-too-low", revert.update);
  return { kind: "good", image };
}

function imageOfUpdate({ update: { digest, size, version, model, sequence } }: UpdateView): RolloutImage {
  return { digest, size, version, ...(model !== undefined && { model }), ...(sequence !== undefined && { sequence }) };
}
