import { namedSettings } from "../kernel/settings-entry.ts";
import { programHelp, readProgramFlags, type StartRequest } from "../kernel/system/program-flags.ts";
import { settingsDescription } from "./settings.ts";

const named = namedSettings(settingsDescription);

/** Reads the arguments after the program's name. */
export function readStartFlags(args: readonly string[]): StartRequest {
  return readProgramFlags(args, named);
}

/** The help of `coxswain start` and of the manager itself. */
export function startHelp(): string {
  const own: readonly (readonly [string, string])[] = [
    ["--config FILE", "Settings file. (COXSWAIN_CONFIG, default coxswain.json in the working folder, if there is one)"],
    ["--print-settings", "Show the settings in force and where each comes from, and end."],
    ["--json", "Say that the manager is ready, and where, as one JSON object."],
    ["--version", "Show the version and end."],
    ["--help", "Show this and end."],
  ];
  return programHelp({
    usage: "usage: coxswain start [flags]",
    about: [
      "Starts the manager: CoAP for nodes, an MQTT broker for their telemetry, and HTTP for operators, artifacts and the console.",
    ],
    named,
    own,
  });
}
