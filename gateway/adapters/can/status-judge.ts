import { slcanFlags } from "../../../schemas/wire/slcan.ts";

/** What went over the bus since the status before this one. */
export interface Since {
  /** Frames that were heard. */
  readonly frames: number;
  /** Frames that were given to the adapter, or ended. */
  readonly tries: number;
  /** It was asked for in its turn, not because a frame failed. */
  readonly isLook: boolean;
}

/** So many looks in a row with bus errors and without a frame mean another bit rate. */
const errorsOfOtherRate = 2;
/** So many looks in a row without any error end the mere listening at a wrong bit rate: whoever spoke at it is gone. */
const looksUntilQuiet = 10;

/** What a serial-line adapter's status means, looked at over time. */
export class StatusJudge {
  #errorsInARow = 0;
  #quietLooks = 0;

  /** The bus works, or its channel was opened anew. */
  forget(): void {
    this.#errorsInARow = 0;
    this.#quietLooks = 0;
  }

  /** While it takes part. Undefined: as before. */
  taking(
    flags: number,
    { frames, tries, isLook }: Since,
  ): "up" | "error-passive" | "bus-off" | "wrong-bit-rate" | undefined {
    if ((flags & slcanFlags.busOff) !== 0) return "bus-off";
    const isError = (flags & slcanFlags.busError) !== 0;
    const isUnheard = isError && frames === 0;
    // Errors while it sends come of its own sending; errors while it is quiet, with nothing understood, come of others at another rate.
    if (isLook) this.#errorsInARow = isUnheard && tries === 0 ? this.#errorsInARow + 1 : 0;
    if (this.#errorsInARow >= errorsOfOtherRate) return "wrong-bit-rate";
    if ((flags & slcanFlags.errorPassive) === 0) return isLook && !isError ? "up" : undefined;
    return isUnheard && tries > 0 ? "error-passive" : undefined;
  }

  /** While it only listens: errors alone, or nothing at all, since a frame ends the listening. */
  listening(flags: number, isKnownWrong: boolean): "wrong-bit-rate" | "take-part" | undefined {
    if ((flags & slcanFlags.busError) !== 0) {
      this.#quietLooks = 0;
      return "wrong-bit-rate";
    }
    return ++this.#quietLooks >= looksUntilQuiet || !isKnownWrong ? "take-part" : undefined;
  }
}
