import { describe, expect, it } from "vitest";
import { type Bench, type Measurement, type Part, ratiosOf, verdict } from "./report.ts";

const bench: Bench = {
  subject: "ours",
  peers: ["slow", "fast"],
  rivals: ["slow", "fast"],
  compared: { cpu: "lower", rate: "higher" },
  leftOutWhenQuick: [],
  run: async () => [],
};
const of = (subject: string, metric: string, value: number): Measurement => ({ subject, metric, value, unit: "us" });

describe("the verdict of a benchmark", () => {
  it("isn't complete when a goal was neither measured nor has a reason", () => {
    const { line, isComplete } = verdict("heartbeat", [{ name: "heartbeat", bench, measurements: [] }]);
    expect(isComplete).toBe(false);
    const { goals } = JSON.parse(line) as { goals: Record<string, unknown> };
    expect(new Set(Object.values(goals))).toEqual(new Set([null]));
  });

  it("is complete when what was left out says why", () => {
    const left: Part = { name: "memory", bench, measurements: undefined };
    const { line, isComplete } = verdict("memory", [left]);
    expect(isComplete).toBe(true);
    const { goals, skipped } = JSON.parse(line) as Record<"goals" | "skipped", Record<string, unknown>>;
    expect(Object.keys(skipped)).toEqual(Object.keys(goals));
  });

  it("takes a peer's reason for the goals beside it", () => {
    const broken: Bench = {
      ...{ ...bench, subject: "coxswain", rivals: [] },
      notMeasured: () => ({ libcoap: "isn't installed" }),
    };
    const { line } = verdict("heartbeat", [{ name: "heartbeat", bench: broken, measurements: [] }]);
    const { skipped } = JSON.parse(line) as { skipped: Record<string, string> };
    expect(skipped["heartbeat CPU at most a third of libcoap's"]).toBe("isn't installed");
  });

  it("says false when a goal was missed, by the medians", () => {
    const measurements = [1, 5, 100].map((value) => of("ours", "notifications", value));
    const parts = [{ name: "observe", bench: { ...bench, subject: "ours" }, measurements }];
    const nothing = JSON.parse(verdict("observe", parts).line) as { goals: Record<string, boolean | null> };
    expect(Object.values(nothing.goals)).toEqual([null, null, null, null]);
    const named = measurements.map((each) => ({ ...each, subject: "non" }));
    const said = JSON.parse(verdict("observe", [{ name: "observe", bench, measurements: named }]).line) as {
      goals: Record<string, boolean | null>;
    };
    expect(Object.values(said.goals)).toEqual([false, null, null, null]);
  });
});

describe("the ratios of a benchmark", () => {
  it("say how many times better ours is, the fastest peer's by the least of them", () => {
    const measurements = [of("ours", "cpu", 5), of("slow", "cpu", 50), of("fast", "cpu", 10), of("fast", "rate", 7)];
    expect(ratiosOf(bench, measurements)).toEqual({
      "cpu vs slow": 10,
      "cpu vs fast": 2,
      "cpu vs the fastest peer": 2,
    });
  });
});
