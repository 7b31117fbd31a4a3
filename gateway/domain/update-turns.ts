import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";

/** A pack whose update waits for its turn. */
export interface WaitingUpdate {
  readonly pack: HardwareNumber;
  readonly sinceMs: number;
}

/** How long a master waits for others to come before it: a rollout offers to packs of one site one after the other. */
export const masterGraceMs = 30_000;

/**
 * Whose turn it is when nobody is at it: who waits longest, the master last, and that not before it has waited a while, or since the last
 * one ended. `againInMs` where only time is missing.
 */
export function nextTurn(
  waiting: readonly WaitingUpdate[],
  master: HardwareNumber | undefined,
  lastEndedMs: number | undefined,
  nowMs: number,
): { readonly kind: "pack"; readonly pack: HardwareNumber } | { readonly kind: "wait"; readonly againInMs?: number } {
  const others = waiting.filter(({ pack }) => pack !== master);
  const [first] = others.length > 0 ? others.toSorted((a, b) => a.sinceMs - b.sinceMs) : waiting;
  if (first === undefined) return { kind: "wait" };
  if (first.pack !== master) return { kind: "pack", pack: first.pack };
  const sinceMs = Math.max(first.sinceMs, lastEndedMs ?? Number.NEGATIVE_INFINITY);
  const againInMs = sinceMs + masterGraceMs - nowMs;
  return againInMs > 0 ? { kind: "wait", againInMs } : { kind: "pack", pack: first.pack };
}
