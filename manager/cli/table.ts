import { printableLine } from "./printable.ts";

/** Rows as aligned columns; a column without any value is left out. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = headings.map((_, column) => rows.some((row) => (row[column] ?? "") !== ""));
  const lines = [headings, ...rows].map((row) =>
    headings.map((_, column) => printableLine(row[column] ?? "")).filter((_, i) => used[i]),
  );
  const widths = (lines[0] ?? []).map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `90061000` ms -> `1 d 1 h`; the two largest units. */
export function duration(ms: number): string {
  const units = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1000],
  ] as const;
  const first = units.findIndex(([, size]) => ms >= size);
  if (first < 0) return "less than 1 s";
  let rest = ms;
  return units
    .slice(first, first + 2)
    .map(([name, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? "" : `${count} ${name}`;
    })
    .filter((each) => each !== "")
    .join(" ");
}

/** As `duration`, for something that has passed. */
export function ago(ms: number): string {
  return ms < 1000 ? "just now" : `${duration(ms)} ago`;
}

/** The time of day on a 24-hour clock, in the time zone of whoever reads it: `14:03:09`. */
export function clockTime(wallMs: number): string {
  return new Date(wallMs).toLocaleTimeString("en-GB");
}

/** The day in the reader's time zone: `2026-11-21`. */
export function day(wallMs: number): string {
  return new Date(wallMs).toLocaleDateString("sv-SE");
}

/** `{from: "late"}` -> `from late`; what isn't there is left out. */
export function members(data: Readonly<Record<string, unknown>>): string {
  return Object.entries(data)
    .filter(([, value]) => value !== undefined && value !== null && value !== "")
    .map(
      ([name, value]) => `${name} ${printableLine(typeof value === "object" ? JSON.stringify(value) : String(value))}`,
    )
    .join(", ");
}

/** `1536` -> `1.5 KiB`. */
export function byteCount(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
