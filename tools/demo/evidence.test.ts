import { expect, it } from "vitest";
import { Evidence, type Fact } from "./evidence.ts";
import type { Member } from "./fleet.ts";

const sensor: Member = {
  id: "s",
  profile: "sensor",
  model: "m",
  prefer: "http",
  told: "call",
  isCut: true,
  scheme: "oscore",
};
const all: readonly Fact[] = [
  ...(["registered", "secured", "connected", "observed", "telemetry", "told by call", "maintenance"] as const),
  ...(["left the broker", "frozen display", "fetched by http", "resumed", "verified", "trial", "confirmed"] as const),
];

it("names every step of a node of which nothing was seen", () => {
  expect(new Evidence().missing([sensor])).toHaveLength(all.length);
});

it.each(all)("names the one step that is missing: %s", (left) => {
  const evidence = new Evidence();
  for (const fact of all) if (fact !== left) evidence.saw("s", fact);
  const missing = evidence.missing([sensor]);
  expect(missing).toHaveLength(1);
  expect(missing[0]).toMatch(/^s (never|was never) /);
});

it("is content with everything, and takes a heartbeat that was faster than the call", () => {
  const evidence = new Evidence();
  for (const fact of all) evidence.saw("s", fact === "told by call" ? "told by heartbeat" : fact);
  expect(evidence.missing([sensor])).toEqual([]);
});

it("asks no display of a machine that has none, and no confirmation of a broken image", () => {
  const machine: Member = { ...sensor, profile: "linux" };
  const broken: Member = { ...sensor, isBroken: true };
  const evidence = new Evidence();
  for (const fact of all) if (fact !== "frozen display" && fact !== "confirmed") evidence.saw("s", fact);
  expect(evidence.missing([machine])).toEqual(["s never ran the new digest confirmed"]);
  evidence.saw("s", "rolled back");
  evidence.saw("s", "frozen display");
  expect(evidence.missing([broken])).toEqual([]);
});

it("asks no end of a connection of a node that was told before it had one", () => {
  const missing = new Evidence().missing([{ ...sensor, told: "heartbeat" }]);
  expect(missing.join()).not.toMatch(/broker by|at the broker/);
});

it("says once that something is news", () => {
  const evidence = new Evidence();
  expect(evidence.saw("s", "trial")).toBe(true);
  expect(evidence.saw("s", "trial")).toBe(false);
});
