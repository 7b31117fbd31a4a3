import { isLabel, labelRule, type NodeLabels } from "./node-labels.ts";

/** The part of the fleet that somebody may see and steer: `site:NAME` and `tag:NAME`; a node is in it when one of them holds. Empty: the whole fleet. */
export type Scope = readonly string[];

export const wholeFleet: Scope = [];
export const maxScopeWords = 32;
export const scopeRule = `at most ${maxScopeWords} of site:NAME and tag:NAME, where a NAME is ${labelRule}`;

/** The scope in a body or in options; undefined when it breaks `scopeRule`. */
export function parseScope(value: unknown): Scope | undefined {
  if (!Array.isArray(value) || value.length > maxScopeWords) return undefined;
  const words = value.map((each: unknown) => (typeof each === "string" ? each : ""));
  const isGood = words.every((word) => {
    const [kind, name, ...rest] = word.split(":");
    return (kind === "site" || kind === "tag") && isLabel(name) && rest.length === 0;
  });
  return isGood ? [...new Set(words)] : undefined;
}

/** Whether a node with these labels is in it. */
export function isWithin(scope: Scope, labels: NodeLabels): boolean {
  if (scope.length === 0) return true;
  const { site } = labels;
  return scope.some((word) => {
    const name = word.slice(word.indexOf(":") + 1);
    return word.startsWith("site:") ? name === site : labels.tags.includes(name);
  });
}
