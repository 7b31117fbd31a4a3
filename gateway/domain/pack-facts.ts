import type {
  PackAlarms,
  PackBattery,
  PackLoads,
  PackPower,
  PackSettings,
  PackState,
} from "../../schemas/generated/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFirmware } from "./pack-firmware.ts";

/** What the gateway knows of one pack: the newest of each of its frames. */
export interface PackFacts {
  readonly hardware: HardwareNumber;
  readonly canNode: number;
  /** Dropped: nothing was heard of it for 120 s. */
  readonly isSilent: boolean;
  /** When its last telemetry came, by the wall clock; undefined: not since the gateway's start. */
  readonly heardAtMs: number | undefined;
  readonly state?: PackState | undefined;
  readonly battery?: PackBattery | undefined;
  readonly power?: PackPower | undefined;
  readonly loads?: PackLoads | undefined;
  readonly alarms?: PackAlarms | undefined;
  readonly settings?: PackSettings | undefined;
  readonly firmware: PackFirmware;
}
