import { expect, test } from "vitest";
import { eventLine } from "./event-line.ts";
import { printable, printableLine } from "./printable.ts";
import { members, table } from "./table.ts";

const order = "\u001b[2J\u009b1A\u0007\r\u202egone";
const harmless = "\\u001b[2J\\u009b1A\\u0007\\u000d\\u202egone";

test("orders to a terminal are shown and not carried out; words of every language and our own lines stay", () => {
  expect(printable(order)).toBe(harmless);
  expect(printable("Pumpe Süd ポンプ 🚰\n  next")).toBe("Pumpe Süd ポンプ 🚰\n  next");
});

test("what a node or another operator said makes no line of its own, in tables, lists of properties and events", () => {
  const forged = `x\n${order}`;
  const told = `x\\n${harmless}`;
  expect(printableLine(forged)).toBe(told);
  expect(table(["NAME", "OTHER"], [[forged, "y"]]).split("\n")[1]).toBe(`${told}  y`);
  expect(members({ reason: forged })).toBe(`reason ${told}`);
  const line = eventLine({
    kind: "attempt",
    node: "a",
    update: "u",
    attempt: "1",
    state: "failed",
    reason: forged,
  } as never);
  expect(line).toBe(`a u: failed (${told})`);
});
