import type { Log } from "../../../kernel/log.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import type { CanBusState, CanCounters } from "../../ports/can-bus.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What every bus shows of itself: state, counters, and who listens. */
export class BusFace {
  readonly counters: Writable<CanCounters> = {
    sent: 0,
    received: 0,
    refused: 0,
    failed: 0,
    congested: 0,
    garbled: 0,
    reopened: 0,
    busOffs: 0,
  };
  readonly #log: Log;
  readonly #frameListeners = new Set<(frame: CanFrame) => void>();
  readonly #stateListeners = new Set<(state: CanBusState) => void>();
  #state: CanBusState = { kind: "closed", reason: "It isn't opened yet." };

  constructor(log: Log) {
    this.#log = log;
  }

  get state(): CanBusState {
    return this.#state;
  }

  /** A change is logged once and told; the same state with the same reason is nothing new. */
  set(kind: CanBusState["kind"], reason = ""): void {
    if (kind === this.#state.kind && reason === this.#state.reason) return;
    const isOther = kind !== this.#state.kind;
    this.#state = { kind, reason };
    if (kind === "bus-off" && isOther) this.counters.busOffs++;
    if (kind === "up" || kind === "closed") this.#log.info("can-state", { state: kind });
    else this.#log.warn("can-state", { state: kind, reason });
    for (const listener of [...this.#stateListeners]) this.#tell(() => listener(this.#state));
  }

  received(frame: CanFrame): void {
    this.counters.received++;
    for (const listener of this.#frameListeners) this.#tell(() => listener(frame));
  }

  onFrame(listener: (frame: CanFrame) => void): () => void {
    this.#frameListeners.add(listener);
    return () => void this.#frameListeners.delete(listener);
  }

  onState(listener: (state: CanBusState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  /** Who listens can't hurt the bus. */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.error("can-listener-failed", { error });
    }
  }
}
