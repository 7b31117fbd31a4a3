import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { retrySchedule } from "../../../kernel/retry-schedule.ts";
import type { CanFrame } from "../../../schemas/wire/can.ts";
import { parseSlcan, SlcanReader, slcanBitRates, slcanOfFrame } from "../../../schemas/wire/slcan.ts";
import type { CanBus, CanBusState, CanCounters, CanEnd } from "../../ports/can-bus.ts";
import { BusFace } from "./bus-face.ts";
import type { ByteLink, OpenByteLink } from "./byte-link.ts";
import { type CanLimits, canLimits } from "./can-limits.ts";
import { StatusJudge } from "./status-judge.ts";

export interface SlcanBusOptions {
  readonly open: OpenByteLink;
  readonly clock: Clock;
  readonly entropy: Pick<Entropy, "fraction">;
  readonly log: Log;
  /** Default 500 kbit/s. */
  readonly bitRate?: number;
  readonly limits?: { readonly [Name in keyof CanLimits]?: number };
}

interface Waiting {
  readonly frame: CanFrame;
  readonly ended: ((end: CanEnd) => void) | undefined;
  /** When it was given to the adapter. */
  givenMs: number;
}

/**
 * absent: there is no line. resting: bus-off, before the next try. closing, rating, opening: the steps of opening the adapter's channel.
 * asking: open, and asked for its status. listening: open to listen only, after bus-off or at a wrong bit rate: it disturbs nobody. open: it takes part.
 */
type Phase = "absent" | "resting" | "closing" | "rating" | "opening" | "asking" | "listening" | "open";

/** What an adapter answers: all; all but its status; nothing at all, as some do that carry frames all the same. */
type Manner = "full" | "no-status" | "mute";

/** A mute adapter's frames count as sent after so long, which is longer than they take. */
const mutePaceMs = 5;
/** So many frames in a row that nobody acknowledged make it open the channel anew, where there is no status to tell of bus-off. */
const failsUntilAnew = 20;

const nobodyAcknowledges = "Nobody on the CAN bus acknowledges: is a pack switched on and connected?";

/**
 * A CAN bus behind a serial-line adapter (`schemas/wire/slcan.ts`), real or virtual. Frames are given a few at a time and each ends as the
 * adapter answers it. Whatever goes wrong ends what was under way, shows as state with what to do, and is tried again with growing pauses.
 */
export class SlcanBus implements CanBus {
  readonly #options: SlcanBusOptions;
  readonly #limits: CanLimits;
  readonly #face: BusFace;
  readonly #reader = new SlcanReader();
  readonly #bitRateDigit: number;
  readonly #queue: Waiting[] = [];
  readonly #given: Waiting[] = [];
  #pauses: Iterator<number>;
  #link: ByteLink | undefined;
  #phase: Phase = "absent";
  #isListenWanted: boolean = false;
  #isClosed: boolean = true;
  #opening: symbol | undefined;
  #stepTimer: Timer | undefined;
  #statusTimer: Timer | undefined;
  #reopenTimer: Timer | undefined;
  #heardMs = 0;
  #sinceStatus = { frames: 0, tries: 0 };
  #isLookDue: boolean = false;
  readonly #judge = new StatusJudge();
  #manner: Manner = "full";
  #hasAnswered: boolean = false;
  #failsInARow = 0;
  #muteTimer: Timer | undefined;
  #hasOpenedBefore: boolean = false;

