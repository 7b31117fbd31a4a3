import type { RolloutImage } from "../../domain/rollout/rollout-event.ts";
import type { RolloutPlan } from "../../domain/rollout/rollout-plan.ts";
import { type Exclusion, exclusionRule, type TargetNode } from "../../domain/rollout/rollout-targets.ts";
import { isWithin } from "../../domain/scope.ts";
import type { NodeView, NodeWalk, NodeWalkQuery } from "../api/registry.ts";

export interface RolloutFleet {
  walk(query: NodeWalkQuery): Promise<NodeWalk>;
  find(node: string): Promise<NodeView | undefined>;
  /** The image that it said it runs, newer than its registration; undefined: it said none since. */
  runs(node: string): string | undefined;
}

export type Outside = Exclusion | "out-of-scope";

const pageSize = 1000;

/** Tells why a node is no member of a plan; undefined: it is one. */
export function outsideRule(
  plan: RolloutPlan,
  image: RolloutImage,
  { runs }: Pick<RolloutFleet, "runs">,
): (view: NodeView) => Outside | undefined {
  const rule = exclusionRule(plan.targets, image);
  return (view) => {
    // What operators said of a node decides whose it is, never what it says itself.
    if (plan.scopes.some((scope) => !isWithin(scope, view.labels))) return "out-of-scope";
    return rule(targetNode(view, runs(view.id)));
  };
}

/** Every node of the fleet, by id. */
export async function* everyNode(fleet: Pick<RolloutFleet, "walk">): AsyncGenerator<NodeView> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const { nodes, next }: NodeWalk = await fleet.walk({ after, limit: pageSize });
    yield* nodes;
    after = next;
  }
}

/** Whether nodes are where a revert would fetch them, and can't take it: they run a higher sequence number, or it doesn't fit their slot. */
export async function leavesSome(
  outside: (view: NodeView) => Outside | undefined,
  fleet: Pick<RolloutFleet, "walk">,
): Promise<boolean> {
  for await (const view of everyNode(fleet)) {
    const why = outside(view);
    if (why === "newer-sequence" || why === "image-too-large") return true;
  }
  return false;
}

function targetNode({ id, manifest, labels, phase, presence }: NodeView, runs: string | undefined): TargetNode {
  const { model = "unknown", version, slotSize, seq } = manifest;
  const digest = runs ?? manifest.digest;
  return {
    ...{ id, model, version, digest, slotSize, sequence: seq, phase, presence: presence.state },
    tags: [...labels.tags, ...(manifest.tags ?? [])],
    site: labels.site ?? manifest.site,
  };
}
