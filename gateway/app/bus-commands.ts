import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Messages } from "../../schemas/generated/types.ts";
import { encodeCan } from "../../schemas/wire/can.ts";
import { admit } from "../../schemas/wire/codec.ts";
import { type HardwareNumber, type SiteCommandName, siteCommands } from "../../schemas/wire/site-topics.ts";
import { type Addressee, CommandBook, type Told } from "../domain/command-book.ts";
import type { CanBus, CanEnd } from "../ports/can-bus.ts";
import type { PackCommands } from "../ports/pack-commands.ts";
import type { PacksOnBus } from "./packs-on-bus.ts";

export interface BusCommandsOptions {
  readonly bus: CanBus;
  readonly packs: PacksOnBus;
  readonly clock: Clock;
  readonly entropy: Pick<Entropy, "uint32">;
}

export type CheckedCommand = {
  readonly [K in SiteCommandName]: { readonly name: K; readonly payload: Messages[(typeof siteCommands)[K]] };
}[SiteCommandName];

/** Commands on the bus: one frame each, and for every addressed pack one end. */
export class BusCommands implements PackCommands {
  readonly counters = { sent: 0, done: 0, refused: 0, silent: 0, notSent: 0 };
  readonly #options: BusCommandsOptions;
  readonly #book: CommandBook;
  readonly #listeners = new Set<(command: CheckedCommand, told: Told) => void>();
  #stopListening: () => void = () => {};
  #timer: Timer | undefined;

  constructor(options: BusCommandsOptions) {
    this.#options = options;
    this.#book = new CommandBook(options.entropy.uint32());
  }

  start(): void {
    this.#stopListening = this.#options.packs.onMessage((message) => {
      if (message.frame === "CommandAck") this.#book.answered(message);
    });
  }

  stop(): void {
    this.#stopListening();
    this.#timer?.cancel();
  }

  /** What became of every command, whoever gave it. */
  onEnd(listener: (command: CheckedCommand, told: Told) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  send(pack: HardwareNumber, name: SiteCommandName, payload: Readonly<Record<string, unknown>>): Promise<Told> {
    const checked = admit(siteCommands[name], payload);
    if (!checked.ok) {
      const { path, rule } = checked.fault;
      return Promise.resolve({ outcome: "invalid", node: pack, reason: `${path || "The payload"} ${rule}.` });
    }
    return new Promise((resolve) => this.run({ name, payload: checked.value } as CheckedCommand, pack, resolve));
  }

  /** Sends a checked command to one pack, or to all that are online. `tell` is called for each, never within this call. */
  run(command: CheckedCommand, to: HardwareNumber | "all", tell: (told: Told) => void): void {
    const { bus, clock } = this.#options;
    const ended = (told: Told): void => {
      this.#count(told);
      for (const listener of this.#listeners) listener(command, told);
      tell(told);
    };
    const notSent = (reason: string): void => {
      const node = to === "all" ? undefined : to;
      clock.after(0, () => ended({ outcome: "not-sent", ...(node !== undefined && { node }), reason }));
    };
    const packs = this.#addressees(to);
    const [only] = packs;
    if (only === undefined) {
      notSent(to === "all" ? "No pack is online." : "This pack isn't online.");
      return;
    }
    const addressed = to === "all" ? { all: packs } : { pack: only };
    const begun = this.#book.begin(command.name, command.payload as never, addressed, clock.monotonicMs(), ended);
    if (begun === undefined) {
      notSent("Too many commands are under way: try again in a moment.");
      return;
    }
    const { message, sequence } = begun;
    const fail = (reason: string): void => this.#book.failed(sequence, reason);
    const queued = bus.send(encodeCan(message), (end) => {
      if (end !== "sent") fail(reasonOf(end, bus));
    });
    if (queued === "full") clock.after(0, () => fail("The CAN bus is too busy: try again in a moment."));
    else this.counters.sent++;
    this.#lookLater();
  }

  #addressees(to: HardwareNumber | "all"): readonly Addressee[] {
    const { packs } = this.#options;
    return packs.registry.online().filter(({ hardware }) => to === "all" || hardware === to);
  }

  #lookLater(): void {
    const { clock } = this.#options;
    const dueMs = this.#book.dueMs();
    this.#timer?.cancel();
    if (dueMs === undefined) return;
    this.#timer = clock.after(dueMs - clock.monotonicMs(), () => {
      this.#book.look(clock.monotonicMs());
      this.#lookLater();
    });
  }

  #count({ outcome }: Told): void {
    if (outcome === "done") this.counters.done++;
    else if (outcome === "refused") this.counters.refused++;
    else if (outcome === "silent") this.counters.silent++;
    else this.counters.notSent++;
  }
}

function reasonOf(end: CanEnd, { state }: CanBus): string {
  if (state.reason !== "") return state.reason.slice(0, 96);
  return end === "no-ack" ? "Nobody on the CAN bus acknowledged it." : "The CAN bus went down.";
}
