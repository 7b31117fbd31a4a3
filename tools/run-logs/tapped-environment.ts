import { runLogsVariable } from "./run-log-folder.ts";

/** What makes every Node program that is started with it, and those that it starts, leave its log and its secrets in the folder. */
export function tappedEnvironment(folder: string): Readonly<Record<string, string>> {
  const options = process.env["NODE_OPTIONS"] ?? "";
  const asked = `--import=${new URL("tap.mjs", import.meta.url).href}`;
  return {
    [runLogsVariable]: folder,
    NODE_OPTIONS: options.includes(asked) ? options : `${options} ${asked}`.trim(),
  };
}
