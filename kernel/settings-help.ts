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

/** The reference page of the settings: one table, in the description's order. */
export function settingsPage(description: SettingsDescription): string {
  const rows = namedSettings(description).map(({ name, variable, flag, entry }) => {
    const range = entry.kind === "integer" ? ` From ${entry.min} to ${entry.max}.` : "";
    const choices = entry.kind === "choice" ? ` One of ${entry.choices.map((each) => `\`${each}\``).join(", ")}.` : "";
    const flagged = entry.isSecret === true ? "" : `\`${flag}\`<br>`;
    return `| \`${name}\` | ${flagged}\`${variable}\` | ${defaultText(entry)} | ${entry.help}${range}${choices} |`;
  });
  return [
    "# Settings of the manager",
    "",
    "<!-- Rendered from manager/settings.ts by a test; change it there. -->",
    "",
    "A setting comes from its flag, else its environment variable, else the settings file (`--config FILE`, `COXSWAIN_CONFIG`, or",
    "`coxswain.json` in the working folder), else its default. In the file a dot is a group: `coap.port` is",
    '`{"coap": {"port": 5683}}`. A name that doesn\'t exist or a value out of range stops the start with a message that names the place.',
    "`coxswain start --print-settings` shows the values in force and where each came from.",
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
