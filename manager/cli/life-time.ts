import { CommandFailure, exitCodes } from "./command-failure.ts";

const unitHours: Readonly<Record<string, number>> = { m: 1 / 60, h: 1, d: 24 };

/** `90m`, `24h` or `7d` in hours. */
export function hoursOf(text: string): number {
  const [, count, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const hours = Number(count) * (unitHours[unit] ?? Number.NaN);
  if (hours > 0) return hours;
  throw new CommandFailure("bad-time", `${text} is no time.`, "Write 90m, 24h or 7d.", exitCodes.usage);
}

/** `2026-01-02 03:04Z` */
export function minute(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 16).replace("T", " ")}Z`;
}
