/** What one setting is. The description is data, so that validation, `--help`, variable names and the docs can't drift apart. */
export type SettingEntry = TextSetting | IntegerSetting | FlagSetting | ChoiceSetting;

interface Described {
  /** One sentence for people; the unit and the default are added by whoever prints it. */
  readonly help: string;
  /** Its value never appears in output, logs or error texts. */
  readonly isSecret?: true;
}
export interface TextSetting extends Described {
  readonly kind: "text";
  readonly default: string;
  /** What stands for the value in `--help`. */
  readonly shape: string;
  readonly maxLength: number;
  /** What a value must match, and the same as words. */
  readonly rule?: { readonly pattern: RegExp; readonly words: string };
}
export interface IntegerSetting extends Described {
  readonly kind: "integer";
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit?: "seconds" | "bytes" | "port";
}
export interface FlagSetting extends Described {
  readonly kind: "flag";
  readonly default: boolean;
}
export interface ChoiceSetting extends Described {
  readonly kind: "choice";
  readonly default: string;
  readonly choices: readonly string[];
}

/** Settings by name; one level of groups, as in the settings file. */
export interface SettingsDescription {
  readonly [name: string]: SettingEntry | { readonly [name: string]: SettingEntry };
}

type ValueOf<E> = E extends IntegerSetting
  ? number
  : E extends FlagSetting
    ? boolean
    : E extends { kind: "choice"; choices: readonly (infer C)[] }
      ? C
      : string;

/** The values a description describes. */
export type SettingsOf<D> = {
  readonly [K in keyof D]: D[K] extends SettingEntry ? ValueOf<D[K]> : { readonly [G in keyof D[K]]: ValueOf<D[K][G]> };
};

/** One setting with the names it has in each source. */
export interface NamedSetting {
  /** As in the settings file: `coap.port` is `port` of the group `coap`. */
  readonly name: string;
  /** `COXSWAIN_COAP_PORT` */
  readonly variable: string;
  /** `--coap-port`. That of a secret is refused: every user of the machine can read command lines. */
  readonly flag: string;
  readonly entry: SettingEntry;
}

/** Every setting of a description, in its order. Each program has variables of its own by their first words. */
export function namedSettings(description: SettingsDescription, prefix = managerPrefix): NamedSetting[] {
  return Object.entries(description).flatMap(([name, value]) =>
    isEntry(value)
      ? [named(name, value, prefix)]
      : Object.entries(value).map(([inner, entry]) => named(`${name}.${inner}`, entry, prefix)),
  );
}

/** The manager's variables begin so, the gateway's with one word more. */
export const managerPrefix = "COXSWAIN";
export const gatewayPrefix = "COXSWAIN_GATEWAY";

function isEntry(value: SettingsDescription[string]): value is SettingEntry {
  return typeof value["kind"] === "string";
}

function named(name: string, entry: SettingEntry, prefix: string): NamedSetting {
  const words = name.split(".").flatMap((part) => part.split(/(?=[A-Z])/));
  return {
    name,
    entry,
    variable: `${prefix}_${words.join("_").toUpperCase()}`,
    flag: `--${words.join("-").toLowerCase()}`,
  };
}
