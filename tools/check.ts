/** `npm run check`: everything that needs no other process, in under a minute: what CI runs first and what runs before a commit. */
import { printTotals, runStages, type Stage } from "./stages.ts";

export const checkStages: readonly Stage[] = [
  { name: "format and lint", command: ["biome", "check", "--error-on-warnings", "."] },
  { name: "types", command: ["tsc", "--noEmit", "-p", "."] },
  { name: "types of the household's app", command: ["tsc", "--noEmit", "-p", "gateway/app-web"] },
  {
    name: "unit tests, boundaries, generated files",
    command: ["vitest", "run", "--project", "unit"],
    counts: "vitest",
  },
];

if (import.meta.main) {
  const totals = await runStages(checkStages);
  printTotals(totals);
  process.exitCode = totals.failed === 0 ? 0 : 1;
}
