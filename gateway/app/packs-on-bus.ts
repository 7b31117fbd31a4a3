import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { CanMessage } from "../../schemas/generated/can.ts";
import { type CanFrame, decodeCan } from "../../schemas/wire/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "../domain/pack-facts.ts";
import { type Moment, type PackChange, PackRegistry } from "../domain/pack-registry.ts";
import type { CanBus } from "../ports/can-bus.ts";
import type { SitePacks } from "../ports/site-packs.ts";

export interface PacksOnBusOptions {
  readonly bus: CanBus;
  readonly clock: Clock;
  readonly log: Log;
}

const lookMs = 1000;

/** The packs as the bus tells of them. Frames that are none of the table's are counted and passed. */
export class PacksOnBus implements SitePacks {
  readonly registry = new PackRegistry();
  readonly counters = { frames: 0, unknownFrames: 0, handovers: 0 };
  readonly #options: PacksOnBusOptions;
  readonly #changed = new Map<HardwareNumber, Set<PackChange>>();
  readonly #listeners = new Set<(pack: HardwareNumber, what: PackChange) => void>();
  readonly #messageListeners = new Set<(message: CanMessage) => void>();
  #stopListening: () => void = () => {};
  #timer: Timer | undefined;
  #tellTimer: Timer | undefined;
  #master: HardwareNumber | undefined;

  constructor(options: PacksOnBusOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.bus.onFrame((frame) => this.#take(frame));
    this.#look();
  }

  stop(): void {
    this.#stopListening();
    this.#timer?.cancel();
    this.#tellTimer?.cancel();
  }

  now(): Moment {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }

  list(): readonly HardwareNumber[] {
    return this.registry.list();
  }

  find(pack: HardwareNumber): PackFacts | undefined {
    return this.registry.find(pack);
  }

  master(): HardwareNumber | undefined {
    return this.registry.master();
  }

  onChange(listener: (pack: HardwareNumber, what: PackChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Every message of the table, in the turn in which it came. */
  onMessage(listener: (message: CanMessage) => void): () => void {
    this.#messageListeners.add(listener);
    return () => void this.#messageListeners.delete(listener);
  }

  #take(frame: CanFrame): void {
    const decoded = decodeCan(frame);
    if (!decoded.ok) {
      this.counters.unknownFrames++;
      return;
    }
    this.counters.frames++;
    this.#note(this.registry.take(decoded.value, this.now()));
    for (const listener of this.#messageListeners) this.#safely(() => listener(decoded.value));
  }

  #look(): void {
    this.#timer = this.#options.clock.after(lookMs, () => this.#look());
    this.#note(this.registry.look(this.now()));
  }

  #note(changes: readonly { readonly pack: HardwareNumber; readonly what: PackChange }[]): void {
    for (const { pack, what } of changes) {
      const changed = this.#changed.get(pack) ?? new Set();
      this.#changed.set(pack, changed.add(what));
    }
    if (this.#changed.size > 0) this.#tellTimer ??= this.#options.clock.after(0, () => this.#tell());
  }

  #tell(): void {
    this.#tellTimer = undefined;
    const changed = [...this.#changed];
    this.#changed.clear();
    this.#followMaster();
    for (const [pack, kinds] of changed) {
      if (kinds.has("presence")) {
        const isSilent = this.registry.find(pack)?.isSilent === true;
        this.#options.log.info(isSilent ? "pack-silent" : "pack-heard", { pack });
      }
      for (const what of kinds) for (const listener of this.#listeners) this.#safely(() => listener(pack, what));
    }
  }

  #followMaster(): void {
    const master = this.registry.master();
    if (master === undefined || master === this.#master) return;
    if (this.#master !== undefined) this.counters.handovers++;
    this.#master = master;
    this.#options.log.info("pack-master", { pack: master });
  }

  #safely(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#options.log.error("pack-listener-failed", { error });
    }
  }
}
