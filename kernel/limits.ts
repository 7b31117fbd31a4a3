import { defineFaults } from "./fault.ts";

/** A bound on something. */
export interface LimitDefinition {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Of what: "bytes", "ms", "rows". */
  readonly unit: string;
  /** What happens at the limit, as a sentence for the docs. */
  readonly full: string;
}

export type LimitDefinitions = Readonly<Record<string, LimitDefinition>>;
export type Limits<Definitions extends LimitDefinitions> = Readonly<Record<keyof Definitions, number>>;

export interface LimitSet<Definitions extends LimitDefinitions> {
  readonly definitions: Definitions;
  readonly defaults: Limits<Definitions>;
  /** The defaults with settings over them; `undefined` leaves the default. Throws a Fault for an unknown name or a value out of range. */
  resolve(settings?: { readonly [Name in keyof Definitions]?: number | undefined }): Limits<Definitions>;
}

export const limitFaults = defineFaults({
  "limits.unknown": { fault: "caller", message: 'There is no limit "{name}". Known: {known}.' },
  "limits.out-of-range": {
    fault: "caller",
    message: 'The limit "{name}" can\'t be {value}: give a whole number of {unit} from {min} to {max}.',
  },
});

/** Names a room's limits in one place: `defineLimits({maxPacketBytes: {default: 65536, min: 128, max: ..., unit: "bytes", full: "..."}})`. */
export function defineLimits<const Definitions extends LimitDefinitions>(
  definitions: Definitions,
): LimitSet<Definitions> {
  const check = (name: string, value: number): void => {
    const definition = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
    if (definition === undefined) {
      throw limitFaults("limits.unknown", { name, known: Object.keys(definitions).join(", ") });
    }
    const { min, max, unit } = definition;
    if (!Number.isSafeInteger(value) || value < min || value > max) {
      throw limitFaults("limits.out-of-range", { name, value, unit, min, max });
    }
  };
  const defaults: Record<string, number> = {};
  for (const [name, definition] of Object.entries(definitions)) {
    check(name, definition.default);
    defaults[name] = definition.default;
  }
  const resolve: LimitSet<Definitions>["resolve"] = (settings = {}) => {
    const limits: Record<string, number> = { ...defaults };
    for (const [name, value] of Object.entries<number | undefined>(settings)) {
      if (value === undefined) continue;
      check(name, value);
      limits[name] = value;
    }
    return Object.freeze(limits) as Limits<Definitions>;
  };
  return { definitions, defaults: resolve(), resolve };
}
