import { validateSiteRulesCommand } from "../../../schemas/generated/raw-validators.ts";
import type { SiteRule } from "../../../schemas/generated/types.ts";

/** As the schema of rules has it. */
export const maxRules = 32;

/** What keeps a rule from being sent: the gateway would refuse it, or another one has its name. */
export function ruleProblem(rule: SiteRule, all: readonly SiteRule[]): "broken" | "twice" | undefined {
  if (!validateSiteRulesCommand({ rules: [rule] })) return "broken";
  return all.filter(({ name }) => name === rule.name).length > 1 ? "twice" : undefined;
}
