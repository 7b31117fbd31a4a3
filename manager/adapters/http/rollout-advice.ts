import type { PlanRefusal } from "../../app/api/rollouts.ts";
import type { RolloutRefusal } from "../../domain/rollout/rollout-event.ts";

const wayBack = "`coxswain update create --revert-to IMAGE --revert-version VERSION` signs both in one step.";

/** What to do about a plan that can't be carried out. */
export const planAdvice: Readonly<Record<Exclude<PlanRefusal["why"], "full">, string>> = {
  "unknown-update": "There is no such update: `coxswain update list` shows them.",
  withdrawn: "The update was withdrawn: create it anew under another id.",
  unsigned: "Sign it: `coxswain update create IMAGE --key FILE`, under another id.",
  "other-model": "The query's model isn't the update's: leave it out, or name an update of that model.",
  "canary-not-a-member": "Every canary must be one of the targets: `coxswain rollout preview` says who is.",
  "unknown-revert": `There is no such update to go back to, or it was withdrawn. ${wayBack}`,
  "revert-unsigned": `The way back must be signed too. ${wayBack}`,
  "revert-of-other-model": "The way back is for another model: name one of the update's.",
  "revert-is-the-same-image": "The way back has the same image: it must be the older one.",
  "revert-sequence-too-low": `No node takes a number that isn't above the one it runs: sign the older image under a higher one. ${wayBack}`,
  exists: "A rollout of that name is there already: name this one with --id.",
};

/** What to do instead of a step that a rollout can't take. */
export function stepAdvice(why: RolloutRefusal, rollout: string): string {
  switch (why) {
    case "same-person":
      return "Another operator approves it: whoever made or started it can't.";
    case "over":
      return "A rollout that is over stays over: make another, with --id.";
    case "no-revert":
      return "Its plan names no way back: make a rollout of an update with the older image, or `coxswain update boot-previous`.";
    case "not-closed-by-a-gate":
      return `No gate closed it: \`coxswain rollout resume ${rollout}\` without --open-gate.`;
    case "not-running":
      return `It has to run: \`coxswain rollout start ${rollout}\` or \`coxswain rollout resume ${rollout}\`.`;
    default:
      return `\`coxswain rollout show ${rollout}\` shows where it is.`;
  }
}
