import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faultsOfThreat, type ThreatRow, threatRows } from "./threat-table.ts";

const read = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, "utf8") : undefined);

describe("the page on security", () => {
  const { rows, broken } = threatRows(read("docs/security.md")!);

  it("names for each threat what stops it, and tests that are there", () => {
    expect(broken).toEqual([]);
    expect(rows.length).toBeGreaterThan(40);
    expect(rows.flatMap((row) => faultsOfThreat(row, read))).toEqual([]);
  });

  it("has threats of every letter of STRIDE", () => {
    expect(new Set(rows.map(({ threat }) => threat.charAt(0)))).toEqual(new Set("STRIDE"));
  });
});

describe("the reader of its table", () => {
  const text =
    'test("is refused", () => {});\nit.skip("is skipped", () => {});\nit(`dies three times`);\nconst x = "no test";';
  const files: Record<string, string> = { "test/a.test.ts": text, "manager/a.ts": text };
  const good: ThreatRow = { line: 7, threat: "S: a thief", defence: "a lock", tests: "`test/a.test.ts` › is refused" };
  const faults = (change: Partial<ThreatRow>): number =>
    faultsOfThreat({ ...good, ...change }, (path) => files[path]).length;

  it("takes a good row and finds each way in which one can be wrong", () => {
    expect(faults({})).toBe(0);
    expect(faults({ tests: "`test/a.test.ts` › is refused<br>`test/a.test.ts` › dies …" })).toBe(0);
    for (const tests of ["", "`test/a.test.ts`", "`test/b.test.ts` › is refused", "`manager/a.ts` › is refused"]) {
      expect(faults({ tests }), tests).toBe(1);
    }
    for (const title of ["is", "is skipped", "no test", "lives …"]) {
      expect(faults({ tests: `\`test/a.test.ts\` › ${title}` }), title).toBe(1);
    }
    expect(faults({ threat: "a thief" })).toBe(1);
    expect(faults({ defence: "" })).toBe(1);
    expect(threatRows("## Threats\n| a | b |").broken).toHaveLength(1);
  });
});
