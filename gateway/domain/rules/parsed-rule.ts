/** What a rule may look at: sums over the site in kW, the mean charge in %, the day's import in kWh, and the local time of day. */
export const quantities = {
  P_grid: "power",
  P_home: "power",
  P_batt: "power",
  P_solar: "power",
  P_pool: "power",
  P_heater: "power",
  load: "power",
  SOC: "percent",
  import: "energy",
  time: "time",
} as const satisfies Readonly<Record<string, Dimension>>;

export type Quantity = keyof typeof quantities;

/** Powers are W inside of a rule, energy is kWh, a time of day is minutes since midnight. */
export type Dimension = "power" | "percent" | "energy" | "time";

/** One side of a comparison: a value of the site, or nothing, plus a constant. */
export interface Term {
  readonly quantity?: Quantity;
  readonly constant: number;
}

export interface Comparison {
  readonly left: Term;
  readonly operator: ">" | ">=" | "<" | "<=";
  readonly right: Term;
}

export type ParsedRule =
  /** All comparisons must hold for `holdMs` on end; then the socket is told once, and again after they failed to hold. */
  | {
      readonly kind: "switch";
      readonly comparisons: readonly Comparison[];
      readonly holdMs: number;
      readonly socket: string;
      readonly isOn: boolean;
    }
  /** Packs may ask for this socket. */
  | { readonly kind: "allow-packs"; readonly socket: string };

export function isQuantity(word: string): word is Quantity {
  return Object.hasOwn(quantities, word);
}
