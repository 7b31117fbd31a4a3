import type { SiteSocket } from "../../../schemas/generated/types.ts";
import { instantFromMs } from "../../../schemas/wire/instant.ts";
import type { SocketReading } from "./socket-dialect.ts";

/** Twice Tasmota's own period (TelePeriod 300 s) without a word: what is known is old. */
export const socketStaleAfterMs = 600_000;

/** A smart socket as last heard. `heardAtMs` by a clock that never jumps. */
export interface SocketRecord {
  readonly isOnline: boolean;
  readonly isOn?: boolean;
  readonly power?: number;
  readonly energy?: number;
  readonly heardAtMs?: number;
}

export const unheardSocket: SocketRecord = { isOnline: false };

export function withReading(before: SocketRecord, reading: SocketReading, nowMs: number): SocketRecord {
  const { isOnline = before.isOnline, ...values } = reading;
  // A last will isn't the socket's word: what it said before stays as old as it is.
  const isWill = reading.isOnline === false && Object.keys(values).length === 0;
  return { ...before, ...values, isOnline, ...(!isWill && { heardAtMs: nowMs }) };
}

export function isSocketStale({ isOnline, isOn, heardAtMs }: SocketRecord, nowMs: number): boolean {
  return !isOnline || isOn === undefined || heardAtMs === undefined || nowMs - heardAtMs > socketStaleAfterMs;
}

/** How a household sees it. `wallMs`: undefined while the gateway has no valid time. */
export function socketMessage(
  record: SocketRecord,
  named: { readonly name?: string; readonly number?: number },
  nowMs: number,
  wallMs: number | undefined,
): SiteSocket {
  const { isOnline, isOn, power, energy, heardAtMs } = record;
  const ageMs = heardAtMs === undefined ? undefined : Math.max(0, nowMs - heardAtMs);
  return {
    ...(wallMs !== undefined && { time: instantFromMs(wallMs) }),
    ...(ageMs !== undefined && { age: Math.floor(ageMs / 1000) }),
    stale: isSocketStale(record, nowMs),
    online: isOnline,
    ...(isOn !== undefined && { on: isOn }),
    ...(power !== undefined && { power: Math.min(65_535, Math.round(power * 10) / 10) }),
    ...(energy !== undefined && { energy: Math.min(100_000, Math.round(energy * 1000) / 1000) }),
    ...(named.name !== undefined && { name: named.name }),
    ...(named.number !== undefined && { number: named.number }),
  };
}
