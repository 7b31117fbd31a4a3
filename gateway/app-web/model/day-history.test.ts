import { describe, expect, it } from "vitest";
import { sampleOf } from "../../../schemas/wire/site-sample.ts";
import {
  addSample,
  type DayHistory,
  emptyHistory,
  energyOf,
  keptMinutes,
  pointsOfDay,
  thinned,
  withGatewayDay,
} from "./day-history.ts";

const minute = 60_000;
const fill = (values: readonly (readonly [number, number])[]): DayHistory => {
  let history = emptyHistory;
  for (const [at, solar] of values) ({ history } = addSample(history, { solar }, at * minute));
  return history;
};

describe("the history of the day", () => {
  it("has no point where nothing was heard, and doesn't take silence for zero", () => {
    const points = pointsOfDay(
      fill([
        [10, 1],
        [15, 2],
      ]),
      0,
      15 * minute,
    );
    expect(points).toEqual([
      { minute: 10, solar: 1 },
      { minute: 15, solar: 2 },
    ]);
    expect(sampleOf({})).toEqual({});
    expect(sampleOf({ P_home: 1, P_heater: 0.5 })).toEqual({ load: 1.5 });
  });

  it("has what the gateway saw where the phone wasn't listening, and its own points where it was", () => {
    const own = fill([
      [12, 7],
      [13, 8],
    ]);
    const filled = withGatewayDay(own, {
      step: 2,
      points: [
        { minute: 10, solar: 1 },
        { minute: 12, solar: 2, soc: 50 },
      ],
    });
    expect(pointsOfDay(filled, 10 * minute, 13 * minute)).toEqual([
      { minute: 10, solar: 1 },
      { minute: 11, solar: 1 },
      { minute: 12, solar: 7 },
      { minute: 13, solar: 8 },
    ]);
    expect(pointsOfDay(filled, 11 * minute, 11 * minute)).toEqual([{ minute: 11, solar: 1 }]);
    const again = withGatewayDay(filled, { step: 2, points: [] });
    expect(pointsOfDay(again, 10 * minute, 13 * minute)).toHaveLength(2);
  });

  it("drops a sample from before the open minute: the phone's clock was set back", () => {
    const history = fill([[10, 1]]);
    expect(addSample(history, { solar: 9 }, 9 * minute)).toEqual({ history, finished: undefined });
  });

  it("is made of means of a minute, and tells which minute is over", () => {
    const first = addSample(emptyHistory, { solar: 1, grid: -1 }, 10 * minute);
    expect(first.finished).toBeUndefined();
    const second = addSample(first.history, { solar: 3 }, 10 * minute + 59_999);
    const third = addSample(second.history, { solar: 5 }, 11 * minute);
    expect(second.history.points).toBe(first.history.points);
    expect(third.finished).toEqual({ minute: 10, solar: 2, grid: -1 });
    expect(third.history.points).toEqual([third.finished]);
  });

  it("forgets what is older than two days", () => {
    let history = fill([
      [10, 1],
      [11, 1],
      [12, 1],
    ]);
    ({ history } = addSample(history, { solar: 1 }, (keptMinutes + 10.5) * minute));
    expect(history.points.map((point) => point.minute)).toEqual([11, 12]);
  });

  it("is cut at midnight", () => {
    const history = fill([
      [1439, 1],
      [1440, 2],
      [1441, 3],
    ]);
    expect(pointsOfDay(history, 1440 * minute, 1441 * minute).map((point) => point.minute)).toEqual([1440, 1441]);
  });

  it("is thinned to means for a narrow picture", () => {
    const points = [
      { minute: 10, solar: 1 },
      { minute: 12, solar: 3, soc: 50 },
      { minute: 15, soc: 60 },
    ];
    expect(thinned(points, 5)).toEqual([
      { minute: 10, solar: 2, soc: 50 },
      { minute: 15, soc: 60 },
    ]);
  });

  it("adds up to kWh, bought and sold apart", () => {
    const points = [1, 1, -2].map((grid, index) => ({ minute: index, grid: grid * 60 }));
    expect(energyOf(points, "grid")).toEqual({ positive: 2, negative: 2 });
    expect(energyOf(points, "solar")).toEqual({ positive: 0, negative: 0 });
  });
});
