import fc from "fast-check";
import { expect, test } from "vitest";
import { Rights } from "./rights.ts";
import { filterCovers, filterMatches, isTopicFilter, isTopicName, levelCount } from "./topic-filter.ts";
import { TopicTree } from "./topic-tree.ts";

const sorted = (list: Iterable<string>): string[] => [...list].sort((a, b) => (a < b ? -1 : 1));
const split = (topic: string): string[] => topic.split("/");

test.each(["", "a/+", "a/#", "#", "a\u0000b", "a\nb", "a\ufffd", "x".repeat(65_536)])(
  "%j is no topic name",
  (topic) => {
    expect(isTopicName(topic)).toBe(false);
  },
);

test.each(["", "a#", "#/a", "a/#/b", "a+", "+a/b", "a/b+", "a/\u0000", "##", "++"])(
  "%j is no topic filter",
  (filter) => {
    expect(isTopicFilter(filter)).toBe(false);
  },
);

test.each(["#", "+", "a/#", "+/a/+", "/", "a//b", "/#", "$SYS/#", "ä/ö"])("%j is a topic filter", (filter) => {
  expect(isTopicFilter(filter)).toBe(true);
});

// MQTT 3.1.1, section 4.7.1.2, 4.7.1.3 and 4.7.2.
test.each([
  ["sport/tennis/player1/#", "sport/tennis/player1", true],
  ["sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true],
  ["sport/tennis/player1/#", "sport/tennis/player10", false],
  ["sport/#", "sport", true],
  ["#", "sport/tennis", true],
  ["sport/tennis/+", "sport/tennis/player1", true],
  ["sport/tennis/+", "sport/tennis/player1/ranking", false],
  ["sport/+", "sport", false],
  ["sport/+", "sport/", true],
  ["+/+", "/finance", true],
  ["/+", "/finance", true],
  ["+", "/finance", false],
  ["#", "$SYS/x", false],
  ["+/x", "$SYS/x", false],
  ["$SYS/#", "$SYS/x", true],
  ["a/b", "a", false],
  ["a", "a/b", false],
])("filter %s and topic %s: %s", (filter, topic, isMatch) => {
  expect(filterMatches(split(filter), split(topic))).toBe(isMatch);
});

test.each([
  ["cx/nodes/a/#", "#", false],
  ["cx/nodes/a/#", "cx/#", false],
  ["cx/nodes/a/#", "cx/nodes/+/#", false],
  ["cx/nodes/a/#", "cx/nodes/+", false],
  ["cx/nodes/a/#", "cx/nodes/a", true],
  ["cx/nodes/a/#", "cx/nodes/a/#", true],
  ["cx/nodes/a/#", "cx/nodes/a/+/x", true],
  ["cx/nodes/a/#", "cx/nodes/ab/#", false],
  ["cx/nodes/a/+", "cx/nodes/a/#", false],
  ["cx/nodes/a/+", "cx/nodes/a/+", true],
  ["cx/nodes/a/+", "cx/nodes/a", false],
  ["#", "$SYS/#", false],
  ["+/#", "$SYS/#", false],
])("a right to %s includes %s: %s", (pattern, filter, isWithin) => {
  expect(filterCovers(split(pattern), split(filter))).toBe(isWithin);
});

const level = fc.constantFrom("a", "b", "", "$x");
const topic = fc.array(level, { minLength: 1, maxLength: 4 });
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }), fc.boolean())
  .map(([levels, isOpen]) => (isOpen || levels.length === 0 ? [...levels, "#"] : levels));

test("a right that includes a filter lets nothing through by it that it wouldn't match itself", () => {
  fc.assert(
    fc.property(filter, filter, topic, (pattern, asked, name) => {
      if (filterCovers(pattern, asked) && filterMatches(asked, name)) expect(filterMatches(pattern, name)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test("the tree finds what matching one by one finds, both ways", () => {
  fc.assert(
    fc.property(fc.array(filter, { maxLength: 20 }), fc.array(topic, { maxLength: 20 }), (filters, topics) => {
      const byFilter = new TopicTree<string>();
      for (const each of filters) byFilter.set(each.join("/"), "k", each.join("/"));
      const byTopic = new TopicTree<string>();
      for (const each of topics) byTopic.set(each.join("/"), "k", each.join("/"));
      const unique = (lists: string[][]): string[] => sorted(new Set(lists.map((each) => each.join("/"))));
      for (const each of topics) {
        expect(sorted(byFilter.ofTopic(each.join("/")))).toEqual(
          unique(filters.filter((one) => filterMatches(one, each))),
        );
      }
      for (const each of filters) {
        expect(sorted(byTopic.ofFilter(each.join("/")))).toEqual(
          unique(topics.filter((one) => filterMatches(each, one))),
        );
      }
    }),
  );
});

test("the tree forgets what is deleted, and keeps the rest", () => {
  const tree = new TopicTree<number>();
  tree.set("a/b", "x", 1);
  tree.set("a/b", "y", 2);
  tree.set("a", "x", 3);
  expect(tree.delete("a/c", "x")).toBeUndefined();
  expect(tree.delete("a/b", "z")).toBeUndefined();
  expect(tree.delete("a/b", "x")).toBe(1);
  expect(tree.delete("a/b", "y")).toBe(2);
  expect(tree.get("a", "x")).toBe(3);
  expect(tree.ofFilter("#")).toEqual([3]);
  expect(tree.size).toBe(1);
});

test("rights: own topics only, nothing of the broker's, not even with a right to everything", () => {
  const node = new Rights({ publish: ["cx/nodes/a/telemetry", "cx/nodes/a/cmd/+/ack"], subscribe: ["cx/nodes/a/#"] });
  expect(node.mayPublish("cx/nodes/a/telemetry")).toBe(true);
  expect(node.mayPublish("cx/nodes/a/cmd/restart/ack")).toBe(true);
  for (const name of [
    "cx/nodes/b/telemetry",
    "cx/nodes/a/ota/start",
    "cx/nodes/a",
    "$SYS/x",
    "cx/nodes/a/cmd/x/y/ack",
  ]) {
    expect(node.mayPublish(name), name).toBe(false);
  }
  for (const name of ["#", "+/#", "cx/#", "cx/nodes/+/status", "$SYS/#", "cx/nodes/b/#", "cx/nodes/a/#/x"]) {
    expect(node.maySubscribe(name), name).toBe(false);
  }
  const all = new Rights({ publish: ["#", "$SYS/#"], subscribe: ["#", "$SYS/#"] });
  expect(all.mayPublish("$SYS/x")).toBe(false);
  expect(all.maySubscribe("$SYS/#")).toBe(false);
  expect(all.mayReceive("$SYS/x")).toBe(false);
  expect(all.maySubscribe("#")).toBe(true);
});

test("levels are counted with the empty ones", () => {
  expect(["a", "a/b", "/", "//"].map(levelCount)).toEqual([1, 2, 2, 3]);
});
