import { expect, it } from "vitest";
import { telemetryPoints } from "./telemetry-points.ts";

it("names a series without the node's own prefix, and keeps sums and bytes apart", () => {
  const measurement = (name: string, more: object = {}) =>
    ({ name, unit: undefined, timeMs: 1, value: 1, sum: undefined, updateSeconds: undefined, ...more }) as never;
  const series = (name: string, more?: object) =>
    telemetryPoints("n1", [measurement(name, more)], 2).map(({ series: each, value }) => [each, value]);
  expect(series("n1/temp")).toEqual([["temp", 1]]);
  expect(series("n1:temp")).toEqual([["temp", 1]]);
  expect(series("urn:dev:mac:n1:temp")).toEqual([["temp", 1]]);
  expect(series("n12/temp")).toEqual([["n12/temp", 1]]);
  expect(series("room/n1/temp")).toEqual([["room/n1/temp", 1]]);
  expect(series("n1/")).toEqual([["n1/", 1]]);
  expect(series("energy", { value: undefined, sum: 7 })).toEqual([["energy#sum", 7]]);
  expect(series("energy", { value: 2, sum: 7 })).toEqual([
    ["energy", 2],
    ["energy#sum", 7],
  ]);
  expect(series("raw", { value: new Uint8Array([1, 255]) })).toEqual([["raw", "01ff"]]);
});
