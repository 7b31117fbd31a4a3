/** `npm test`: the check, then the firmware's suites and every test that starts programs. */
import { checkStages } from "./check.ts";
import { printTotals, runStages, type Stage } from "./stages.ts";

const testStages: readonly Stage[] = [
  ...checkStages,
  { name: "firmware suites", command: [".venv/bin/pio", "test", "-e", "native"], counts: "platformio" },
  { name: "system tests", command: ["vitest", "run", "--project", "system"], counts: "vitest" },
];

const totals = await runStages(testStages);
printTotals(totals);
process.exitCode = totals.failed === 0 ? 0 : 1;
