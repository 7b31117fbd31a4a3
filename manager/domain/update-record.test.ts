import { describe, expect, it } from "vitest";
import type { Update } from "../../schemas/generated/types.ts";
import { isSameUpdate, isTarget, isWrongModel, updateBody } from "./update-record.ts";

const update = (more: object = {}): Update =>
  ({ id: "u", version: "1", size: 1, digest: `sha256:${"0".repeat(64)}`, ...more }) as Update;

describe("an update's body", () => {
  it("is another with another value, a missing or an additional property", () => {
    expect(isSameUpdate(update(), update({ version: "2" }))).toBe(false);
    expect(isSameUpdate(update({ model: "m" }), update())).toBe(false);
    expect(isSameUpdate(update({ targets: ["a"] }), update({ targets: ["a", "b"] }))).toBe(false);
    expect(isSameUpdate(update({ targets: [] }), update())).toBe(false);
  });

  it("is the same whatever the order of properties and targets, and whatever the manager adds", () => {
    const { id, ...rest } = update({ targets: ["b", "a", "a"] });
    expect(isSameUpdate({ ...rest, id }, update({ targets: ["a", "b"] }))).toBe(true);
    expect(isSameUpdate(update(), update({ state: "ready", created: "2026-01-01T00:00:00Z", manifest: "x" }))).toBe(
      true,
    );
    expect(updateBody(update({ state: "ready" }))).toEqual(update());
  });
});

describe("an update is for", () => {
  const sensor = { id: "n1", model: "sensor" };
  it("the nodes it names, and no others of the model", () => {
    expect(isTarget(update({ targets: ["n1"], model: "x" }), sensor)).toBe(true);
    expect(isTarget(update({ targets: ["n2"], model: "sensor" }), sensor)).toBe(false);
    expect(isTarget(update({ targets: [] }), sensor)).toBe(false);
  });
  it("every node of its model when it names none, but never for an unknown model", () => {
    expect(isTarget(update({ model: "sensor" }), sensor)).toBe(true);
    expect(isTarget(update({ model: "linux" }), sensor)).toBe(false);
    expect(isTarget(update(), sensor)).toBe(false);
    expect(isTarget(update({ model: "unknown" }), { id: "n1", model: "unknown" })).toBe(false);
  });
  it("no other model, where both sides name one", () => {
    expect(isWrongModel(update({ model: "linux" }), sensor)).toBe(true);
    expect(isWrongModel(update({ model: "linux" }), { model: "unknown" })).toBe(false);
    expect(isWrongModel(update(), sensor)).toBe(false);
  });
});
