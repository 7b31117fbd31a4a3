import type { Texts } from "../texts/en.ts";

/** Stands where nothing was heard: never 0. */
export const nothing = "–";

/** Numbers as people of this language write them. */
export interface Formats {
  /** `850 W`, `2.35 kW`; a dash where there is none. */
  power(kilowatts: number | undefined): string;
  percent(value: number | undefined): string;
  energy(kilowattHours: number | undefined): string;
  decimal(value: number | undefined, digits: number): string;
  /** `12 min ago` */
  age(ms: number | undefined): string;
  clock(ms: number): string;
  moment(ms: number): string;
}

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export function formatsFor(texts: Texts): Formats {
  const { ages, language } = texts;
  const fixed = [0, 1, 2].map(
    (digits) => new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  );
  const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const decimal = (value: number | undefined, digits: number): string =>
    value === undefined ? nothing : (fixed[digits]?.format(value) ?? String(value));
  return {
    power(kilowatts) {
      if (kilowatts === undefined) return nothing;
      const watts = Math.round(kilowatts * 1000);
      if (Math.abs(watts) < 1000) return `${decimal(watts, 0)} W`;
      return `${decimal(kilowatts, Math.abs(watts) < 10_000 ? 2 : 1)} kW`;
    },
    percent: (value) => (value === undefined ? nothing : `${decimal(value, 0)} %`),
    energy: (value) => decimal(value, value !== undefined && value >= 100 ? 0 : 1),
    decimal,
    age(ms) {
      if (ms === undefined) return ages.unknown;
      if (ms < 5 * second) return ages.now;
      if (ms < minute) return ages.seconds(Math.floor(ms / second));
      if (ms < hour) return ages.minutes(Math.floor(ms / minute));
      if (ms < day) return ages.hours(Math.floor(ms / hour));
      return ages.days(Math.floor(ms / day));
    },
    clock: (ms) => clock.format(ms),
    moment: (ms) => moment.format(ms),
  };
}
