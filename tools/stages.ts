import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { platformioTotals, type Totals, vitestTotals } from "./test-report.ts";

/** One command of a run. `counts` names the report from which its tests are counted; without it the command is one test. */
export interface Stage {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly counts?: "vitest" | "platformio";
  /** Beside what this process has. */
  readonly environment?: Readonly<Record<string, string>>;
}

const reportFile = ".setup/report.json";

/** Runs all stages, also after one failed, so that a run shows everything that is wrong. */
export async function runStages(stages: readonly Stage[]): Promise<Totals> {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const stage of stages) {
    const started = performance.now();
    console.log(`\n== ${stage.name}`);
    const isGood = await runStage(stage);
    const counted = countTests(stage);
    // A report without a failure doesn't excuse a command that failed, nor does one that can't be read.
    if (!isGood && counted.failed === 0) {
      counted.failed = 1;
      counted.failures.push(
        `${stage.name}: \`${stage.command.join(" ")}\` failed, though no test did; its output is above`,
      );
    }
    totals.passed += counted.passed;
    totals.failed += counted.failed;
    totals.skipped += counted.skipped;
    totals.failures.push(...counted.failures);
    console.log(
      `== ${stage.name}: ${isGood ? "passed" : "FAILED"} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
    );
  }
  return totals;
}

/** The failures stand at the very end: of a long log that is the part which is kept and read. */
export function printTotals({ passed, failed, skipped, failures }: Totals): void {
  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((failure) => `  ${failure}`).join("\n")}`);
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
    ...stage.environment,
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
  if (stage.counts === undefined) return { passed: 1, failed: 0, skipped: 0, failures: [] };
  try {
    return (stage.counts === "vitest" ? vitestTotals : platformioTotals)(readFileSync(reportFile, "utf8"));
  } catch (error) {
    const failures = [`${stage.name}: its report can't be read: ${error instanceof Error ? error.message : error}`];
    return { passed: 0, failed: 1, skipped: 0, failures };
  }
}