  constructor(options: SlcanBusOptions) {
    this.#options = options;
    this.#limits = canLimits.resolve(options.limits ?? {});
    this.#face = new BusFace(options.log);
    this.#bitRateDigit = slcanBitRates.indexOf(options.bitRate ?? 500_000);
    if (this.#bitRateDigit < 0) throw new RangeError(`a serial-line CAN adapter has no bit rate ${options.bitRate}`);
    this.#pauses = this.#freshPauses();
  }

  get state(): CanBusState {
    return this.#face.state;
  }

  get counters(): Readonly<CanCounters> {
    return this.#face.counters;
  }

  send(frame: CanFrame, ended?: (end: CanEnd) => void): "queued" | "full" {
    if (this.#queue.length >= this.#limits.queueFrames) {
      this.#face.counters.refused++;
      return "full";
    }
    this.#queue.push({ frame, ended, givenMs: 0 });
    if (this.#phase === "open") this.#pump();
    // Where no bus is about to open it is lost; said later, as the port promises.
    else if (!this.#isSettingUp) this.#options.clock.after(0, () => this.#isSettingUp || this.#failAll("lost"));
    return "queued";
  }

  get #isSettingUp(): boolean {
    return !["absent", "resting", "listening"].includes(this.#phase);
  }

  onFrame(listener: (frame: CanFrame) => void): () => void {
    return this.#face.onFrame(listener);
  }

  onState(listener: (state: CanBusState) => void): () => void {
    return this.#face.onState(listener);
  }

  open(): void {
    if (!this.#isClosed) return;
    this.#isClosed = false;
    this.#openLink();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#opening = undefined;
    this.#reopenTimer?.cancel();
    this.#queue.length = 0;
    this.#given.length = 0;
    if (this.#link !== undefined) this.#link.write("C\r");
    this.#dropLink();
    this.#face.set("closed", "It was closed.");
    return Promise.resolve();
  }

  #openLink(): void {
    const opening = Symbol("opening");
    this.#opening = opening;
    const isCurrent = (): boolean => this.#opening === opening;
    const events = {
      data: (bytes: Uint8Array): void => {
        if (isCurrent()) this.#read(bytes);
      },
      closed: (reason: string): void => {
        if (isCurrent()) this.#lost(reason);
      },
    };
    this.#options.open(events).then(
      (link) => {
        if (!isCurrent()) {
          link.close();
          return;
        }
        this.#link = link;
        this.#reader.reset();
        this.#heardMs = this.#options.clock.monotonicMs();
        this.#manner = "full";
        this.#setUp(false);
      },
      (error: unknown) => {
        if (isCurrent()) this.#lost(error instanceof Error ? error.message : String(error));
      },
    );
  }

  /** There is no line: what waits is lost, and the line is tried again. */
  #lost(reason: string): void {
    this.#opening = undefined;
    this.#dropLink();
    this.#failAll("lost");
    this.#face.set("unplugged", reason);
    this.#reopenLater(() => this.#openLink());
  }

  #reopenLater(reopen: () => void): void {
    if (this.#isClosed) return;
    this.#reopenTimer?.cancel();
    this.#reopenTimer = this.#options.clock.after(this.#pauses.next().value ?? this.#limits.reopenCapMs, reopen);
  }

  #dropLink(): void {
    this.#stepTimer?.cancel();
    this.#statusTimer?.cancel();
    this.#muteTimer?.cancel();
    this.#link?.close();
    this.#link = undefined;
    this.#phase = "absent";
  }

  /** Begins to open the adapter's channel, whatever state it was left in. */
  #setUp(isListenWanted: boolean): void {
    this.#isListenWanted = isListenWanted;
    this.#hasAnswered = false;
    // One that was mute may have been asleep.
    if (this.#manner === "mute") this.#manner = "full";
    this.#statusTimer?.cancel();
    this.#reopenTimer?.cancel();
    this.#failAll("lost");
    this.#phase = "closing";
    this.#link?.write("\rC\r");
    // How that is answered says nothing: there may be answers on the way to what was given before.
    this.#stepLater(this.#limits.settleMs, () => this.#step("rating", `S${this.#bitRateDigit}\r`));
  }

  #step(phase: Phase, text: string): void {
    this.#phase = phase;
    this.#link?.write(text);
    this.#stepLater(this.#limits.setUpMs, () => this.#unanswered(phase));
  }

