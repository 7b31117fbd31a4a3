import { expect, test } from "vitest";
import { seededEntropy } from "../../../kernel/seeded-entropy.ts";
import { EventFeed } from "./event-feed.ts";

const feedOf = (capacity: number, seed = 1) => new EventFeed({ capacity, entropy: seededEntropy(seed) });
const kinds = (events: ReturnType<EventFeed["after"]>) => (events === "gap" ? events : events.map((each) => each.kind));

test.each(["", "x", "1-2-3", "zz-1", "-5", "zz-99999999999999999999"])(
  "a cursor that is none (%s) is a gap",
  (cursor) => {
    expect(feedOf(4).after(cursor)).toBe("gap");
  },
);

test("a cursor of another run is a gap, so that a follower of a restarted manager loads everything anew", () => {
  const before = feedOf(4, 1);
  before.add({ kind: "a" }, 0);
  expect(feedOf(4, 2).after(before.cursor())).toBe("gap");
});

test("a cursor from the future is a gap", () => {
  const feed = feedOf(4);
  const run = feed.cursor().split("-")[0];
  expect(feed.after(`${run}-1`)).toBe("gap");
});

test("who was cut off gets exactly what it missed, in order", () => {
  const feed = feedOf(4);
  feed.add({ kind: "a" }, 0);
  const cursor = feed.cursor();
  expect(kinds(feed.after(cursor))).toEqual([]);
  feed.add({ kind: "b" }, 0);
  feed.add({ kind: "c" }, 0);
  expect(kinds(feed.after(cursor))).toEqual(["b", "c"]);
});

test("who missed more than is kept is told of the gap, and not one event earlier", () => {
  const feed = feedOf(3);
  const start = feed.cursor();
  for (const kind of ["a", "b", "c"]) feed.add({ kind }, 0);
  expect(kinds(feed.after(start))).toEqual(["a", "b", "c"]);
  feed.add({ kind: "d" }, 0);
  expect(feed.after(start)).toBe("gap");
});

test("the newest come first, as many as were asked for and are kept", () => {
  const feed = feedOf(3);
  expect(feed.recent(5, () => true)).toEqual([]);
  for (const kind of ["a", "b", "c", "d"]) feed.add({ kind }, 0);
  expect(kinds(feed.recent(5, () => true))).toEqual(["d", "c", "b"]);
  expect(kinds(feed.recent(1, ({ kind }) => kind !== "d"))).toEqual(["c"]);
});
