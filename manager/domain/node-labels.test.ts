import { expect, test } from "vitest";
import { parseLabels, withGateway } from "./node-labels.ts";
import { isPassword } from "./operator-account.ts";
import { isWithin, parseScope } from "./scope.ts";

test.each([
  [{ site: "Über" }, "site"],
  [{ site: 5 }, "site"],
  [{ tags: "pump" }, "tags"],
  [{ tags: ["a b"] }, "tags"],
  [{ tags: Array.from({ length: 17 }, (_, i) => `t${i}`) }, "tags"],
  [{ sites: "harbour" }, "sites"],
])("%j are no labels", (value, path) => {
  expect(parseLabels(value)).toMatchObject({ ok: false, path });
});

test("labels come out sorted, each tag once; an empty site is none", () => {
  expect(parseLabels({ site: "harbour", tags: ["b", "a", "b"] })).toEqual({
    ok: true,
    labels: { site: "harbour", tags: ["a", "b"] },
  });
  expect(parseLabels({ site: "" })).toEqual({ ok: true, labels: { tags: [] } });
  expect(parseLabels({ site: null })).toEqual({ ok: true, labels: { tags: [] } });
});

test("a child is at its gateway's site until it is put elsewhere, and has the gateway's tags too", () => {
  const gateway = { site: "harbour", tags: ["a"] };
  expect(withGateway({ tags: ["b"] }, gateway)).toEqual({ site: "harbour", tags: ["b", "a"] });
  expect(withGateway({ site: "pier", tags: [] }, gateway)).toEqual({ site: "pier", tags: ["a"] });
});

test.each([[["harbour"]], [["site:"]], [["site:a:b"]], [["tag:A"]], [["role:admin"]], ["site:a"], [[5]], [{}]])(
  "%j is no scope",
  (value) => {
    expect(parseScope(value)).toBeUndefined();
  },
);

test("an empty scope holds everything, a node without labels is in no other", () => {
  expect(parseScope(["site:a", "site:a", "tag:b"])).toEqual(["site:a", "tag:b"]);
  expect(isWithin([], { tags: [] })).toBe(true);
  expect(isWithin(["site:a"], { tags: [] })).toBe(false);
});

test.each(["short", "aaaaaaaaaaaaaaaa", "annannannann", "x".repeat(257), 5, undefined])(
  "%j is no password",
  (value) => {
    expect(isPassword(value, "ann")).toBe(false);
  },
);

test("a long one is", () => {
  expect(isPassword("correct horse battery", "ann")).toBe(true);
});
