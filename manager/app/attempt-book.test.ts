import { expect, it } from "vitest";
import { AttemptBook } from "./attempt-book.ts";
import type { AttemptRecord } from "./attempt-record.ts";

const digest = `sha256:${"b".repeat(64)}`;
const failed = (id: string, reason: string): AttemptRecord => ({
  ...{ id, update: "fw-2", node: "n1", startedAtMs: 1, by: "ann", bytesByWay: {}, resumes: 0 },
  progress: { state: "failed", digest, rev: 1, reason, changedAtMs: 1 },
});

it("an attempt that was no try takes none with it when it is forgotten", () => {
  const book = new AttemptBook({ capacity: 10 });
  for (const [id, reason] of [
    ["a-1", "no-space"],
    ["a-2", "manager-unreachable"],
    ["a-3", "no-space"],
  ] as const)
    book.add(failed(id, reason), 1);
  expect(book.tries("n1", digest)).toBe(2);
  book.remove("a-2");
  expect(book.tries("n1", digest)).toBe(2);
  book.remove("a-1");
  expect(book.tries("n1", digest)).toBe(1);
});
