import { describe, expect, it } from "vitest";
import { reconcile } from "./reconciliation.ts";

const wanted = "sha256:b";
const other = "sha256:a";
const desired = { update: "u", attempt: "a-1", digest: wanted, rev: 5 };
const running = { digest: other, isConfirmed: true, lastRev: 5, rolledBackDigest: undefined };

describe("at registration, desired against running", () => {
  it("agrees when nothing was ever asked, the node doesn't say, or it runs it", () => {
    expect(reconcile(undefined, undefined, running, 3)).toEqual({ kind: "agrees" });
    expect(reconcile(desired, { state: "succeeded", tries: 1 }, { ...running, digest: undefined }, 3)).toEqual({
      kind: "agrees",
    });
    expect(reconcile(desired, { state: "expired", tries: 1 }, { ...running, digest: wanted }, 3)).toEqual({
      kind: "agrees",
    });
  });

  it("lets an open attempt go on: the node lost power on the way", () => {
    expect(reconcile(desired, { state: "downloading", tries: 1 }, running, 3)).toEqual({ kind: "under-way" });
  });

  it("tells of a roll-back, a failure, and a board that was flashed by hand", () => {
    const why = (state: "rolled-back" | "failed" | "succeeded", more = {}) =>
      reconcile(desired, { state, tries: 1 }, { ...running, ...more }, 3);
    expect(why("rolled-back")).toEqual({ kind: "disagrees", why: "rolled-back" });
    expect(why("succeeded", { rolledBackDigest: wanted })).toEqual({ kind: "disagrees", why: "rolled-back" });
    expect(why("failed")).toEqual({ kind: "disagrees", why: "not-installed" });
    expect(why("succeeded")).toEqual({ kind: "disagrees", why: "changed-by-hand" });
  });

  it("leaves a cancelled update alone", () => {
    expect(reconcile(desired, { state: "cancelled", tries: 1 }, running, 3)).toEqual({ kind: "agrees" });
  });

  it("offers it again to a node that had it and lost its memory, within the budget", () => {
    const forgot = { ...running, lastRev: 0 };
    expect(reconcile(desired, { state: "succeeded", tries: 1 }, forgot, 3)).toEqual({ kind: "offer-again" });
    expect(reconcile(desired, { state: "succeeded", tries: 3 }, forgot, 3)).toEqual({
      kind: "disagrees",
      why: "budget-spent",
    });
  });
});
