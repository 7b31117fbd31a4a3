import type { Reporter, TestCase } from "vitest/node";

/**
 * Names at the end of a run each test that passed only at its second try, with the first try's error: real processes on a
 * busy machine are given that second try, and what needed it is still something to mend.
 */
export default class RetriedTests implements Reporter {
  readonly #lines: string[] = [];

  onTestCaseResult(test: TestCase): void {
    if (test.diagnostic()?.flaky !== true) return;
    const [first] = test.result().errors ?? [];
    this.#lines.push(`${test.module.relativeModuleId} > ${test.fullName}: ${first?.message ?? "no error kept"}`);
  }

  onTestRunEnd(): void {
    if (this.#lines.length === 0) return;
    console.log(`\n${this.#lines.length} passed only at the second try:`);
    for (const line of this.#lines) console.log(`  ${line}`);
  }
}
