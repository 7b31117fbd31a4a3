import { expect, test } from "vitest";
import { platformioTotals, vitestTotals } from "./test-report.ts";

const vitestReport = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 0, testResults: [] };

test("what is no report is refused, so that a run can't pass by it", () => {
  expect(() => vitestTotals("{}")).toThrow("no numPassedTests");
  expect(() => platformioTotals("not JSON")).toThrow();
});

test("a failed vitest test is named with its file and the beginning of its error", () => {
  const failed = {
    status: "failed",
    fullName: "a sum is right",
    failureMessages: [`expected 1\n${"x".repeat(5_000)}`],
  };
  const testResults = [{ name: "a.test.ts", status: "failed", assertionResults: [failed, { status: "passed" }] }];
  const totals = vitestTotals(JSON.stringify({ ...vitestReport, numFailedTests: 1, testResults }));
  expect(totals).toMatchObject({ passed: 3, failed: 1, skipped: 1 });
  expect(totals.failures).toHaveLength(1);
  expect(totals.failures[0]).toContain("a.test.ts > a sum is right\n    expected 1\n");
  expect(totals.failures[0]?.length).toBeLessThan(900);
});

test("a vitest file that can't be loaded is one failure", () => {
  const testResults = [{ name: "b.test.ts", status: "failed", message: "no such module", assertionResults: [] }];
  const totals = vitestTotals(JSON.stringify({ ...vitestReport, testResults }));
  expect(totals.failed).toBe(1);
  expect(totals.failures).toEqual(["b.test.ts\n    no such module"]);
});

const pioReport = { testcase_nums: 4, error_nums: 0, failure_nums: 0, skipped_nums: 0, test_suites: [] };

test("a failed case of a firmware suite is named with its message", () => {
  const cases = [
    { name: "a slot holds", status: "FAILED", message: "1 != 2" },
    { name: "b", status: "PASSED" },
  ];
  const suites = [{ test_name: "test_boot", status: "FAILED", test_cases: cases }];
  const totals = platformioTotals(JSON.stringify({ ...pioReport, failure_nums: 1, test_suites: suites }));
  expect(totals).toMatchObject({ passed: 3, failed: 1, failures: ["test_boot > a slot holds\n    1 != 2"] });
});

test("a firmware suite that can't be built is one failure", () => {
  const suites = [{ test_name: "test_boot", status: "ERRORED", test_cases: [] }];
  const totals = platformioTotals(JSON.stringify({ ...pioReport, test_suites: suites }));
  expect(totals.failed).toBe(1);
  expect(totals.failures[0]).toContain("test_boot\n    the suite could not be built or run");
});
