/** Powers of the household or of one pack, kW; what was never heard is absent. */
export interface Powers {
  readonly P_grid?: number;
  readonly P_home?: number;
  readonly P_batt?: number;
  readonly P_solar?: number;
  readonly P_pool?: number;
  readonly P_heater?: number;
}

export type FlowName = "solar" | "grid" | "home" | "pool" | "heater";

/** One line of the picture, between the packs in its middle and something outside. */
export interface Flow {
  readonly name: FlowName;
  /** kW, never negative; undefined: never heard. */
  readonly power: number | undefined;
  /** "in": towards the packs. "none": too little to draw, or unknown. */
  readonly direction: "in" | "out" | "none";
}

/** What CTs show on an open circuit is noise. */
export const leastFlow = 0.02;

export function flowsOf(powers: Powers): Flow[] {
  return [
    flow("solar", powers.P_solar, "in"),
    flow("grid", powers.P_grid, "in"),
    flow("home", powers.P_home, "out"),
    flow("pool", powers.P_pool, "out"),
    flow("heater", powers.P_heater, "out"),
  ];
}

export type BatteryFlow = "charging" | "discharging" | "idle" | "unknown";

export function batteryFlow(power: number | undefined): BatteryFlow {
  if (power === undefined) return "unknown";
  if (Math.abs(power) < leastFlow) return "idle";
  return power > 0 ? "charging" : "discharging";
}

/** Seconds in which a mark travels one line: 4 s for a trickle, 1 s from about 8 kW on, by the power's logarithm. */
export function travelSeconds(power: number): number {
  const decades = Math.log10(Math.max(power, leastFlow) / 0.05);
  const seconds = Math.min(4, Math.max(0.9, 4 - 1.4 * decades));
  // In steps: each change of pace lets the marks jump.
  return Math.round(seconds * 2) / 2;
}

/** Width of a line in the picture's units: 2 for a trickle to 7. */
export function lineWidth(power: number): number {
  return Math.min(7, 2 + Math.sqrt(Math.max(0, power)) * 1.8);
}

function flow(name: FlowName, power: number | undefined, positive: "in" | "out"): Flow {
  if (power === undefined || Math.abs(power) < leastFlow) {
    return { name, power: power === undefined ? undefined : Math.abs(power), direction: "none" };
  }
  const opposite = positive === "in" ? "out" : "in";
  return { name, power: Math.abs(power), direction: power > 0 ? positive : opposite };
}
