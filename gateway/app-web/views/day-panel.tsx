import { useMemo, useState } from "preact/hooks";
import { type DayHistory, energyOf, type HistoryPoint, pointsOfDay, thinned } from "../model/day-history.ts";
import { useApp } from "./app-context.ts";
import { DayChart } from "./day-chart.tsx";

const bucketMinutes = 5;
const redrawMs = 10_000;

/** The day as this phone and the gateway saw it: sun and use, grid, charge, with one hand to read all three. */
export function DayPanel() {
  const { state, texts, formats } = useApp();
  const [cursor, setCursor] = useState<number>();
  const midnight = new Date(state.now);
  midnight.setHours(0, 0, 0, 0);
  const next = new Date(midnight);
  next.setDate(next.getDate() + 1);
  const dayStart = midnight.getTime() / 60_000;
  const dayMinutes = (next.getTime() - midnight.getTime()) / 60_000;
  // Everything is drawn with each message; a day's points only when they can have changed to an eye.
  const { drawn, sun, load, grid, power, gridHigh, gridLow } = useMemo(
    () => dayFigures(state.history, midnight.getTime(), state.now),
    [state.history.points, state.history.gateway, state.history.open === undefined, Math.floor(state.now / redrawMs)],
  );
  const read = cursor === undefined ? undefined : nearest(drawn, dayStart + cursor);
  const shared = { points: drawn, dayStart, dayMinutes, cursor };
  const { day } = texts;
  const sunText = day.solarEnergy(formats.energy(sun));
  const loadText = day.loadEnergy(formats.energy(load));
  const gridText = [
    day.gridEnergy(formats.energy(grid.positive)),
    ...(grid.negative > 0.05 ? [day.gridSold(formats.energy(grid.negative))] : []),
  ].join(", ");
  const at = (value: number | undefined, words: string): string => (read === undefined ? words : formats.power(value));
  return (
    <section class="card day" aria-labelledby="day-title">
      <h2 id="day-title">
        {day.title}
        {read !== undefined && <span class="hint"> {day.at(formats.clock(read.minute * 60_000))}</span>}
      </h2>
      {drawn.length === 0 && <p class="hint">{day.empty}</p>}
      <figure>
        <figcaption>
          <span>{day.sunAndUse}</span>
          <span>
            <b class="key solar">{at(read?.solar, sunText)}</b> <b class="key load">{at(read?.load, loadText)}</b>
          </span>
        </figcaption>
        <DayChart
          {...shared}
          lines={[
            { name: "solar", isFilled: true },
            { name: "load", isFilled: false },
          ]}
          low={0}
          high={power * 1.08}
          label={`${day.sunAndUse}: ${sunText}, ${loadText}`}
        />
      </figure>
      <figure>
        <figcaption>
          <span>{day.grid}</span>
          <b class="key grid">{at(read?.grid, gridText)}</b>
        </figcaption>
        <DayChart
          {...shared}
          lines={[{ name: "grid", isFilled: true }]}
          low={gridLow * 1.1}
          high={gridHigh * 1.1}
          label={`${day.grid}: ${gridText}`}
        />
      </figure>
      <figure>
        <figcaption>
          <span>{day.charge}</span>
          <b class="key soc">{formats.percent((read ?? drawn.at(-1))?.soc)}</b>
        </figcaption>
        <DayChart
          {...shared}
          lines={[{ name: "soc", isFilled: true }]}
          low={0}
          high={100}
          label={`${day.charge}: ${formats.percent(drawn.at(-1)?.soc)}`}
        />
      </figure>
      <div class="hours" aria-hidden="true">
        <span>0</span>
        <span>6</span>
        <span>12</span>
        <span>18</span>
        <span>24</span>
      </div>
      <input
        class="scrub"
        type="range"
        min="0"
        max={dayMinutes - 1}
        step={bucketMinutes}
        value={cursor ?? Math.floor(state.now / 60_000) - dayStart}
        aria-label={day.scrub}
        aria-valuetext={formats.clock((dayStart + (cursor ?? 0)) * 60_000)}
        onInput={(event) => setCursor(Number(event.currentTarget.value))}
        onBlur={() => setCursor(undefined)}
        onPointerUp={() => setCursor(undefined)}
      />
    </section>
  );
}

/** What the three pictures need of one day. */
function dayFigures(history: DayHistory, midnightMs: number, nowMs: number) {
  const points = pointsOfDay(history, midnightMs, nowMs);
  const drawn = thinned(points, bucketMinutes);
  return {
    drawn,
    sun: energyOf(points, "solar").positive,
    load: energyOf(points, "load").positive,
    grid: energyOf(points, "grid"),
    power: Math.max(1, ...drawn.flatMap((point) => [point.solar ?? 0, point.load ?? 0])),
    gridHigh: Math.max(0.5, ...drawn.map((point) => point.grid ?? 0)),
    gridLow: Math.min(0, ...drawn.map((point) => point.grid ?? 0)),
  };
}

/** The point of that minute, if there is one close to it. */
function nearest(points: readonly HistoryPoint[], minute: number): HistoryPoint | undefined {
  let best: HistoryPoint | undefined;
  for (const point of points) {
    if (best === undefined || Math.abs(point.minute - minute) < Math.abs(best.minute - minute)) best = point;
  }
  return best !== undefined && Math.abs(best.minute - minute) <= 2 * bucketMinutes ? best : { minute };
}
