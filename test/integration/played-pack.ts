import type { VirtualBus } from "../../gateway/adapters/can/virtual-bus.ts";
import { energyDay } from "../../gateway/domain/local-time.ts";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { CanMessage, CommandResult, PackMode, PackState, Relay, Time } from "../../schemas/generated/can.ts";
import { type CanFrame, decodeCan, encodeCan } from "../../schemas/wire/can.ts";
import { type HardwareNumber, hardwareNumber } from "../../schemas/wire/site-topics.ts";

type Member = ReturnType<VirtualBus["join"]>;

const modeFields: { readonly [M in PackMode]: keyof PackState } = {
  "self-consumption": "selfConsumption",
  eco: "eco",
  "time-of-use": "timeOfUse",
  backup: "backup",
  "grid-limit": "gridLimit",
};
const relayFields: { readonly [R in Relay]: keyof PackState } = {
  grid: "gridClosed",
  output: "outputClosed",
  pump: "pumpClosed",
  heater: "heaterClosed",
};

/**
 * A battery pack on a virtual bus, played by the page of the bus alone: it knows only frames of the table, obeys none that it isn't addressed
 * by, and forgets its time and the day's import when its power is cut.
 */
export class PlayedPack {
  readonly hardware: HardwareNumber;
  readonly node: number;
  readonly commands: CanMessage[] = [];
  readonly times: Time[] = [];
  state: PackState;
  charge: number | null = 55;
  bms: "ok" | "stale" | "fault" = "ok";
  power = { grid: 100, home: 800, battery: -700 as number | null, solar: 0 as number | null };
  imported = 0;
  limit = 10;
  totals: { readonly packsOnline: number; readonly grid: number } | undefined;
  /** What it answers to each command instead of ok; undefined: nothing at all. */
  answer: (command: CanMessage) => CommandResult | undefined = () => "ok";
  readonly #mac: Uint8Array;
  readonly #bus: VirtualBus;
  readonly #clock: Clock;
  #member: Member | undefined;
  #timer: Timer | undefined;

  constructor(bus: VirtualBus, clock: Clock, node: number) {
    this.#bus = bus;
    this.#clock = clock;
    this.node = node;
    this.#mac = Uint8Array.of(0x24, 0x0a, 0xc4, 0, 1, node);
    this.hardware = hardwareNumber(this.#mac);
    this.state = {
      ...{ frame: "PackState", node, deviceType: "energy-pack", firmwareMajor: 2, firmwareMinor: 5 },
      ...{ isMaster: false, isBmsOk: true, isTimeOk: false, isLockedOut: false, isOverLoadsLimit: false },
      ...{ selfConsumption: false, eco: false, timeOfUse: false, backup: false, gridLimit: false },
      ...{ gridClosed: true, outputClosed: true, pumpClosed: false, heaterClosed: false, rank: node },
    };
  }

  powerUp(): void {
    this.#member = this.#bus.join({ bitRate: 500_000, received: (frame) => this.#received(frame) });
    this.#tell();
  }

  /** It forgets what isn't in its flash. */
  cutPower(): void {
    this.#timer?.cancel();
    this.#member?.leave();
    this.#member = undefined;
    this.imported = 0;
    this.state = { ...this.state, isTimeOk: false, isLockedOut: false };
  }

  say(message: CanMessage): void {
    this.#member?.send(encodeCan(message));
  }

  #tell(): void {
    const { node } = this;
    this.#timer = this.#clock.after(2000, () => this.#tell());
    this.say(this.state);
    this.say({
      ...{ frame: "PackBattery", node, stateOfCharge: this.charge, voltage: this.charge === null ? null : 528 },
      ...{ current: this.charge === null ? null : -1325, batteryState: "discharging", bmsState: this.bms },
    });
    this.say({ frame: "PackPower", node, ...this.power });
    this.say({
      ...{ frame: "PackLoads", node, pool: 0, heater: 120, imported: this.imported, importLimit: this.limit },
      importLimitState: this.state.isLockedOut ? "locked-out" : "counting",
    });
    this.say({ frame: "PackAlarms", node, alarms: 0, warnings: 0 });
    this.say({ frame: "PackSettings", node, ecoLimit: 2000, touStart: 1320, touEnd: 360 });
    this.say({ frame: "PackMac", node, mac: this.#mac });
    if (!this.state.isMaster || this.totals === undefined) return;
    const { packsOnline, grid } = this.totals;
    this.say({ frame: "TotalsBattery", node, packsOnline, stateOfCharge: 55, battery: 0 });
    this.say({ frame: "TotalsGrid", node, grid, imported: 0 });
  }

  #received(frame: CanFrame): void {
    const decoded = decodeCan(frame);
    if (!decoded.ok) throw new Error(`a frame that isn't the bus's: ${frame.id.toString(16)}`);
    const message = decoded.value;
    if (message.frame === "Time") {
      this.times.push(message);
      this.state = { ...this.state, isTimeOk: true };
    }
    if (!("target" in message) || !("sequence" in message) || frame.id >= 0x400) return;
    if (message.target !== this.node && message.target !== 0x7f) return;
    this.commands.push(message);
    const result = this.answer(message);
    if (result === undefined) return;
    this.say({
      ...{ frame: "CommandAck", node: this.node, code: frame.id & 0x7f, sequence: message.sequence },
      result: result === "ok" ? this.#obey(message) : result,
    });
  }

  #obey(message: CanMessage): CommandResult {
    switch (message.frame) {
      case "SetMode":
        this.state = { ...this.state, [modeFields[message.mode]]: message.isOn };
        return "ok";
      case "SetRelay":
        this.state = { ...this.state, [relayFields[message.relay]]: message.isOn };
        return "ok";
      case "ResetGrid":
        this.imported = 0;
        return "ok";
      case "RestoreLast": {
        if (!this.state.isTimeOk || energyDay(this.#clock.wallMs(), "UTC").dayOfMonth !== message.day)
          return "other-energy-day";
        this.imported = Math.max(this.imported, message.imported);
        if (message.isLockedOut) this.state = { ...this.state, isLockedOut: true };
        return "ok";
      }
      default:
        return "ok";
    }
  }
}
