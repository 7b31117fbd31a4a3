import { expect, test } from "vitest";
import { byteRange } from "./byte-range.ts";

test.each([
  [undefined, "whole"],
  ["", "whole"],
  ["bytes=-", "whole"],
  ["bytes=5", "whole"],
  ["bytes=9-2", "whole"],
  ["bytes=0-1,4-5", "whole"],
  ["items=0-1", "whole"],
  ["bytes=99999999999999999-", "whole"],
  ["bytes=10-", "unsatisfiable"],
  ["bytes=10-12", "unsatisfiable"],
  ["bytes=-0", "unsatisfiable"],
  ["bytes=0-0", { start: 0, end: 1 }],
  ["bytes=3-", { start: 3, end: 10 }],
  ["Bytes= 3-5 ", { start: 3, end: 6 }],
  ["bytes=9-100", { start: 9, end: 10 }],
  ["bytes=-4", { start: 6, end: 10 }],
  ["bytes=-40", { start: 0, end: 10 }],
])("of 10 bytes, Range %s is %o", (header, expected) => {
  expect(byteRange(header, 10)).toEqual(expected);
});

test("nothing of an empty representation can be asked for", () => {
  expect(byteRange("bytes=0-", 0)).toBe("unsatisfiable");
  expect(byteRange("bytes=-1", 0)).toBe("unsatisfiable");
});
