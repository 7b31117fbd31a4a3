import { describe, expect, it } from "vitest";
import { type AlertKind, alertsFor, type NodeFacts } from "./alert-rules.ts";

const well: NodeFacts = { presence: "online", isInMaintenance: false, status: "healthy", recentBoots: 0 };
const kinds = (facts: Partial<NodeFacts>, active: AlertKind[] = []): string[] =>
  alertsFor({ ...well, ...facts }, new Set(active)).map(({ kind, severity }) => `${kind} ${severity}`);

describe("alert rules", () => {
  it.each<[string, Partial<NodeFacts>, string[], AlertKind[]?]>([
    ["nothing of a node that is well", {}, []],
    ["nothing of a late node", { presence: "late" }, []],
    ["an offline node", { presence: "offline" }, ["offline critical"]],
    ["an offline node in maintenance, mildly", { presence: "offline", isInMaintenance: true }, ["offline info"]],
    ["nothing new while we can't hear", { presence: "unknown" }, []],
    ["what was offline before we couldn't hear", { presence: "unknown" }, ["offline critical"], ["offline"]],
    ["an unhealthy node", { status: "unhealthy" }, ["unhealthy critical"]],
    ["a degraded node", { status: "degraded" }, ["unhealthy warning"]],
    ["offline instead of its last word", { presence: "offline", status: "unhealthy" }, ["offline critical"]],
    ["little memory", { freeHeap: 8191 }, ["low-heap warning"]],
    ["no little memory at the limit", { freeHeap: 8192 }, []],
    ["little memory until there is clearly more", { freeHeap: 10_239 }, ["low-heap warning"], ["low-heap"]],
    ["no little memory any more", { freeHeap: 10_240 }, [], ["low-heap"]],
    ["three boots", { recentBoots: 3 }, ["reset-loop critical"]],
    ["not two boots", { recentBoots: 2 }, []],
    ["a broker connection lost for 10 minutes", { brokerLostMs: 600_000 }, ["broker-lost warning"]],
    ["not one lost for less", { brokerLostMs: 599_999 }, []],
    ["not one lost in maintenance", { brokerLostMs: 700_000, isInMaintenance: true }, []],
    ["one cause only of an offline node", { brokerLostMs: 700_000, presence: "offline" }, ["offline critical"]],
    ["a failed update", { lastAttempt: { state: "failed", reason: "404", update: "u" } }, ["update-failed warning"]],
    ["a roll-back", { lastAttempt: { state: "rolled-back", update: "u" } }, ["update-failed critical"]],
    ["no success and no cancel", { lastAttempt: { state: "succeeded", update: "u" } }, []],
    ["an image changed by hand", { disagreement: "changed-by-hand" }, ["disagreement warning"]],
    [
      "a disagreement that the failed attempt explains, once",
      { disagreement: "not-installed", lastAttempt: { state: "failed", update: "u" } },
      ["update-failed warning"],
    ],
  ])("tell of %s", (_, facts, expected, active) => {
    expect(kinds(facts, active)).toEqual(expected);
  });

  it("say why in words", () => {
    const [alert] = alertsFor(
      { ...well, lastAttempt: { state: "rolled-back", reason: "self-test", update: "fw-2" } },
      new Set(),
    );
    expect(alert?.text).toBe("Update fw-2 was rolled back (self-test).");
  });
});
