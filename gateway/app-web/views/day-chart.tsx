import type { HistoryName, HistoryPoint } from "../model/day-history.ts";

export interface ChartLine {
  readonly name: HistoryName;
  readonly isFilled: boolean;
}

export interface DayChartProps {
  readonly points: readonly HistoryPoint[];
  /** Drawn in this order. */
  readonly lines: readonly ChartLine[];
  /** Minutes since 1970 at which the day begins. */
  readonly dayStart: number;
  /** Minutes of the day: 1440, but for the two days on which clocks change. */
  readonly dayMinutes: number;
  /** Both ends of the scale; 0 is within. */
  readonly low: number;
  readonly high: number;
  /** Minute of the day that is read, if any. */
  readonly cursor: number | undefined;
  readonly label: string;
}

const width = 360;
const height = 84;
/** Minutes without a point after which a line is broken: what nobody heard isn't drawn. */
const gapMinutes = 12;

/** One small picture of the day: lines and areas over a shared scale, every six hours marked. */
export function DayChart(props: DayChartProps) {
  const { points, lines, dayStart, dayMinutes, low, high, cursor, label } = props;
  const x = (minute: number): number => round(((minute - dayStart) / dayMinutes) * width);
  const y = (value: number): number => round(height - ((value - low) / (high - low)) * height);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" role="img" aria-label={label}>
      {[6, 12, 18].map((hour) => (
        <line
          key={hour}
          class="chart-hour"
          x1={x(dayStart + hour * 60)}
          x2={x(dayStart + hour * 60)}
          y1="0"
          y2={height}
        />
      ))}
      <line class="chart-zero" x1="0" x2={width} y1={y(0)} y2={y(0)} />
      {lines.map(({ name, isFilled }) => (
        <g key={name} class={`chart-line ${name}`}>
          {runs(points, name).map((run) => {
            const line = run.map(
              (point, index) => `${index === 0 ? "M" : "L"}${x(point.minute)} ${y(point[name] ?? 0)}`,
            );
            const path = line.join("");
            const [first, last] = [run[0]?.minute ?? 0, run.at(-1)?.minute ?? 0];
            return (
              <>
                {isFilled && <path class="area" d={`${path}L${x(last)} ${y(0)}L${x(first)} ${y(0)}Z`} />}
                <path class="line" d={path} vector-effect="non-scaling-stroke" />
              </>
            );
          })}
        </g>
      ))}
      {cursor !== undefined && (
        <line class="chart-cursor" x1={x(dayStart + cursor)} x2={x(dayStart + cursor)} y1="0" y2={height} />
      )}
    </svg>
  );
}

/** Stretches of points that hang together. */
function runs(points: readonly HistoryPoint[], name: HistoryName): HistoryPoint[][] {
  const all: HistoryPoint[][] = [];
  let last: HistoryPoint | undefined;
  for (const point of points) {
    if (point[name] === undefined) continue;
    const run = all.at(-1);
    if (run === undefined || last === undefined || point.minute - last.minute > gapMinutes) all.push([point]);
    else run.push(point);
    last = point;
  }
  return all;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
