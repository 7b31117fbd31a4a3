/**
 * A time of the week by the clock on the wall, `mon-fri 22:00-04:00`: open when the local time is inside, in a time zone of its own site.
 *
 * When clocks go forward, minutes that don't exist open nothing: a window that lies in the gap is left out on that day, one that begins in it opens
 * at its end. When they go back, a minute that comes twice is inside twice. The day is that of the beginning.
 */
export interface MaintenanceWindow {
  /** 0 Sunday to 6 Saturday. */
  readonly days: readonly number[];
  /** Minutes since midnight, 0 to 1439. */
  readonly fromMinute: number;
  /** 1 to 1440; not after `fromMinute`: on the next day. */
  readonly toMinute: number;
}

const names = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const pattern = /^(daily|[a-z]{3}(?:[-,][a-z]{3})*) (\d\d):(\d\d)-(\d\d):(\d\d)$/;
const minuteMs = 60_000;
const dayMs = 86_400_000;

export const windowRule = "DAYS HH:MM-HH:MM, where DAYS is daily or like mon-fri or sat,sun: `mon-fri 22:00-04:00`";

/** Undefined when it breaks `windowRule`. */
export function parseWindow(text: string): MaintenanceWindow | undefined {
  const match = pattern.exec(text.trim().toLowerCase());
  if (match === null) return undefined;
  const [, dayText = "", ...figures] = match;
  const [fromHour = 0, from = 0, toHour = 0, to = 0] = figures.map(Number);
  const fromMinute = fromHour * 60 + from;
  const toMinute = toHour * 60 + to;
  const days = daysOf(dayText);
  if (days === undefined || fromHour > 23 || from > 59 || to > 59 || toMinute < 1 || toMinute > 1440) return undefined;
  return fromMinute === toMinute ? undefined : { days, fromMinute, toMinute };
}

function daysOf(text: string): readonly number[] | undefined {
  if (text === "daily") return [0, 1, 2, 3, 4, 5, 6];
  const days = new Set<number>();
  for (const part of text.split(",")) {
    const ends = part.split("-").map((name) => names.indexOf(name));
    const [first = -1, last = first] = ends;
    if (ends.length > 2 || first === -1 || last === -1) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

export function windowText({ days, fromMinute, toMinute }: MaintenanceWindow): string {
  const time = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
  const text = days.length === 7 ? "daily" : days.map((day) => names[day]).join(",");
  return `${text} ${time(fromMinute)}-${time(toMinute)}`;
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

interface LocalTime {
  readonly day: number;
  readonly minute: number;
  /** Local midnight of the day as if it were UTC. */
  readonly midnightMs: number;
}

/** Local times of one zone. Making a formatter costs more than a thousand uses of it. */
class Zone {
  readonly #format: Intl.DateTimeFormat;
  #minute = Number.NaN;
  #local: LocalTime | undefined;

  constructor(timeZone: string) {
    const two = "2-digit";
    this.#format = new Intl.DateTimeFormat("en-US", {
      ...{ timeZone, hourCycle: "h23", year: "numeric", month: two, day: two, hour: two, minute: two },
    });
  }

  /** Thousands of nodes are asked about in the same minute. */
  at(wallMs: number): LocalTime {
    const minute = Math.floor(wallMs / minuteMs);
    if (this.#local === undefined || minute !== this.#minute) this.#local = this.#at(wallMs);
    this.#minute = minute;
    return this.#local;
  }

  #at(wallMs: number): LocalTime {
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(wallMs)) part[type] = Number(value);
    const days = daysFromCivil(part["year"] ?? 1970, part["month"] ?? 1, part["day"] ?? 1);
    return {
      // 1970-01-01 was a Thursday.
      day: (((days + 4) % 7) + 7) % 7,
      minute: (part["hour"] ?? 0) * 60 + (part["minute"] ?? 0),
      midnightMs: days * dayMs,
    };
  }

  /** Local time minus UTC. */
  offsetMs(wallMs: number): number {
    const { midnightMs, minute } = this.at(wallMs);
    return midnightMs + minute * minuteMs - Math.floor(wallMs / minuteMs) * minuteMs;
  }
}

/** Days since 1970-01-01 of a date of the Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
  );
}

const zones = new Map<string, Zone>();

function zoneOf(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const zone = new Zone(name);
  // There are some 600 names; a plan is held to them.
  zones.set(name, zone);
  return zone;
}

/** Whether one of them is open. Without windows it always is. */
export function isInWindow(windows: readonly MaintenanceWindow[], timeZone: string, wallMs: number): boolean {
  if (windows.length === 0) return true;
  const { day, minute } = zoneOf(timeZone).at(wallMs);
  const yesterday = (day + 6) % 7;
  return windows.some(({ days, fromMinute, toMinute }) => {
    if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute;
    return (days.includes(day) && minute >= fromMinute) || (days.includes(yesterday) && minute < toMinute);
  });
}

/** When one of them opens next, as wall time; `wallMs` itself while one is open, undefined if none does within nine days. */
export function nextWindowMs(
  windows: readonly MaintenanceWindow[],
  timeZone: string,
  wallMs: number,
): number | undefined {
  if (isInWindow(windows, timeZone, wallMs)) return wallMs;
  const zone = zoneOf(timeZone);
  const { midnightMs } = zone.at(wallMs);
  let best = Number.POSITIVE_INFINITY;
  for (let ahead = 0; ahead <= 9; ahead++) {
    const localMidnightMs = midnightMs + ahead * dayMs;
    const day = ((((localMidnightMs / dayMs + 4) % 7) + 7) % 7) | 0;
    for (const window of windows) {
      if (!window.days.includes(day)) continue;
      for (const at of instantsOf(zone, localMidnightMs + window.fromMinute * minuteMs)) {
        if (at > wallMs && at < best && isInWindow([window], timeZone, at)) best = at;
      }
    }
    if (best !== Number.POSITIVE_INFINITY) return best;
  }
  return undefined;
}

/** The instants at which a local time is: two when clocks go back over it; the first one after it when they skip it. */
function instantsOf(zone: Zone, localMs: number): readonly number[] {
  const before = localMs - zone.offsetMs(localMs - dayMs);
  const after = localMs - zone.offsetMs(localMs + dayMs);
  const candidates = [...new Set([before, after])];
  const exact = candidates.filter((at) => at + zone.offsetMs(at) === localMs);
  if (exact.length > 0) return exact;
  // Skipped: the clock jumps somewhere between the two. The first minute past the jump is where it opens.
  let [low = 0, high = 0] = candidates.sort((a, b) => a - b);
  const offset = zone.offsetMs(low);
  while (high - low > minuteMs) {
    const middle = low + Math.floor((high - low) / 2 / minuteMs) * minuteMs;
    if (zone.offsetMs(middle) === offset) low = middle;
    else high = middle;
  }
  return [high];
}
