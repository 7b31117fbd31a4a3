/** What one test program's JSON report says: how many tests passed, and of each that did not where, what and why. */
export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  /** One entry per failure: where and what, then the beginning of its error. */
  readonly failures: string[];
}

/** What is read of a file, suite or test of either report. */
type Json = Partial<Record<JsonKey, unknown>>;
type JsonKey =
  | ("numPassedTests" | "numFailedTests" | "numPendingTests" | "numTodoTests" | "testResults" | "assertionResults")
  | ("testcase_nums" | "error_nums" | "failure_nums" | "skipped_nums" | "test_suites" | "test_cases" | "test_name")
  | ("name" | "fullName" | "status" | "failureMessages" | "message" | "stdout");

/** Characters kept of an error: its message and the first lines of its stack or difference. */
const errorLimit = 800;

/** Of vitest's JSON report. A file that can't be loaded has no test in it and is one failure. Throws on what is no such report. */
export function vitestTotals(text: string): Totals {
  const report = JSON.parse(text) as Json;
  const totals: Totals = {
    passed: number(report, "numPassedTests"),
    failed: number(report, "numFailedTests"),
    skipped: number(report, "numPendingTests") + number(report, "numTodoTests"),
    failures: [],
  };
  for (const file of list(report, "testResults")) {
    const failed = list(file, "assertionResults").filter((test) => test.status === "failed");
    for (const test of failed) {
      const [error] = Array.isArray(test.failureMessages) ? test.failureMessages : [];
      totals.failures.push(failure(`${file.name} > ${test.fullName}`, error));
    }
    if (file.status !== "failed" || failed.length > 0) continue;
    totals.failed += 1;
    totals.failures.push(failure(String(file.name), file.message));
  }
  return totals;
}

/** Of PlatformIO's JSON report. A suite that can't be built or dies has no failed case and is one failure. */
export function platformioTotals(text: string): Totals {
  const report = JSON.parse(text) as Json;
  const failed = number(report, "failure_nums") + number(report, "error_nums");
  const skipped = number(report, "skipped_nums");
  const totals: Totals = { passed: number(report, "testcase_nums") - failed - skipped, failed, skipped, failures: [] };
  for (const suite of list(report, "test_suites")) {
    const cases = list(suite, "test_cases").filter((test) => isBad(test.status));
    for (const test of cases)
      totals.failures.push(failure(`${suite.test_name} > ${test.name}`, test.message ?? test.stdout));
    if (!isBad(suite.status) || cases.length > 0) continue;
    totals.failed = Math.max(totals.failed, totals.failures.length + 1);
    totals.failures.push(failure(String(suite.test_name), "the suite could not be built or run; its output is above"));
  }
  return totals;
}

function isBad(status: unknown): boolean {
  return status === "FAILED" || status === "ERRORED";
}

function failure(where: string, error: unknown): string {
  const text = typeof error === "string" && error !== "" ? error : "no error kept";
  return `${where}\n    ${text.slice(0, errorLimit).trimEnd().replaceAll("\n", "\n    ")}`;
}

function number(report: Json, key: JsonKey): number {
  const value = report[key];
  if (typeof value !== "number") throw new Error(`the report has no ${key}`);
  return value;
}

function list(report: Json, key: JsonKey): Json[] {
  const value = report[key];
  return Array.isArray(value) ? (value as Json[]) : [];
}
