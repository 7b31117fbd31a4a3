import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parseRolloutPlan } from "../../manager/domain/rollout/parse-rollout-plan.ts";

const page = readFileSync("docs/rollouts.md", "utf8");

it("the plan on the page of rollouts is one that the manager takes", () => {
  const [, text = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  expect(parseRolloutPlan(JSON.parse(text) as Record<string, unknown>)).toMatchObject({
    ok: true,
    plan: { id: "spring" },
  });
});

it("the page names each reason for which a plan is refused", () => {
  const source = readFileSync("manager/app/api/rollouts.ts", "utf8");
  const [, union = ""] = /interface PlanRefusal \{([\s\S]*?)readonly about/.exec(source) ?? [];
  const reasons = [...union.matchAll(/\| "([a-z-]+)"/g)]
    .map(([, reason = ""]) => reason)
    .filter((each) => each !== "full");
  expect(reasons.length).toBeGreaterThan(8);
  for (const reason of reasons) expect(page, reason).toContain(`\`${reason}\``);
});
