import type { CanFrame } from "../../../schemas/wire/can.ts";
import { parseSlcan, SlcanReader, slcanFlags, slcanOfFrame } from "../../../schemas/wire/slcan.ts";
import type { BusMember } from "./bus-member.ts";
import type { VirtualBus } from "./virtual-bus.ts";

export interface AdapterSessionOptions {
  readonly bus: VirtualBus;
  /** Of a clock that never jumps, for time stamps. */
  monotonicMs(): number;
  /** Gives text to the program. False: it reads too slowly, and received frames are dropped until it has caught up. */
  write(text: string): boolean;
}

const bell = "\x07";

/**
 * A serial-line CAN adapter (`schemas/wire/slcan.ts`) whose bus is the virtual one. A frame is answered when it was on the bus and somebody
 * acknowledged it; BEL says that it wasn't, that the queue is full, or that the line is none. In bus-off everything is BEL until C and O.
 */
export class AdapterSession {
  readonly #options: AdapterSessionOptions;
  readonly #reader = new SlcanReader();
  #bitRate: number | undefined;
  #member: BusMember | undefined;
  #hasTimeStamps: boolean = false;
  #isSlow: boolean = false;
  #flags = 0;

  constructor(options: AdapterSessionOptions) {
    this.#options = options;
  }

  /** What the program sent. */
  read(bytes: Uint8Array): void {
    this.#reader.read(bytes, (line, end) => {
      if (end === "line") this.#take(line);
      else this.#answer(bell);
    });
  }

  /** The program has caught up with reading. */
  drained(): void {
    this.#isSlow = false;
  }

  /** The program is gone. */
  end(): void {
    this.#member?.leave();
    this.#member = undefined;
  }

  #take(text: string): void {
    const line = parseSlcan(text);
    switch (line?.kind) {
      case "ok":
        this.#answer("\r");
        return;
      case "bit-rate":
        if (this.#member === undefined) this.#bitRate = line.bitRate;
        this.#answer(this.#member === undefined ? "\r" : bell);
        return;
      case "open":
      case "listen":
        this.#open(line.kind === "listen");
        return;
      case "close":
        this.#answer(this.#member === undefined ? bell : "\r");
        this.end();
        return;
      case "frame":
        this.#send(line.frame);
        return;
      case "get-status":
        this.#answer(this.#member === undefined ? bell : `F${hex2(this.#readFlags(this.#member))}\r`);
        return;
      case "get-version":
        this.#answer("V1013\r");
        return;
      case "get-serial":
        this.#answer("NCX01\r");
        return;
      case "time-stamps":
        this.#hasTimeStamps = line.isOn;
        this.#answer("\r");
        return;
      default:
        this.#answer(bell);
    }
  }

  #open(isListenOnly: boolean): void {
    if (this.#member !== undefined || this.#bitRate === undefined) {
      this.#answer(bell);
      return;
    }
    this.#flags = 0;
    // The answer first: joining may set off frames.
    this.#answer("\r");
    this.#member = this.#options.bus.join({
      bitRate: this.#bitRate,
      isListenOnly,
      received: (frame) => this.#received(frame),
    });
  }

  #send(frame: CanFrame): void {
    const sent = frame.isExtended ? "Z\r" : "z\r";
    const isQueued = this.#member?.send(frame, (end) => this.#answer(end === "sent" ? sent : bell)) ?? false;
    if (isQueued) return;
    if (this.#member !== undefined && !this.#member.isBusOff) this.#flags |= slcanFlags.sendQueueFull;
    this.#answer(bell);
  }

  #received(frame: CanFrame): void {
    if (this.#isSlow) {
      this.#flags |= slcanFlags.receiveQueueFull | slcanFlags.overrun;
      return;
    }
    const stamp = this.#hasTimeStamps ? hex4(Math.floor(this.#options.monotonicMs()) % 60_000) : "";
    this.#answer(`${slcanOfFrame(frame)}${stamp}\r`);
  }

  #answer(text: string): void {
    if (!this.#options.write(text)) this.#isSlow = true;
  }

  /** Reading clears what happened; what still holds stays. */
  #readFlags(member: BusMember): number {
    let flags = this.#flags;
    this.#flags = 0;
    if (member.sawError) flags |= slcanFlags.busError;
    member.sawError = false;
    if (member.isErrorWarning) flags |= slcanFlags.errorWarning;
    if (member.isErrorPassive) flags |= slcanFlags.errorPassive;
    return member.isBusOff ? flags | slcanFlags.busOff : flags;
  }
}

function hex2(value: number): string {
  return value.toString(16).toUpperCase().padStart(2, "0");
}

function hex4(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, "0");
}
