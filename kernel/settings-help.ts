import { type NamedSetting, namedSettings, type SettingEntry, type SettingsDescription } from "./settings-entry.ts";
import type { SettingSource } from "./settings-load.ts";

/** What stands for the value after a flag; a flag that is only on or off has none. */
export function valueShape(entry: SettingEntry): string | undefined {
  switch (entry.kind) {
    case "flag":
      return undefined;
    case "integer":
      return entry.unit === "port"
        ? "PORT"
        : entry.unit === "seconds"
          ? "SECONDS"
          : entry.unit === "bytes"
            ? "BYTES"
            : "N";
    case "choice":
      return entry.choices.join("|");
    case "text":
      return entry.shape;
  }
}

/** Help of one setting with its range, default and variable, for `--help`. */
export function helpText({ entry, variable }: NamedSetting): string {
  const range = entry.kind === "integer" ? ` From ${entry.min} to ${entry.max}.` : "";
  return `${entry.help}${range} (${variable}, default ${defaultText(entry)})`;
}

/** What a reference page of settings says around its table. */
export interface SettingsPage {
  readonly title: string;
  /** Where the description stands. */
  readonly source: string;
  readonly intro: readonly string[];
  /** How the program's variables begin; default the manager's. */
  readonly prefix?: string;
}

/** The reference page of a program's settings: one table, in the description's order. */
export function settingsPage(description: SettingsDescription, { title, source, intro, prefix }: SettingsPage): string {
  const rows = namedSettings(description, prefix).map(({ name, variable, flag, entry }) => {
    const range = entry.kind === "integer" ? ` From ${entry.min} to ${entry.max}.` : "";
    const choices = entry.kind === "choice" ? ` One of ${entry.choices.map((each) => `\`${each}\``).join(", ")}.` : "";
    const flagged = entry.isSecret === true ? "" : `\`${flag}\`<br>`;
    return `| \`${name}\` | ${flagged}\`${variable}\` | ${defaultText(entry)} | ${entry.help}${range}${choices} |`;
  });
  return [
    `# ${title}`,
    "",
    `<!-- Rendered from ${source} by a test; change it there. -->`,
    "",
    ...intro,
    "",
    "| setting | flag, variable | default | what it does |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

/** The values in force with their sources, for `--print-settings`; a secret shows only whether it is set. */
export function settingsInForce(
  description: SettingsDescription,
  settings: unknown,
  sources: ReadonlyMap<string, SettingSource>,
): { name: string; value: string | number | boolean; source: SettingSource }[] {
  return namedSettings(description).map(({ name, entry }) => {
    const value = name.split(".").reduce<unknown>((at, key) => (at as Record<string, unknown>)[key], settings);
    const shown = entry.isSecret ? (value === "" ? "" : "(secret)") : (value as string | number | boolean);
    return { name, value: shown, source: sources.get(name) ?? "default" };
  });
}

function defaultText(entry: SettingEntry): string {
  if (entry.default === "") return "empty";
  return entry.kind === "integer" && entry.unit && entry.unit !== "port"
    ? `${entry.default} ${entry.unit}`
    : `${entry.default}`;
}
