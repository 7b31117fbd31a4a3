/** `npm test`: the check, then the firmware's suites and every test that starts programs, and at last the search through what all of these logged. */
import { resolve } from "node:path";
import { checkStages } from "./check.ts";
import { RunLogFolder } from "./run-logs/run-log-folder.ts";
import { tappedEnvironment } from "./run-logs/tapped-environment.ts";
import { printTotals, runStages, type Stage } from "./stages.ts";

const runLogs = resolve(".setup/run-logs");

/** A run has several times as many; with fewer the programs kept nothing. */
const least = { logs: 100, secrets: 500 };

const testStages: readonly Stage[] = [
  ...checkStages,
  { name: "firmware suites", command: [".venv/bin/pio", "test", "-e", "native"], counts: "platformio" },
  {
    name: "system tests",
    command: ["vitest", "run", "--project", "system"],
    counts: "vitest",
    environment: tappedEnvironment(runLogs),
  },
  {
    name: "no secret in any log of the system tests",
    command: [process.execPath, "tools/run-logs/search-run-logs.ts", runLogs, `${least.logs}`, `${least.secrets}`],
  },
];

new RunLogFolder(runLogs).empty();
const totals = await runStages(testStages);
printTotals(totals);
process.exitCode = totals.failed === 0 ? 0 : 1;
