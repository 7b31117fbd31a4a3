import type { Time } from "../../schemas/generated/can.ts";

/** The energy day begins at this local hour (energy-site, section 5). */
const dayBeginsHour = 5;
/** Before this a clock was never set: 2026-01-01T00:00:00Z. */
export const earliestTimeMs = 1_767_225_600_000;
/** The year is 16 bits on the bus, and the table's limit is this. */
const latestTimeMs = 7_258_118_400_000;

const formats = new Map<string, Intl.DateTimeFormat>();
const weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** Whether a wall clock can be right at all. */
export function isPlausibleTime(wallMs: number): boolean {
  return wallMs >= earliestTimeMs && wallMs < latestTimeMs;
}

/** Whether the machine knows this time zone. */
export function isTimeZone(timeZone: string): boolean {
  try {
    formatOf(timeZone);
    return true;
  } catch {
    return false;
  }
}

/** Local time as it goes on the bus. */
export function timeFrame(wallMs: number, timeZone: string): Time {
  const { year, month, day, hour, minute, second, weekday } = partsOf(wallMs, timeZone);
  return { frame: "Time", hour, day, minute, weekday, second, month, year };
}

/** The energy day that a moment belongs to: the local date on which it began, at 05:00. */
export function energyDay(wallMs: number, timeZone: string): { readonly date: string; readonly dayOfMonth: number } {
  const now = partsOf(wallMs, timeZone);
  // Half a day back from before 05:00 is within the day before, whatever the clock was changed by in that night.
  const at = now.hour >= dayBeginsHour ? now : partsOf(wallMs - 12 * 3_600_000, timeZone);
  const two = (value: number): string => String(value).padStart(2, "0");
  return { date: `${at.year}-${two(at.month)}-${two(at.day)}`, dayOfMonth: at.day };
}

/** RFC 3339 in UTC, whole seconds. */
export function instantOf(wallMs: number): string {
  const { year, month, day, hour, minute, second } = partsOf(wallMs, "UTC");
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}Z`;
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Monday. */
  readonly weekday: number;
}

function partsOf(wallMs: number, timeZone: string): Parts {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(wallMs)) parts[type] = value;
  return {
    year: Number(parts["year"]),
    month: Number(parts["month"]),
    day: Number(parts["day"]),
    hour: Number(parts["hour"]),
    minute: Number(parts["minute"]),
    second: Number(parts["second"]),
    weekday: weekdays.indexOf(parts["weekday"] ?? ""),
  };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", {
      ...{ timeZone, hourCycle: "h23", calendar: "gregory", numberingSystem: "latn" },
      ...{ year: "numeric", month: "numeric", day: "numeric", weekday: "short" },
      ...{ hour: "numeric", minute: "numeric", second: "numeric" },
    });
    formats.set(timeZone, format);
  }
  return format;
}
