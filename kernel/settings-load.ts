import {
  gatewayPrefix,
  managerPrefix,
  type NamedSetting,
  namedSettings,
  type SettingEntry,
  type SettingsDescription,
  type SettingsOf,
} from "./settings-entry.ts";

/** Where a value came from; later sources win over earlier ones. */
export type SettingSource = "default" | "file" | "environment" | "flag";

export interface SettingProblem {
  readonly code:
    | "unknown-setting"
    | "wrong-type"
    | "out-of-range"
    | "broken-rule"
    | "unreadable-file"
    | "conflict"
    | "shown-secret";
  /** Says where, what is wrong and what to do; never the value of a secret. */
  readonly message: string;
}

export interface SettingsInput {
  /** The settings file, already read. */
  readonly file?: { readonly path: string; readonly text: string };
  /** Usually `process.env`. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Values of flags by setting name (`coap.port`), as text or as a boolean. */
  readonly flags: ReadonlyMap<string, string | boolean>;
  /** Whose settings they are; default the manager's. */
  readonly program?: ProgramNames;
}

/** How a program is called where people read it, and how its variables begin. */
export interface ProgramNames {
  readonly command: string;
  readonly prefix: string;
}

export const managerNames: ProgramNames = { command: "coxswain start", prefix: managerPrefix };
export const gatewayNames: ProgramNames = { command: "coxswain gateway", prefix: gatewayPrefix };

export type LoadedSettings<D> =
  | { readonly ok: true; readonly settings: SettingsOf<D>; readonly sources: ReadonlyMap<string, SettingSource> }
  | { readonly ok: false; readonly problems: readonly SettingProblem[] };

/** Variables with our prefix that are no settings: the command line reads them itself. */
const otherVariables = new Set([
  "COXSWAIN_URL",
  "COXSWAIN_CONFIG",
  "COXSWAIN_TOKEN",
  "COXSWAIN_CA",
  "COXSWAIN_FINGERPRINT",
  "COXSWAIN_GATEWAY_CONFIG",
]);

/**
 * Reads settings from defaults, file, environment and flags. All problems are collected, so that a person mends a file once
 * and not once per mistake.
 */
export function loadSettings<D extends SettingsDescription>(description: D, input: SettingsInput): LoadedSettings<D> {
  const problems: SettingProblem[] = [];
  const { command, prefix } = input.program ?? managerNames;
  const known = namedSettings(description, prefix);
  const fileValues =
    input.file === undefined ? new Map<string, unknown>() : readFile(input.file, known, command, problems);
  for (const variable of unknownVariables(known, input.environment, prefix)) {
    problems.push(
      unknown(
        `environment variable ${variable}`,
        variable,
        known.map((each) => each.variable),
        command,
      ),
    );
  }

  const values = new Map<string, string | number | boolean>();
  const sources = new Map<string, SettingSource>();
  for (const setting of known) {
    const candidate = pick(setting, input, fileValues);
    const checked = check(setting.entry, candidate.value, candidate.place);
    if (checked.ok) values.set(setting.name, checked.value);
    else problems.push(checked.problem);
    sources.set(setting.name, candidate.source);
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, settings: nest(values) as SettingsOf<D>, sources };
}

function pick(
  setting: NamedSetting,
  input: SettingsInput,
  fileValues: ReadonlyMap<string, unknown>,
): { source: SettingSource; place: string; value: unknown } {
  const flag = input.flags.get(setting.name);
  if (flag !== undefined) return { source: "flag", place: `flag ${setting.flag}`, value: flag };
  const variable = input.environment[setting.variable];
  if (variable !== undefined && variable !== "") {
    return { source: "environment", place: `environment variable ${setting.variable}`, value: variable };
  }
  if (fileValues.has(setting.name)) {
    const place = `settings file ${input.file?.path}, ${setting.name}`;
    return { source: "file", place, value: fileValues.get(setting.name) };
  }
  return { source: "default", place: `default of ${setting.name}`, value: setting.entry.default };
}

type Checked = { ok: true; value: string | number | boolean } | { ok: false; problem: SettingProblem };

