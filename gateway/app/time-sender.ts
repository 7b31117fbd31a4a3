import type { Clock, Timer } from "../../kernel/clock.ts";
import { encodeCan } from "../../schemas/wire/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import { timeFrame } from "../domain/local-time.ts";
import type { CanBus } from "../ports/can-bus.ts";
import type { SitePacks } from "../ports/site-packs.ts";

export interface TimeSenderOptions {
  readonly bus: CanBus;
  readonly packs: SitePacks;
  readonly clock: Clock;
  readonly timeZone: string;
  isTimeValid(): boolean;
}

const everyMs = 60_000;
/** A pack that just came gets the time soon, and many that came together get it once. */
const soonMs = 500;

/** Gives the packs local time each minute, and soon to those that come. Without valid time none is given: no time is better than a wrong one. */
export class TimeSender {
  readonly counters = { sent: 0, withheld: 0 };
  readonly #options: TimeSenderOptions;
  #stopListening: () => void = () => {};
  #timer: Timer | undefined;
  #soon: Timer | undefined;

  constructor(options: TimeSenderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.packs.onChange((pack, what) => this.#changed(pack, what));
    this.#tick();
  }

  stop(): void {
    this.#stopListening();
    this.#timer?.cancel();
    this.#soon?.cancel();
  }

  /** Gives it now. */
  send(): void {
    const { bus, clock, timeZone, isTimeValid } = this.#options;
    if (!isTimeValid()) {
      this.counters.withheld++;
      return;
    }
    if (bus.send(encodeCan(timeFrame(clock.wallMs(), timeZone))) === "queued") this.counters.sent++;
  }

  #tick(): void {
    const { bus, clock } = this.#options;
    this.#timer = clock.after(everyMs, () => this.#tick());
    // Alone on the bus it is tried all the same: that is how one finds out that somebody is there again.
    if (bus.state.kind === "up" || bus.state.kind === "error-passive") this.send();
  }

  #changed(pack: HardwareNumber, what: string): void {
    if (what !== "presence" && what !== "state") return;
    const facts = this.#options.packs.find(pack);
    if (facts === undefined || facts.isSilent || facts.state?.isTimeOk !== false) return;
    this.#soon ??= this.#options.clock.after(soonMs, () => {
      this.#soon = undefined;
      this.send();
    });
  }
}
