/**
 * `npm run demo`: the main job of Coxswain, live, with real programs: one manager with its broker, five nodes, and an operator's
 * command line. `--site` plays a household instead: three packs on CAN, their gateway, a phone. `--exit` ends after the cycle,
 * with exit code 0 only if every step was observed.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { playMainJob } from "./main-job.ts";
import { playSite } from "./site-job.ts";

const usage = `usage: npm run demo [-- --site] [--exit] [--folder DIR]

Plays the main job with a manager and five nodes on this machine, then stays up with a page to look at.
  --site        a household instead: three battery packs on a CAN bus, each with a BMS on a serial line, their
                gateway, a phone, and a day of sun; it takes two and a half minutes
  --exit        end after the cycle; the last line is one JSON object of what the manager saw, the exit code 0
                only if all of it was seen
  --folder DIR  keep state and logs here (default: a temporary folder, removed at the end when all went well)`;

const exitCodes = { complete: 0, incomplete: 1, interrupted: 130 } as const;

async function main(): Promise<number> {
  let options: { exit?: boolean | undefined; folder?: string | undefined; help?: boolean | undefined; site?: boolean };
  try {
    options = parseArgs({
      options: {
        exit: { type: "boolean" },
        folder: { type: "string" },
        help: { type: "boolean" },
        site: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return 2;
  }
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), "coxswain-demo-"));
  mkdirSync(folder, { recursive: true });
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupted.abort());
  const play = options.site === true ? playSite : playMainJob;
  const outcome = await play({ folder, isEnding: options.exit === true, signal: interrupted.signal });
  if (outcome === "incomplete") console.error(`State and logs are kept in ${folder}`);
  else if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  return exitCodes[outcome];
}

process.exitCode = await main();