function check(entry: SettingEntry, value: unknown, place: string): Checked {
  const wrong = (code: SettingProblem["code"], needed: string): Checked => {
    const shown = entry.isSecret ? "the value (not shown, it is secret)" : JSON.stringify(value).slice(0, 80);
    return { ok: false, problem: { code, message: `${place}: ${shown} is not ${needed}` } };
  };
  switch (entry.kind) {
    case "flag": {
      const read = value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value;
      return typeof read === "boolean" ? { ok: true, value: read } : wrong("wrong-type", "true or false");
    }
    case "integer": {
      const needed = `a whole number from ${entry.min} to ${entry.max}${entry.unit ? ` (${entry.unit})` : ""}`;
      const read = typeof value === "string" && /^-?\d{1,16}$/.test(value) ? Number(value) : value;
      if (typeof read !== "number" || !Number.isSafeInteger(read)) return wrong("wrong-type", needed);
      return read < entry.min || read > entry.max ? wrong("out-of-range", needed) : { ok: true, value: read };
    }
    case "choice":
      return typeof value === "string" && entry.choices.includes(value)
        ? { ok: true, value }
        : wrong("broken-rule", `one of ${entry.choices.join(", ")}`);
    case "text": {
      if (typeof value !== "string") return wrong("wrong-type", "a text");
      if (value.length > entry.maxLength)
        return wrong("out-of-range", `a text of at most ${entry.maxLength} characters`);
      if (entry.rule && !entry.rule.pattern.test(value)) return wrong("broken-rule", entry.rule.words);
      return { ok: true, value };
    }
  }
}

/** The file's values by setting name; what the description doesn't know becomes a problem. */
function readFile(
  file: { readonly path: string; readonly text: string },
  known: readonly NamedSetting[],
  command: string,
  problems: SettingProblem[],
): Map<string, unknown> {
  const found = new Map<string, unknown>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(file.text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({ code: "unreadable-file", message: `settings file ${file.path}: not JSON: ${reason}` });
    return found;
  }
  if (!isObject(parsed)) {
    problems.push({ code: "wrong-type", message: `settings file ${file.path}: must hold one JSON object` });
    return found;
  }
  const names = known.map((each) => each.name);
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "$schema") continue;
    const isGroup = names.some((each) => each.startsWith(`${name}.`));
    const inner = isGroup && isObject(value) ? Object.entries(value) : undefined;
    const pairs = inner ? inner.map(([key, each]) => [`${name}.${key}`, each] as const) : [[name, value] as const];
    for (const [full, each] of pairs) {
      if (names.includes(full)) found.set(full, each);
      else problems.push(unknown(`settings file ${file.path}, ${full}`, full, names, command));
    }
  }
  return found;
}

function unknownVariables(
  known: readonly NamedSetting[],
  environment: SettingsInput["environment"],
  prefix: string,
): string[] {
  const variables = new Set(known.map((each) => each.variable));
  const isOthers = (name: string): boolean =>
    otherVariables.has(name) || (prefix === managerPrefix && name.startsWith(`${gatewayPrefix}_`));
  return Object.keys(environment).filter(
    (name) => name.startsWith(`${prefix}_`) && !variables.has(name) && !isOthers(name),
  );
}

function unknown(place: string, name: string, names: readonly string[], command: string): SettingProblem {
  const nearest = closest(name, names);
  const hint = nearest === undefined ? `\`${command} --help\` lists them` : `did you mean ${nearest}?`;
  return { code: "unknown-setting", message: `${place}: there is no such setting; ${hint}` };
}

/** The name with the smallest edit distance, if it is near enough to be a slip of the fingers. */
function closest(name: string, names: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (best === undefined || distance < best.distance) best = { name: candidate, distance };
  }
  return best && best.distance <= Math.max(2, Math.floor(name.length / 4)) ? best.name : undefined;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1;
      current.push(
        Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, (previous[column - 1] ?? 0) + change),
      );
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}

function nest(values: ReadonlyMap<string, string | number | boolean>): unknown {
  const result: Record<string, unknown> = {};
  for (const [name, value] of values) {
    const [group, inner] = name.split(".") as [string, string | undefined];
    if (inner === undefined) result[group] = value;
    else result[group] = { ...(isObject(result[group]) ? result[group] : {}), [inner]: value };
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
