import type { CanMessage, CommandAck } from "../../schemas/generated/can.ts";
import type { Messages, SiteAck } from "../../schemas/generated/types.ts";
import type { HardwareNumber, SiteCommandName, siteCommands } from "../../schemas/wire/site-topics.ts";
import { commandCodes, commandFrame, everyPack, resultWords } from "./command-frames.ts";

/** A pack acts at once, and its answer waits behind the telemetry of 32 packs at most; then it is silent. */
export const answerMs = 2000;
/** Commands under way; one more is told that it wasn't sent. */
export const commandsMax = 64;

export interface Addressee {
  readonly hardware: HardwareNumber;
  readonly canNode: number;
}

/** One pack's part of a command: what becomes of it is told once. */
export type Told = Pick<SiteAck, "outcome" | "node" | "result" | "reason" | "sequence">;

export interface OpenCommand {
  readonly name: SiteCommandName;
  readonly message: CanMessage;
  /** Who hasn't answered yet, by node id. */
  readonly waiting: ReadonlyMap<number, HardwareNumber>;
}

interface Open {
  readonly code: number;
  readonly sequence: number;
  readonly waiting: Map<number, HardwareNumber>;
  readonly untilMs: number;
  tell(told: Told): void;
}

/**
 * Commands on their way: each is one frame with a sequence number, and for every addressed pack ends as its ACK or NACK, or as silence. A
 * sequence number isn't used again while an answer to it may come. Pure: time comes with each call.
 */
export class CommandBook {
  #open: Open[] = [];
  #sequence: number;

  /** `firstSequence`: another one at each start, so that answers to an earlier run are nobody's. */
  constructor(firstSequence = 0) {
    this.#sequence = firstSequence & 0xff;
  }

  /**
   * The frame of a command to `packs`, or to all at once. Undefined where too many are under way, or there is nobody to send it to.
   * `tell` is called once for each pack.
   */
  begin<K extends SiteCommandName>(
    name: K,
    payload: Messages[(typeof siteCommands)[K]],
    to: { readonly pack: Addressee } | { readonly all: readonly Addressee[] },
    nowMs: number,
    tell: (told: Told) => void,
  ): { readonly message: CanMessage; readonly sequence: number } | undefined {
    const packs = "pack" in to ? [to.pack] : to.all;
    if (this.#open.length >= commandsMax || packs.length === 0) return undefined;
    const code = commandCodes[name];
    const sequence = this.#nextSequence();
    const target = "pack" in to ? to.pack.canNode : everyPack;
    const waiting = new Map(packs.map(({ canNode, hardware }) => [canNode, hardware]));
    this.#open.push({ code, sequence, waiting, untilMs: nowMs + answerMs, tell });
    return { message: commandFrame(name, payload, { target, sequence }), sequence };
  }

  /** A pack's answer. One that nobody waits for, or that comes twice, is nothing. */
  answered({ node, code, sequence, result }: CommandAck): void {
    const open = this.#open.find((each) => each.sequence === sequence && each.code === code && each.waiting.has(node));
    if (open === undefined) return;
    const hardware = open.waiting.get(node)!;
    open.waiting.delete(node);
    this.#close();
    open.tell(
      result === "ok"
        ? { outcome: "done", node: hardware, result, sequence }
        : { outcome: "refused", node: hardware, result, reason: resultWords[result], sequence },
    );
  }

  /** The frame never reached the bus, or nobody acknowledged it. */
  failed(sequence: number, reason: string): void {
    for (const open of this.#open.filter((each) => each.sequence === sequence))
      this.#end(open, (node) => ({ outcome: "not-sent", node, reason, sequence }));
  }

  /** Ends what has waited long enough; the regular look. */
  look(nowMs: number): void {
    for (const open of this.#open.filter(({ untilMs }) => nowMs >= untilMs))
      this.#end(open, (node) => ({
        ...{ outcome: "silent", node, sequence: open.sequence },
        reason: "The pack didn't answer. Whether it did it, its values will show.",
      }));
  }

  /** When the next look is due; undefined: nothing is under way. */
  dueMs(): number | undefined {
    return this.#open.length === 0 ? undefined : Math.min(...this.#open.map(({ untilMs }) => untilMs));
  }

  get size(): number {
    return this.#open.length;
  }

  #end(open: Open, toldOf: (node: HardwareNumber) => Told): void {
    const silent = [...open.waiting.values()];
    open.waiting.clear();
    this.#close();
    for (const node of silent) open.tell(toldOf(node));
  }

  #close(): void {
    this.#open = this.#open.filter(({ waiting }) => waiting.size > 0);
  }

  #nextSequence(): number {
    do this.#sequence = (this.#sequence + 1) & 0xff;
    while (this.#open.some(({ sequence }) => sequence === this.#sequence));
    return this.#sequence;
  }
}
