import { runManager } from "./run-manager.ts";

/** `npm start` and `coxswain start`. The composition is in `start-manager.ts`. */
export { runManager };

if (import.meta.main) process.exitCode = await runManager(process.argv.slice(2));
