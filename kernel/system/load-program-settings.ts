import { readFileSync } from "node:fs";
import type { SettingsDescription } from "../settings-entry.ts";
import { type LoadedSettings, loadSettings, type ProgramNames } from "../settings-load.ts";
import type { AskedToStart } from "./program-flags.ts";

/**
 * A program's settings from its file, the environment and its flags. The file is what `--config` or the variable `<prefix>_CONFIG` names,
 * else `defaultFile` in the working folder where there is one; one that was named must be readable.
 */
export function loadProgramSettings<D extends SettingsDescription>(
  description: D,
  { config, flags }: Pick<AskedToStart, "config" | "flags">,
  { program, defaultFile }: { readonly program: ProgramNames; readonly defaultFile: string },
): LoadedSettings<D> {
  const named = config ?? process.env[`${program.prefix}_CONFIG`];
  const path = named ?? defaultFile;
  let text: string | undefined;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    if (named !== undefined || code !== "ENOENT") {
      const message = `settings file ${path}: can't be read (${code})`;
      return { ok: false, problems: [{ code: "unreadable-file", message }] };
    }
  }
  const file = text === undefined ? {} : { file: { path, text } };
  return loadSettings(description, { ...file, environment: process.env, flags, program });
}
