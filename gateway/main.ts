import { runGateway } from "./run-gateway.ts";

/** `coxswain gateway`. The composition is in `start-gateway.ts`. */
export { runGateway };

if (import.meta.main) process.exitCode = await runGateway(process.argv.slice(2));
