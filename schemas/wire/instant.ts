/*
 * Moments as text (RFC 3339) and as seconds since 1970-01-01T00:00:00Z. Days are counted in the proleptic Gregorian
 * calendar from March on, so that the leap day is the last of its year.
 */

/** The last second of the year 9999. */
export const instantSecondsMax = 253_402_300_799;

const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/** `2024-01-01T12:00:00Z` for whole seconds in [0, instantSecondsMax]. */
export function instantFromSeconds(seconds: number): string {
  return `${dateText(Math.floor(seconds / 86_400))}T${timeText(seconds % 86_400)}Z`;
}

/** The same for milliseconds, which are written only when they are not zero. */
export function instantFromMs(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const rest = Math.floor(ms) - seconds * 1000;
  const text = instantFromSeconds(seconds);
  return rest === 0 ? text : `${text.slice(0, -1)}.${String(rest).padStart(3, "0")}Z`;
}

/** Milliseconds since 1970 of an RFC 3339 text; undefined when it is none. A leap second counts as the second before. */
export function instantToMs(text: string): number | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60)
    return undefined;
  const offsetHours = Number(match[9] ?? 0);
  const offsetMinutes = Number(match[10] ?? 0);
  if (offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === "-" ? -60 : 60);
  const seconds = daysSince1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + Math.min(second, 59) - offset;
  return seconds * 1000 + Math.floor(Number(`0.${match[7] ?? "0"}`) * 1000);
}

/** Seconds since 1970 when `text` is exactly what `instantFromSeconds` writes for them, so that nothing is lost; else undefined. */
export function instantToSeconds(text: string): number | undefined {
  if (text.length !== 20) return undefined;
  const ms = instantToMs(text);
  if (ms === undefined || ms < 0 || ms > instantSecondsMax * 1000) return undefined;
  return instantFromSeconds(ms / 1000) === text ? ms / 1000 : undefined;
}

function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** Clocks tell the same day again and again. */
let lastDays = 0;
let lastDate = "1970-01-01";

function dateText(days: number): string {
  if (days !== lastDays) {
    lastDate = calendarDate(days);
    lastDays = days;
  }
  return lastDate;
}

function calendarDate(days: number): string {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}`;
}

function timeText(secondOfDay: number): string {
  return `${two(Math.floor(secondOfDay / 3600))}:${two(Math.floor(secondOfDay / 60) % 60)}:${two(secondOfDay % 60)}`;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}
