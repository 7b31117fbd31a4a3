import type { BmsValues } from "./bms-on-pty.ts";
import type { BoardAmperes, BoardState } from "./pack-program.ts";

/** What a house has, W and Wh. */
export interface HousePlan {
  readonly peakSunWatts: number;
  /** What it always takes. */
  readonly baseWatts: number;
  /** What it takes more in the morning and, half as much again, in the evening. */
  readonly busyWatts: number;
  readonly poolWatts: number;
  readonly heaterWatts: number;
  readonly batteryWattHours: number;
}

export interface House {
  readonly plan: HousePlan;
  /** Of its battery, 0 to 1. */
  readonly charge: number;
  readonly minuteOfDay: number;
  readonly flow: HouseFlow;
}

/** W. Nothing is negative but the battery's, which gives then. */
export interface HouseFlow {
  readonly sun: number;
  readonly home: number;
  readonly pool: number;
  readonly heater: number;
  readonly grid: number;
  readonly battery: number;
}

/** The board's relays; true: closed. */
export type HouseRelays = NonNullable<BoardState["relays"]>;

const minutesPerDay = 1440;
const nothing: HouseFlow = { sun: 0, home: 0, pool: 0, heater: 0, grid: 0, battery: 0 };
const mainsVolts = 220;
/** 16 cells: what firmware takes for 0 and 100 %. */
const emptyVolts = 46.4;
const fullVolts = 62.4;
const sunrise = 6 * 60;
const sunset = 20 * 60;
const morning = 7.5 * 60;
const evening = 19.5 * 60;
const busyMinutes = 90;

export function newHouse(plan: HousePlan, charge: number, minuteOfDay: number): House {
  return { plan, charge, minuteOfDay, flow: nothing };
}

/** The house some minutes later without its pack: there is no inverter, and nothing flows. */
export function standStill(house: House, minutes: number): House {
  return { ...house, minuteOfDay: (house.minuteOfDay + minutes) % minutesPerDay, flow: nothing };
}

/**
 * The house some minutes later, `more` W beside what it usually takes. The pack's relays decide what runs: with the grid open the battery gives
 * what the sun lacks, and takes what it has too much; with the grid closed the grid gives, and the battery only takes. A full battery leaves the
 * rest of the sun where it is: nothing flows back into the grid.
 */
export function stepHouse(house: House, minutes: number, relays: HouseRelays, more = 0): House {
  const { plan, charge } = house;
  const minuteOfDay = (house.minuteOfDay + minutes) % minutesPerDay;
  const home = relays.output ? plan.baseWatts + busyness(minuteOfDay) * plan.busyWatts + more : 0;
  const pool = relays.pump ? plan.poolWatts : 0;
  const heater = relays.heater ? plan.heaterWatts : 0;
  const load = home + pool + heater;
  const shine = plan.peakSunWatts * sunshine(minuteOfDay);
  const hours = minutes / 60;
  const room = hours > 0 ? ((1 - charge) * plan.batteryWattHours) / hours : Number.POSITIVE_INFINITY;
  const left = hours > 0 ? (charge * plan.batteryWattHours) / hours : Number.POSITIVE_INFINITY;
  const tooMuch = shine - load;
  const battery = tooMuch >= 0 ? Math.min(tooMuch, room) : relays.grid ? 0 : -Math.min(-tooMuch, left);
  const grid = relays.grid ? Math.max(0, load + Math.max(0, battery) - shine) : 0;
  const flow = { sun: Math.min(shine, Math.max(0, load + battery)), home, pool, heater, grid, battery };
  const next = charge + (battery * hours) / plan.batteryWattHours;
  return { plan, charge: Math.min(1, Math.max(0, next)), minuteOfDay, flow };
}

/** What the CTs measure. */
export function amperesOf({ flow }: House): BoardAmperes {
  const amperes = (watts: number): number => Math.round((watts / mainsVolts) * 1000) / 1000;
  return {
    grid: amperes(flow.grid),
    home: amperes(flow.home),
    pool: amperes(flow.pool),
    heater: amperes(flow.heater),
  };
}

/** What the BMS says. */
export function bmsOf({ charge, flow }: House): BmsValues {
  const voltage = Math.round((emptyVolts + (fullVolts - emptyVolts) * charge) * 10) / 10;
  return { voltage, current: Math.round((flow.battery / voltage) * 100) / 100 };
}

/** 0 at night, 1 at noon. */
function sunshine(minute: number): number {
  const share = (minute - sunrise) / (sunset - sunrise);
  return share <= 0 || share >= 1 ? 0 : Math.sin(Math.PI * share) ** 1.5;
}

function busyness(minute: number): number {
  const around = (middle: number): number => Math.max(0, 1 - Math.abs(minute - middle) / busyMinutes);
  return around(morning) + 1.5 * around(evening);
}
