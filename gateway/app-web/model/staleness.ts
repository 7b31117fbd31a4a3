import type { SiteSocket } from "../../../schemas/generated/types.ts";
import type { Stamped } from "./site-state.ts";

/** Packs speak every 2 s; after this many milliseconds without a word a value is no longer now. */
export const staleAfterMs = 30_000;
/** Sockets speak when they change, and every few minutes. */
export const socketStaleAfterMs = 660_000;

/** How old a value is, milliseconds; undefined where nobody knows. Never negative: clocks differ. */
export function ageMs(stamped: Stamped<unknown>, now: number): number | undefined {
  return stamped.at === undefined ? undefined : Math.max(0, now - stamped.at);
}

/** A value that its sender calls old, that came long ago, or whose age nobody knows. */
export function isStale(stamped: Stamped<{ readonly stale: boolean }>, now: number, limitMs = staleAfterMs): boolean {
  const age = ageMs(stamped, now);
  return stamped.value.stale || age === undefined || age > limitMs;
}

export function isSocketStale(socket: Stamped<SiteSocket>, now: number): boolean {
  return !socket.value.online || isStale(socket, now, socketStaleAfterMs);
}
