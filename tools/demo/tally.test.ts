import { expect, it } from "vitest";
import { Tally } from "./tally.ts";

const attempt = (node: string, state: string, reason?: string) =>
  ({ kind: "attempt", node, update: "u1", attempt: "a1", state, ...(reason ? { reason } : {}) }) as const;

it("counts nothing before anything was seen", () => {
  expect(new Tally().counts()).toEqual({
    registered: 0,
    observed: 0,
    telemetry: 0,
    updated: 0,
    rolledBack: 0,
    resumed: 0,
  });
});

it("counts a node once however often it registers, resumes or succeeds", () => {
  const tally = new Tally();
  for (let i = 0; i < 2; i++) {
    tally.take({ kind: "registered", node: "n1", isNew: i === 0, identity: "credential" });
    tally.take({ kind: "fetch", node: "n1", attempt: "a1", way: "http", offset: 4096, isResume: true });
    tally.take(attempt("n1", "succeeded"));
    tally.take({ kind: "telemetry", node: "n1", points: 3 });
  }
  expect(tally.counts()).toMatchObject({ registered: 1, resumed: 1, updated: 1, telemetry: 6 });
});

it("does not take a download, an ended observation or a first fetch for more than it is", () => {
  const tally = new Tally();
  tally.take(attempt("n1", "trial"));
  tally.take(attempt("n1", "failed", "http-404"));
  tally.take({ kind: "observing", node: "n1", isObserving: false });
  tally.take({ kind: "fetch", node: "n1", attempt: "a1", way: "coap", offset: 0, isResume: false });
  expect(tally.counts()).toMatchObject({ updated: 0, observed: 0, resumed: 0, rolledBack: 0 });
});

it("keeps why a node went back", () => {
  const tally = new Tally();
  tally.take(attempt("n5", "rolled-back", "self-test"));
  expect(tally.rolledBack.get("n5")).toBe("self-test");
});
