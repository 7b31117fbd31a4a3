import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";

/** One command of a run. `counts` names the report from which its tests are counted; without it the command is one test. */
export interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly counts?: "vitest" | "platformio";
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const reportFile = ".setup/report.json";

/** Runs all stages, also after one failed, so that a run shows everything that is wrong. */
export async function runStages(stages: readonly Stage[]): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const stage of stages) {
    const started = performance.now();
    console.log(`\n== ${stage.name}`);
    const isGood = await runStage(stage);
    const counted = countTests(stage);
    // A report without a failure doesn't excuse a command that failed, nor does one that can't be read.
    if (!isGood && counted.failed === 0) counted.failed = 1;
    totals.passed += counted.passed;
    totals.failed += counted.failed;
    totals.skipped += counted.skipped;
    console.log(
      `== ${stage.name}: ${isGood ? "passed" : "FAILED"} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
  }
  return totals;
}

export function printTotals({ passed, failed, skipped }: Totals): void {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
}

function runStage(stage: Stage): Promise<boolean> {
  mkdirSync(".setup", { recursive: true });
  rmSync(reportFile, { force: true });
  const [program, ...args] = stage.command;
  if (stage.counts === "vitest") {
    const reporters = ["default", "json", "./tools/retried-tests.ts"];
    args.push(...reporters.map((name) => `--reporter=${name}`), `--outputFile.json=${reportFile}`);
  }
  if (stage.counts === "platformio") args.push("--json-output-path", reportFile);
  const env = {
    ...process.env,
    // PlatformIO empties a build folder whose options changed, and tests are built with others than the programs.
    PLATFORMIO_BUILD_DIR: ".pio/test",
    PLATFORMIO_DISABLE_UPGRADE_CHECK: "true",
    PLATFORMIO_SETTING_CHECK_PRUNE_SYSTEM_THRESHOLD: "0",
    PLATFORMIO_SETTING_ENABLE_TELEMETRY: "no",
  };
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"], env });
    child.on("error", (error) => {
      console.error(`${program} can't be run: ${error.message}`);
      resolve(false);
    });
    child.on("exit", (code) => resolve(code === 0));
  });
}

function countTests(stage: Stage): Totals {
  if (stage.counts === undefined) return { passed: 1, failed: 0, skipped: 0 };
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  let report: Record<string, unknown>;
  try {
    report = JSON.parse(readFileSync(reportFile, "utf8")) as Record<string, unknown>;
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const number = (key: string): number => (typeof report[key] === "number" ? report[key] : 0);
  if (stage.counts === "vitest") {
    totals.passed = number("numPassedTests");
    totals.failed = number("numFailedTests");
    totals.skipped = number("numPendingTests") + number("numTodoTests");
  } else {
    totals.failed = number("failure_nums") + number("error_nums");
    totals.skipped = number("skipped_nums");
    totals.passed = number("testcase_nums") - totals.failed - totals.skipped;
  }
  return totals;
}
