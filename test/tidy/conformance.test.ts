import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type ConformanceRow, conformanceRows, faultsOf, faultsOfAll } from "./conformance-table.ts";

const page = "coap/CONFORMANCE.md";
const rfcs = [7252, 7641, 7959, 8132, 8323, 8516, 8613, 8768, 9175, 9176, 9177, 6690, 7967];
const read = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

describe("the page of conformance", () => {
  const { rows, sections, broken } = conformanceRows(read(page)!);

  it("has a section with rows for each RFC, in order, and no line that isn't understood", () => {
    expect(sections).toEqual(rfcs);
    expect(broken).toEqual([]);
    // A section without rows would pass for one that asks nothing.
    expect(rfcs.filter((rfc) => !rows.some((row) => row.rfc === rfc))).toEqual([]);
  });

  it("names code and tests that are there, each test by its clause", () => {
    expect(rows.flatMap((row) => faultsOf(row, read))).toEqual([]);
  });

  it("leaves no MUST undone and at most five SHOULDs", () => {
    expect(faultsOfAll(rows)).toEqual([]);
  });
});

describe("the reader of the page", () => {
  const files: Record<string, string> = {
    "coap/a.ts": "export function decode() {}",
    "test/a.test.ts": 'it("RFC 7252 4.2, 4.5: is kept", () => {});\nit.skip("RFC 7252 4.3: is skipped", () => {});',
  };
  const good: ConformanceRow = {
    rfc: 7252,
    line: 7,
    clause: "4.5",
    requirement: "keep it",
    level: "MUST",
    code: "coap/a.ts decode",
    test: "test/a.test.ts › RFC 7252 4.2, 4.5: is kept",
  };
  const faults = (change: Partial<ConformanceRow>): string[] => faultsOf({ ...good, ...change }, (path) => files[path]);

  it("takes a good row and finds each way in which one can be wrong", () => {
    expect(faults({})).toEqual([]);
    expect(faults({ code: "coap/b.ts" })).toEqual(["line 7: coap/b.ts isn't there"]);
    expect(faults({ code: "coap/a.ts encode" })).toEqual(["line 7: coap/a.ts has no encode"]);
    expect(faults({ test: "test/b.test.ts › RFC 7252 4.5: x" })).toEqual(["line 7: test/b.test.ts isn't there"]);
    expect(faults({ test: "test/a.test.ts › RFC 7252 4.5: x" })).toEqual(["line 7: no test is called RFC 7252 4.5: x"]);
    expect(faults({ clause: "4.3" })).toEqual(["line 7: the title doesn't name RFC 7252 4.3"]);
    expect(faults({ rfc: 7641 })).toEqual(["line 7: the title doesn't name RFC 7641 4.5"]);
    expect(faults({ clause: "4.3", test: "test/a.test.ts › RFC 7252 4.3: is skipped" })).toHaveLength(1);
    expect(faults({ level: "OUGHT" })).toEqual(["line 7: OUGHT is no level"]);
    expect(faults({ test: "" })).toHaveLength(1);
    expect(faults({ code: "-" })).toHaveLength(1);
    expect(faults({ requirement: "" })).toHaveLength(1);
    expect(faults({ code: "-", test: "n/a: for TCP alone" })).toEqual([]);
    expect(faults({ code: "-", test: "n/a:" })).toHaveLength(1);
  });

  it("counts what is not done", () => {
    const undone: ConformanceRow = { ...good, level: "SHOULD", test: "not done: nobody asked" };
    expect(faultsOfAll([undone, undone, undone, undone, undone])).toEqual([]);
    expect(faultsOfAll([undone, undone, undone, undone, undone, undone])).toHaveLength(1);
    expect(faultsOfAll([{ ...undone, level: "MUST NOT" }])).toEqual(["line 7: MUST NOT of RFC 7252 4.5 is not done"]);
  });

  it("tells a line of a table that it doesn't understand", () => {
    const text =
      "## RFC 7252\n\n| clause | requirement | level | code | test |\n|---|---|---|---|---|\n| 4.2 | x | MUST |\n";
    expect(conformanceRows(text)).toMatchObject({ rows: [], sections: [7252], broken: ["line 5: not five cells"] });
  });
});
