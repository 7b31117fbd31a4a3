import { parseArgs } from "node:util";
import { Fault } from "../kernel/fault.ts";
import { EndOfRun } from "../kernel/system/end-of-run.ts";
import { systemClock } from "../kernel/system/system-clock.ts";
import { createSystemLog } from "../kernel/system/system-log.ts";
import { CanHub } from "./adapters/can/can-hub.ts";

const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
const defaultAt = "127.0.0.1:29536";

const help = `Usage: coxswain can-bus [--at PLACE] [--json]

A virtual CAN bus for trying things out: gateway, packs and tools on this machine join it as if it were a cable.
Each connection is a serial-line CAN adapter (slcan) of its own: S6 sets 500 kbit/s, O opens, t and T send.

  --at PLACE  host:port on loopback, or the path of a Unix socket (default ${defaultAt}; port 0 takes a free one)
  --json      say where it is as one JSON object
  --help      show this and end

  coxswain gateway --can tcp://${defaultAt}     joins it, and cxpack --can too
  python3 -m can.viewer -i slcan -c socket://${defaultAt} -b 500000     shows what is on it (python-can)
`;

/** `coxswain can-bus`: runs a virtual CAN bus until it is told to stop. Resolves with the exit code. */
export async function runCanBus(args: readonly string[]): Promise<number> {
  let values: { at?: string; json?: boolean; help?: boolean };
  try {
    const options = {
      at: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    } as const;
    values = parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(". To specify")[0] : String(error);
    console.error(`coxswain: ${reason}; --help lists the flags`);
    return exitCodes.usage;
  }
  if (values.help === true) {
    console.log(help.trimEnd());
    return exitCodes.done;
  }
  const at = placeOf(values.at ?? defaultAt);
  if (at === undefined) {
    console.error(`coxswain: --at ${values.at}: give host:port on loopback, or a path with a slash`);
    return exitCodes.usage;
  }
  const hub = new CanHub({ clock: systemClock, log: createSystemLog({ level: "info", pretty: false }), at });
  const ending = new EndOfRun();
  try {
    await hub.start();
  } catch (error) {
    ending.forget();
    if (!(error instanceof Fault)) throw error;
    const { code, message } = error;
    console.error(values.json === true ? JSON.stringify({ error: { code, message } }) : `coxswain: ${message}`);
    return exitCodes.failed;
  }
  const address = hub.address();
  console.log(
    values.json === true
      ? JSON.stringify({ ready: true, at: address })
      : `The virtual CAN bus is at ${address}. Join it with \`coxswain gateway --can ${address}\`; Ctrl-C ends it.`,
  );
  await ending.next();
  ending.forget();
  await hub.stop();
  return exitCodes.done;
}

/** Only this machine may join: who joins may say anything to the packs. */
function placeOf(text: string): { host: string; port: number } | { path: string } | undefined {
  if (text.includes("/")) return { path: text };
  const match = /^(127\.[0-9.]+|localhost|\[::1\]):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port > 65_535) return undefined;
  return { host: match[1]!.replace(/[[\]]/g, ""), port };
}
