import { resolve } from "node:path";
import { Fault } from "../kernel/fault.ts";
import { rootFault } from "../kernel/root-fault.ts";
import { settingsInForce } from "../kernel/settings-help.ts";
import { managerNames, type SettingProblem } from "../kernel/settings-load.ts";
import { EndOfRun } from "../kernel/system/end-of-run.ts";
import { loadProgramSettings } from "../kernel/system/load-program-settings.ts";
import { systemClock } from "../kernel/system/system-clock.ts";
import { systemEntropy } from "../kernel/system/system-entropy.ts";
import { createSystemLog } from "../kernel/system/system-log.ts";
import { dtlsProblem } from "./secure-door.ts";
import { type Settings, settingsDescription } from "./settings.ts";
import { readStartFlags, startHelp } from "./settings-flags.ts";
import { settingConflicts } from "./settings-rules.ts";
import { type RunningManager, startManager } from "./start-manager.ts";
import { managerVersion } from "./version.ts";

const defaultFile = "coxswain.json";
const exitCodes = { done: 0, failed: 1, usage: 2 } as const;

/** The manager as a program: reads its settings, starts, says that it is ready, and stops when it is told to. Resolves with the exit code. */
export async function runManager(args: readonly string[]): Promise<number> {
  const request = readStartFlags(args);
  if (request.kind === "wrong") return refuse(request.problems);
  if (request.kind === "help" || request.kind === "version") {
    return say(request.kind === "help" ? startHelp() : managerVersion);
  }
  const loaded = loadProgramSettings(settingsDescription, request, { program: managerNames, defaultFile });
  if (!loaded.ok) return refuse(loaded.problems);
  const conflicts = settingConflicts(loaded.settings, loaded.sources);
  if (conflicts.length > 0) return refuse(conflicts);
  if (request.kind === "print-settings") {
    const values = settingsInForce(settingsDescription, loaded.settings, loaded.sources);
    const lines = values.map(({ name, value, source }) => `${name.padEnd(24)}${JSON.stringify(value)}  (${source})`);
    return say(request.isJson ? JSON.stringify(values) : lines.join("\n"));
  }
  return await run(loaded.settings, request.isJson);
}

async function run(settings: Settings, isJson: boolean): Promise<number> {
  const isPretty = settings.log.format === "pretty" || (settings.log.format === "auto" && process.stderr.isTTY);
  const log = createSystemLog({ level: settings.log.level, pretty: isPretty });
  const ending = new EndOfRun();
  let current = settings;
  for (;;) {
    let manager: RunningManager;
    try {
      const shutdown = (): void => ending.ask("stop");
      const restart = (): void => ending.ask("restart");
      const parts = { clock: systemClock, entropy: systemEntropy, log };
      manager = await startManager({ settings: current, ...parts, shutdown, restart });
    } catch (error) {
      ending.forget();
      if (!(error instanceof Fault)) throw error;
      const { code, message } = rootFault(error);
      console.error(isJson ? JSON.stringify({ error: { code, message } }) : `coxswain: ${message}`);
      return exitCodes.failed;
    }
    console.log(readyLine(manager, settings, isJson));
    if (manager.signIn !== undefined && !isJson) console.log(signInLines(manager.signIn));
    if (settings.dtls && manager.urls.coaps === undefined) console.error(noDtlsWarning(dtlsProblem() ?? ""));
    if (settings.insecure) console.error(insecureWarning);
    const reload = (): void => manager.reload();
    process.on("SIGHUP", reload);
    const how = await ending.next();
    process.off("SIGHUP", reload);
    const faults = await manager.stop();
    if (how === "stop" || faults.length > 0) {
      ending.forget();
      return faults.length === 0 ? exitCodes.done : exitCodes.failed;
    }
    log.info("manager-restarting");
    current = withPortsOf(manager, settings);
  }
}

/** Nodes know the ports that the system chose, so a restart keeps them. */
function withPortsOf({ urls }: RunningManager, settings: Settings): Settings {
  const port = (url: string): number => Number(new URL(url).port);
  return {
    ...settings,
    coap: { ...settings.coap, port: port(urls.coap) },
    coaps: { ...settings.coaps, ...(urls.coaps === undefined ? {} : { port: port(urls.coaps) }) },
    http: { ...settings.http, port: port(urls.http) },
    mqtt: { ...settings.mqtt, port: port(urls.mqtt) },
    ...(urls.https !== undefined && { https: { port: port(urls.https) } }),
    ...(urls.mqtts !== undefined && { mqtts: { port: port(urls.mqtts) } }),
  };
}

const insecureWarning = [
  "",
  "  *** INSECURE: nobody proves who they are. Nodes are who they say, and whoever sits at this machine is the operator. ***",
  "  *** For trying things out on one machine; never for a fleet.                                                        ***",
  "",
].join("\n");

function noDtlsWarning(reason: string): string {
  return `coxswain: no CoAP over DTLS: the native addon isn't there (${reason}). Build it with \`node coap/native/build.mjs\`, which takes a C compiler, or start with --no-dtls.`;
}

function readyLine({ urls }: RunningManager, settings: Settings, isJson: boolean): string {
  if (isJson) {
    const files = { dataDir: resolve(settings.dataDir) };
    return JSON.stringify({ ready: true, version: managerVersion, isInsecure: settings.insecure, ...urls, ...files });
  }
  const console = settings.insecure
    ? `open ${urls.http}/`
    : `console: ${urls.http}/, sign in with \`coxswain sign-in\``;
  const all = [urls.coap, urls.coaps, urls.mqtt, urls.mqtts, urls.http, urls.https].filter((url) => url !== undefined);
  return `coxswain ${managerVersion} is ready: ${all.join("  ")}  (${console})`;
}

function signInLines({ tokenFile, link }: NonNullable<RunningManager["signIn"]>): string {
  return [
    "",
    "  First start: the admin's token is in this file, for the command line on this machine and for other programs:",
    `      ${tokenFile}`,
    "  This link signs you in to the console, once, within 15 minutes:",
    `      ${link}`,
    "",
  ].join("\n");
}

function say(text: string): number {
  console.log(text);
  return exitCodes.done;
}

function refuse(problems: readonly SettingProblem[]): number {
  for (const { message } of problems) console.error(`coxswain: ${message}`);
  return exitCodes.usage;
}
