import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { CanMessage } from "../../schemas/generated/can.ts";
import { decode, jsonFormat } from "../../schemas/wire/codec.ts";
import { instantToSeconds } from "../../schemas/wire/instant.ts";
import type { HardwareNumber, SiteTopics } from "../../schemas/wire/site-topics.ts";
import { type DayImport, ImportMemory } from "../domain/import-memory.ts";
import { energyDay } from "../domain/local-time.ts";
import type { BusCommands } from "./bus-commands.ts";
import type { PacksOnBus } from "./packs-on-bus.ts";
import type { TimeSender } from "./time-sender.ts";

export interface ImportRestorerOptions {
  readonly packs: PacksOnBus;
  readonly commands: BusCommands;
  readonly time: TimeSender;
  readonly topics: SiteTopics;
  readonly clock: Clock;
  readonly log: Log;
  readonly timeZone: string;
  isTimeValid(): boolean;
}

/** Gives a pack that lost its power the day's import and the lock-out back (RESTORE_LAST). Without valid time it does nothing. */
export class ImportRestorer {
  readonly counters = { restored: 0, refused: 0 };
  readonly #options: ImportRestorerOptions;
  readonly #memory = new ImportMemory();
  readonly #stops: (() => void)[] = [];

  constructor(options: ImportRestorerOptions) {
    this.#options = options;
  }

  /** What was published before the gateway's own restart, by topic. */
  recall(documents: ReadonlyMap<string, Uint8Array>): void {
    const { topics, timeZone } = this.#options;
    for (const [topic, payload] of documents) {
      const parsed = topics.parse(topic);
      if (parsed?.kind !== "telemetry") continue;
      const read = decode("site-telemetry", payload, jsonFormat);
      if (!read.ok || read.value.import === undefined || read.value.time === undefined) continue;
      const seconds = instantToSeconds(read.value.time);
      if (seconds === undefined) continue;
      this.#memory.recall(parsed.node, {
        ...energyDay(seconds * 1000, timeZone),
        imported: Math.round(read.value.import.used * 100),
        isLockedOut: read.value.lockedOut === true,
      });
    }
  }

  start(): void {
    const { packs, commands } = this.#options;
    this.#stops.push(packs.onMessage((message) => this.#message(message)));
    this.#stops.push(
      commands.onEnd((command, { outcome, node }) => {
        const isReset = command.name === "reset-grid" || command.name === "factory-reset";
        // Also where the answer was lost: the counter shows whether it was done, and it was meant.
        if (isReset && node !== undefined && (outcome === "done" || outcome === "silent"))
          this.#memory.forget(node as HardwareNumber);
      }),
    );
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #message(message: CanMessage): void {
    if (message.frame !== "PackLoads") return;
    const { packs, clock, timeZone, isTimeValid } = this.#options;
    if (!isTimeValid()) return;
    const facts = packs.registry.online().find(({ canNode }) => canNode === message.node);
    if (facts?.state === undefined) return;
    const now: DayImport = {
      ...energyDay(clock.wallMs(), timeZone),
      imported: message.imported,
      isLockedOut: facts.state.isLockedOut,
    };
    const lost = this.#memory.heard(facts.hardware, now, clock.monotonicMs());
    if (lost !== undefined) this.#restore(facts.hardware, lost);
  }

  #restore(pack: HardwareNumber, { imported, isLockedOut, dayOfMonth }: DayImport): void {
    const { commands, time, log } = this.#options;
    // It can't judge the day without the time.
    time.send();
    const payload = { import: Math.min(imported, 65_535) / 100, lockedOut: isLockedOut, day: dayOfMonth };
    commands.run({ name: "restore-last", payload }, pack, ({ outcome, result }) => {
      log.info("import-restored", { pack, outcome, ...payload });
      if (outcome === "done") this.counters.restored++;
      else if (result === "other-energy-day") {
        this.counters.refused++;
        this.#memory.forget(pack);
      }
    });
  }
}
