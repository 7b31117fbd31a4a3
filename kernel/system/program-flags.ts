import { parseArgs } from "node:util";
import type { NamedSetting } from "../settings-entry.ts";
import { helpText, valueShape } from "../settings-help.ts";
import type { SettingProblem } from "../settings-load.ts";

/** What the command line of a program with settings asks for. */
export type StartRequest = { readonly kind: "help" } | { readonly kind: "version" } | WrongFlags | AskedToStart;

export interface WrongFlags {
  readonly kind: "wrong";
  readonly problems: readonly SettingProblem[];
}
export interface AskedToStart {
  readonly kind: "start" | "print-settings";
  /** Values by setting name. */
  readonly flags: ReadonlyMap<string, string | boolean>;
  /** The settings file that was named. */
  readonly config: string | undefined;
  /** The ready line is one JSON object. */
  readonly isJson: boolean;
}

/** Reads the arguments after the program's name. Every setting has a flag; one that is on by default is switched off by `--no-...`. */
export function readProgramFlags(args: readonly string[], named: readonly NamedSetting[]): StartRequest {
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
    version: { type: "boolean" },
    json: { type: "boolean" },
    "print-settings": { type: "boolean" },
    config: { type: "string" },
  };
  for (const { flag, entry } of named) options[flag.slice(2)] = { type: entry.kind === "flag" ? "boolean" : "string" };
  let values: Record<string, unknown>;
  try {
    values = parseArgs({ args: [...args], options, allowNegative: true, strict: true }).values;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split(". To specify")[0] : String(error);
    return { kind: "wrong", problems: [{ code: "unknown-setting", message: `${reason}; --help lists the flags` }] };
  }
  if (values["help"] === true) return { kind: "help" };
  if (values["version"] === true) return { kind: "version" };
  const flags = new Map<string, string | boolean>();
  const shown = named.filter(({ flag, entry }) => entry.isSecret === true && values[flag.slice(2)] !== undefined);
  if (shown.length > 0) return { kind: "wrong", problems: shown.map(shownSecret) };
  for (const { name, flag } of named) {
    const value = values[flag.slice(2)];
    if (typeof value === "string" || typeof value === "boolean") flags.set(name, value);
  }
  return {
    kind: values["print-settings"] === true ? "print-settings" : "start",
    flags,
    config: typeof values["config"] === "string" ? values["config"] : undefined,
    isJson: values["json"] === true,
  };
}

function shownSecret({ name, variable, flag }: NamedSetting): SettingProblem {
  const message = `${flag}: every user of this machine can read what a program was started with, so this isn't a flag. Set ${variable}, or ${name} in the settings file`;
  return { code: "shown-secret", message };
}

export interface ProgramHelp {
  readonly usage: string;
  /** What it does, a line each. */
  readonly about: readonly string[];
  readonly named: readonly NamedSetting[];
  /** Flags that are no settings. */
  readonly own: readonly (readonly [flag: string, help: string])[];
}

/** The help of a program: its settings and its other flags. */
export function programHelp({ usage, about, named, own }: ProgramHelp): string {
  const settings = named.map((each) => {
    const shape = valueShape(each.entry);
    const isOnByDefault = each.entry.kind === "flag" && each.entry.default;
    const flag = isOnByDefault ? `--no-${each.flag.slice(2)}` : each.flag;
    if (each.entry.isSecret === true) return [`(no flag) ${each.name}`, helpText(each)] as const;
    return [
      shape === undefined ? flag : `${flag} ${shape}`,
      `${isOnByDefault ? "Switches off: " : ""}${helpText(each)}`,
    ] as const;
  });
  return [
    usage,
    "",
    ...about,
    "",
    ...[...settings, ...own].flatMap(([flag, help]) => [`  ${flag}`, ...wrap(help, 96).map((line) => `      ${line}`)]),
    "",
  ].join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1) ?? "";
    if (last !== "" && last.length + word.length + 1 > width) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