  #unanswered(phase: Phase): void {
    if (phase === "asking") {
      this.#manner = "no-status";
      this.#opened();
    } else if (this.#hasAnswered) {
      this.#lost("The CAN adapter doesn't answer: is it one for serial-line CAN (slcan), and in that mode?");
    } else if (phase === "rating") {
      this.#step("opening", this.#isListenWanted ? "L\r" : "O\r");
    } else {
      this.#manner = "mute";
      this.#opened();
    }
  }

  #stepLater(delayMs: number, next: () => void): void {
    this.#stepTimer?.cancel();
    this.#stepTimer = this.#options.clock.after(delayMs, next);
  }

  #read(bytes: Uint8Array): void {
    this.#heardMs = this.#options.clock.monotonicMs();
    this.#hasAnswered = true;
    this.#reader.read(bytes, (line, end) => {
      if (end === "error") this.#answered("no-ack");
      else if (end === "garbage") this.#face.counters.garbled++;
      else this.#take(line);
    });
  }

  #take(text: string): void {
    const line = parseSlcan(text);
    switch (line?.kind) {
      case "frame":
        // What comes while the channel is being opened is of the time before.
        if (["open", "listening", "asking"].includes(this.#phase)) this.#frame(line.frame);
        return;
      case "sent":
      case "ok":
        this.#answered("sent");
        return;
      case "status":
        // What was before it opened is cleared by asking.
        if (this.#phase === "asking") this.#opened();
        else if (this.#phase === "open" || this.#phase === "listening") this.#status(line.flags);
        return;
      case "text":
      case "remote-frame":
        return;
      default:
        this.#face.counters.garbled++;
    }
  }

  #frame(frame: CanFrame): void {
    this.#sinceStatus.frames++;
    if (this.#phase === "listening") this.#setUp(false);
    else this.#proven();
    this.#face.received(frame);
  }

  /** The bus works: a frame came or went. */
  #proven(): void {
    this.#reopenTimer?.cancel();
    this.#judge.forget();
    this.#pauses = this.#freshPauses();
    this.#face.set("up");
  }

  /** An answer to a step, else to the frame that was given first. */
  #answered(end: "sent" | "no-ack"): void {
    const isRefused = end === "no-ack";
    switch (this.#phase) {
      case "rating":
        if (isRefused) this.#lost(`The CAN adapter refuses the bit rate ${slcanBitRates[this.#bitRateDigit]}.`);
        else this.#step("opening", this.#isListenWanted ? "L\r" : "O\r");
        return;
      case "opening":
        if (!isRefused) this.#chosen();
        // An adapter that can't only listen is taken as it is.
        else if (this.#isListenWanted) this.#setUp(false);
        else this.#lost("The CAN adapter refuses to open its channel: is another program using it?");
        return;
      case "asking":
        if (!isRefused) return;
        this.#manner = "no-status";
        this.#opened();
        return;
      case "listening":
        // It has no status to tell, so there is nothing to wait for.
        if (isRefused) this.#setUp(false);
        return;
      case "open":
        this.#ended(end);
        return;
      default:
    }
  }

  /** The channel is open. Whether it tells its status shows while nothing else waits for an answer. */
  #chosen(): void {
    if (this.#isListenWanted || this.#manner !== "full") this.#opened();
    else this.#step("asking", "F\r");
  }

  #opened(): void {
    this.#stepTimer?.cancel();
    this.#failsInARow = 0;
    this.#sinceStatus = { frames: 0, tries: 0 };
    this.#judge.forget();
    this.#phase = this.#isListenWanted ? "listening" : "open";
    if (this.#hasOpenedBefore) this.#face.counters.reopened++;
    this.#hasOpenedBefore = true;
    if (this.#phase === "listening") {
      // What was before it opened is cleared by asking.
      this.#link?.write("F\r");
      this.#askStatusLater(this.#limits.listenMs);
      return;
    }
    if (this.#manner !== "mute") this.#askStatusLater();
    // After bus-off or at a wrong bit rate that it opens again proves nothing yet.
    const { kind } = this.#face.state;
    if (this.#manner === "mute") {
      this.#face.set(
        "error-passive",
        "The CAN adapter answers nothing, as some do, and no frame was heard yet: is it one for slcan?",
      );
      this.#reopenLater(() => this.#setUp(false));
    } else if (kind === "closed" || kind === "unplugged") this.#face.set("up");
    this.#pump();
  }

  #ended(end: "sent" | "no-ack"): void {
    const waiting = this.#given.shift();
    if (waiting === undefined) return;
    this.#sinceStatus.tries++;
    if (end === "sent") {
      this.#face.counters.sent++;
      this.#failsInARow = 0;
      // A mute adapter proves nothing by its silence.
      if (this.#manner !== "mute") this.#proven();
    } else {
      this.#face.counters.failed++;
      this.#failed();
    }
    waiting.ended?.(end);
    this.#pump();
  }

  /** Why, the status says: nobody there, bus-off, or a full queue. */
  #failed(): void {
    if (this.#manner === "full") {
      this.#link?.write("F\r");
      return;
    }
    this.#face.set("error-passive", nobodyAcknowledges);
    if (++this.#failsInARow >= failsUntilAnew) this.#setUp(false);
  }

  #pump(): void {
    if (this.#phase !== "open" || this.#link === undefined) return;
    let text = "";
    const nowMs = this.#options.clock.monotonicMs();
    while (this.#given.length < this.#limits.windowFrames && this.#queue.length > 0) {
      const next = this.#queue.shift()!;
      next.givenMs = nowMs;
      this.#given.push(next);
      text += `${slcanOfFrame(next.frame)}\r`;
      this.#sinceStatus.tries++;
    }
    if (text === "") return;
    this.#link.write(text);
    if (this.#manner !== "mute") return;
    this.#muteTimer = this.#options.clock.after(mutePaceMs, () => {
      // Those that were given; what they set off is given then.
      for (let left = this.#given.length; left > 0 && this.#phase === "open"; left--) this.#ended("sent");
    });
  }

  #askStatusLater(delayMs = this.#limits.statusMs): void {
    this.#statusTimer?.cancel();
    this.#statusTimer = this.#options.clock.after(delayMs, () => {
      const nowMs = this.#options.clock.monotonicMs();
      // Who tells no status has nothing to say on a quiet bus.
      if (this.#manner === "full" && nowMs - this.#heardMs >= this.#limits.silentMs) {
        this.#lost("The CAN adapter says nothing any more.");
        return;
      }
      const isOverdue = (waiting: Waiting | undefined): boolean =>
        waiting !== undefined && waiting.givenMs + this.#limits.answerMs < nowMs;
      while (this.#phase === "open" && isOverdue(this.#given[0])) this.#ended("no-ack");
      if (this.#manner === "full" || this.#phase === "listening") {
        this.#isLookDue = true;
        this.#link?.write("F\r");
      }
      this.#askStatusLater();
    });
  }

  #status(flags: number): void {
    const since = { ...this.#sinceStatus, isLook: this.#isLookDue };
    this.#sinceStatus = { frames: 0, tries: 0 };
    this.#isLookDue = false;
    if (this.#phase === "listening") {
      if (!since.isLook) return;
      const verdict = this.#judge.listening(flags, this.#face.state.kind === "wrong-bit-rate");
      if (verdict === "wrong-bit-rate") this.#wrongBitRate();
      else if (verdict === "take-part") this.#setUp(false);
      return;
    }
    const verdict = this.#judge.taking(flags, since);
    if (verdict === "bus-off") this.#busOff();
    else if (verdict === "wrong-bit-rate") this.#wrongBitRate();
    else if (verdict === "error-passive") this.#face.set(verdict, nobodyAcknowledges);
    else if (verdict === "up") this.#face.set(verdict);
  }

  #busOff(): void {
    this.#face.set(
      "bus-off",
      "Too many errors on the CAN bus: check the wiring, the 120 ohm at both ends and the bit rate.",
    );
    this.#failAll("lost");
    this.#statusTimer?.cancel();
    this.#phase = "resting";
    this.#reopenLater(() => this.#setUp(true));
  }

  #wrongBitRate(): void {
    const bitRate = slcanBitRates[this.#bitRateDigit]!;
    this.#face.set(
      "wrong-bit-rate",
      `There is traffic on the CAN bus, but not at ${bitRate / 1000} kbit/s. It only listens, so that it disturbs nobody.`,
    );
    if (this.#phase !== "listening") this.#setUp(true);
  }

  #failAll(end: CanEnd): void {
    const failed = [...this.#given.splice(0), ...this.#queue.splice(0)];
    this.#face.counters.failed += failed.length;
    for (const { ended } of failed) ended?.(end);
  }

  #freshPauses(): Iterator<number> {
    const { reopenBaseMs: baseMs, reopenCapMs: capMs } = this.#limits;
    return retrySchedule({ baseMs, capMs: Math.max(baseMs, capMs) }, this.#options.entropy)[Symbol.iterator]();
  }
}
