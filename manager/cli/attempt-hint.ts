import { attemptReasons } from "../../schemas/generated/attempt-reasons.ts";

const known: Readonly<Record<string, { readonly meaning: string; readonly next?: string }>> = attemptReasons;

/** What a reason means and what a person can do about it (docs/reference/attempt-reasons.md). Undefined where it is none of the list. */
export function attemptHint(reason: string | undefined): string | undefined {
  if (reason === undefined || !Object.hasOwn(known, reason)) return undefined;
  const { meaning, next } = known[reason]!;
  return next === undefined ? meaning : `${meaning} ${next}`;
}
