import type { Clock, Timer } from "../../kernel/clock.ts";
import type { FirmwareAsk } from "../../schemas/generated/can.ts";
import type { HardwareNumber } from "../../schemas/wire/site-topics.ts";
import type { PackFacts } from "../domain/pack-facts.ts";
import type { PackFirmware } from "../domain/pack-firmware.ts";
import type { SitePacks } from "../ports/site-packs.ts";

export interface FirmwareAskerOptions {
  readonly packs: SitePacks;
  readonly clock: Clock;
  /** Onto the bus, if it takes it. */
  send(ask: FirmwareAsk): void;
}

interface Asking {
  timer: Timer | undefined;
  pauseMs: number;
  /** The newest word of the pack on its firmware that was looked at. */
  answered: PackFirmware["state"];
  wantsAll: boolean;
}

/** After its start a pack says all of it by itself: what isn't there by then was lost. */
const settledMs = 500;
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;

/**
 * Asks packs what they run until they have said it: when they are heard first, come back, or tell by themselves that something about their
 * firmware changed, as they do after each start. Not while an image is on its way to them.
 */
export class FirmwareAsker {
  readonly #options: FirmwareAskerOptions;
  readonly #asking = new Map<HardwareNumber, Asking>();
  #unlisten: (() => void) | undefined;
  #sequence = 0;

  constructor(options: FirmwareAskerOptions) {
    this.#options = options;
  }

  start(): void {
    const { packs } = this.#options;
    this.#unlisten = packs.onChange((pack, what) => {
      if (what === "presence") this.#begin(pack);
      else if (what === "firmware") this.#told(pack);
    });
    for (const pack of packs.list()) this.#begin(pack);
  }

  stop(): void {
    this.#unlisten?.();
    for (const { timer } of this.#asking.values()) timer?.cancel();
    this.#asking.clear();
  }

  #begin(pack: HardwareNumber): void {
    const facts = this.#options.packs.find(pack);
    this.#asking.get(pack)?.timer?.cancel();
    this.#asking.delete(pack);
    if (facts === undefined || facts.isSilent) return;
    const asking: Asking = {
      ...{ timer: undefined, pauseMs: firstPauseMs, wantsAll: true },
      answered: facts.firmware.state,
    };
    this.#asking.set(pack, asking);
    this.#arm(pack, asking, settledMs);
  }

  #told(pack: HardwareNumber): void {
    const asking = this.#asking.get(pack);
    const state = this.#options.packs.find(pack)?.firmware.state;
    // Nothing known any more is news as well: it has booted, and its own words may get lost.
    if (asking === undefined || state === asking.answered) return;
    asking.answered = state;
    asking.pauseMs = firstPauseMs;
    this.#arm(pack, asking, settledMs);
  }

  #arm(pack: HardwareNumber, asking: Asking, delayMs: number): void {
    asking.timer?.cancel();
    asking.timer = this.#options.clock.after(delayMs, () => this.#ask(pack, asking));
  }

  #ask(pack: HardwareNumber, asking: Asking): void {
    const facts = this.#options.packs.find(pack);
    if (facts === undefined || facts.isSilent) return;
    if (!isAtRest(facts.firmware)) {
      this.#arm(pack, asking, longestPauseMs);
      return;
    }
    const wanted = asking.wantsAll ? everything(facts.firmware) : missing(facts);
    asking.wantsAll = false;
    if (wanted === undefined) return;
    // Those from 128 on are a transfer's.
    this.#sequence = (this.#sequence + 1) & 127;
    this.#options.send({ frame: "FirmwareAsk", target: facts.canNode, sequence: this.#sequence, ...wanted });
    this.#arm(pack, asking, asking.pauseMs);
    asking.pauseMs = Math.min(asking.pauseMs * 2, longestPauseMs);
  }
}

type Wanted = Omit<FirmwareAsk, "frame" | "target" | "sequence">;

function isAtRest({ state }: PackFirmware): boolean {
  return state === undefined || state.phase === "idle" || state.phase === "applied" || state.phase === "failed";
}

function everything({ state }: PackFirmware): Wanted {
  return {
    // What it just said by itself.
    state: state === undefined,
    ...{ boots: true, limits: true, version: true, runningDigest: true, payload: false },
    reason: state?.phase === "failed",
    rolledBackDigest: state === undefined || state.wasRolledBack,
  };
}

/** Undefined: all of it is known. */
function missing({ firmware }: PackFacts): Wanted | undefined {
  const { state, boots, limits, texts, digests } = firmware;
  const wanted: Wanted = {
    state: state === undefined,
    boots: boots === undefined,
    limits: limits === undefined,
    version: texts.version === undefined,
    reason: state?.phase === "failed" && texts.reason === undefined,
    runningDigest: digests.running === undefined,
    rolledBackDigest: state?.wasRolledBack === true && digests["rolled-back"] === undefined,
    payload: false,
  };
  return Object.values(wanted).includes(true) ? wanted : undefined;
}
