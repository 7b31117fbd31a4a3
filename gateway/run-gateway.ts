import { resolve } from "node:path";
import { Fault } from "../kernel/fault.ts";
import { rootFault } from "../kernel/root-fault.ts";
import { gatewayPrefix, namedSettings } from "../kernel/settings-entry.ts";
import { settingsInForce } from "../kernel/settings-help.ts";
import { gatewayNames, type SettingProblem } from "../kernel/settings-load.ts";
import { EndOfRun } from "../kernel/system/end-of-run.ts";
import { loadProgramSettings } from "../kernel/system/load-program-settings.ts";
import { programHelp, readProgramFlags } from "../kernel/system/program-flags.ts";
import { systemClock } from "../kernel/system/system-clock.ts";
import { systemEntropy } from "../kernel/system/system-entropy.ts";
import { createSystemLog } from "../kernel/system/system-log.ts";
import { type GatewaySettings, gatewaySettings } from "./settings.ts";
import { type RunningGateway, startGateway } from "./start-gateway.ts";
import { gatewayVersion } from "./version.ts";

const defaultFile = "gateway.json";
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;
const named = namedSettings(gatewaySettings, gatewayPrefix);

/** The gateway as a program: reads its settings, starts, says that it is ready, and stops when it is told to. Resolves with the exit code. */
export async function runGateway(args: readonly string[]): Promise<number> {
  const request = readProgramFlags(args, named);
  if (request.kind === "wrong") return refuse(request.problems);
  if (request.kind === "help" || request.kind === "version") {
    return say(request.kind === "help" ? gatewayHelp() : gatewayVersion);
  }
  const loaded = loadProgramSettings(gatewaySettings, request, { program: gatewayNames, defaultFile });
  if (!loaded.ok) return refuse(loaded.problems);
  if (request.kind === "print-settings") {
    const values = settingsInForce(gatewaySettings, loaded.settings, loaded.sources);
    const lines = values.map(({ name, value, source }) => `${name.padEnd(24)}${JSON.stringify(value)}  (${source})`);
    return say(request.isJson ? JSON.stringify(values) : lines.join("\n"));
  }
  return await run(loaded.settings, request.isJson);
}

async function run(settings: GatewaySettings, isJson: boolean): Promise<number> {
  const { level, format } = settings.log;
  const pretty = format === "pretty" || (format === "auto" && process.stderr.isTTY);
  const log = createSystemLog({ level, pretty });
  const ending = new EndOfRun();
  for (;;) {
    let gateway: RunningGateway;
    try {
      const end = (why: "restart" | "terminate"): void => ending.ask(why === "restart" ? "restart" : "stop");
      gateway = await startGateway({ settings, clock: systemClock, entropy: systemEntropy, log, end });
    } catch (error) {
      ending.forget();
      if (!(error instanceof Fault)) throw error;
      const { code, message } = rootFault(error);
      console.error(isJson ? JSON.stringify({ error: { code, message } }) : `coxswain: ${message}`);
      return exitCodes.failed;
    }
    console.log(isJson ? readyJson(gateway, settings) : readyText(gateway, settings));
    const how = await ending.next();
    const faults = await gateway.stop();
    if (how === "stop" || faults.length > 0) {
      ending.forget();
      return faults.length === 0 ? exitCodes.done : exitCodes.failed;
    }
    log.info("gateway-restarting");
  }
}

function readyJson({ site, urls, fingerprint, isAppBuilt }: RunningGateway, settings: GatewaySettings): string {
  const dataDir = resolve(settings.dataDir);
  return JSON.stringify({
    ready: true,
    version: gatewayVersion,
    site,
    ...urls,
    can: settings.can,
    fingerprint,
    isAppBuilt,
    dataDir,
  });
}

function readyText({ site, urls, isAppBuilt }: RunningGateway, settings: GatewaySettings): string {
  const isAlone = /^(127\.|localhost$|::1$)/.test(settings.host);
  return [
    `coxswain gateway ${gatewayVersion} is ready for the household ${site}: app ${urls.appTls} (${urls.app}), broker ${urls.mqtt} (${urls.mqtts}), packs on ${settings.can}`,
    ...(isAppBuilt ? [] : ["  The app isn't built here: `npm run setup` builds it, or `node tools/build-app.ts`."]),
    ...(isAlone
      ? ["  Only this machine reaches it; phones and sockets do with --host and an address of the LAN, or 0.0.0.0."]
      : []),
    ...(settings.siteLink === ""
      ? ["  It works for its home alone; `coxswain site link` at a manager joins it with the server broker."]
      : []),
  ].join("\n");
}

/** The help of `coxswain gateway`. */
export function gatewayHelp(): string {
  return programHelp({
    usage: "usage: coxswain gateway [flags]\n       coxswain gateway phone add|list|remove    (its own --help)",
    about: [
      "Starts the gateway of an energy site: packs on CAN, the household's broker and app, and the link to a manager.",
      "Packs, broker and app work without the manager and without the internet.",
    ],
    named,
    own: [
      [
        "--config FILE",
        "Settings file. (COXSWAIN_GATEWAY_CONFIG, default gateway.json in the working folder, if there is one)",
      ],
      ["--print-settings", "Show the settings in force and where each comes from, and end."],
      ["--json", "Say that the gateway is ready, and where, as one JSON object."],
      ["--version", "Show the version and end."],
      ["--help", "Show this and end."],
    ],
  });
}

function say(text: string): number {
  console.log(text);
  return exitCodes.done;
}

function refuse(problems: readonly SettingProblem[]): number {
  for (const { message } of problems) console.error(`coxswain: ${message}`);
  return exitCodes.usage;
}
