import type { Clock, Timer } from "../../kernel/clock.ts";
import { blockNumber } from "../blockwise/block-option.ts";
import { decodeMissingBlocks, missingBlocksFormat } from "../blockwise/missing-blocks.ts";
import { receiveTimeoutMs } from "../blockwise/receive-timeout.ts";
import type { Link } from "../exchange/link.ts";
import { faults } from "../faults.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";

export interface QBlockUploadOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly isConfirmable: boolean;
  /** Blocks of the body. */
  readonly total: number;
  readonly where: { readonly address: string; readonly port: number };
  /** Sends a block: each time as a request of its own. */
  readonly send: (block: number) => void;
  readonly failed: (fault: Error) => void;
}

/** A body that goes by Q-Block1 (RFC 9177 section 4.3): in sets, the next after 2.31 or NON_TIMEOUT_RANDOM, what 4.08 names again. */
export class QBlockUpload {
  readonly #options: QBlockUploadOptions;
  /** The first block that wasn't sent yet. */
  #next = 0;
  /** NON_TIMEOUT_RANDOM, the same between all sets of the body. */
  readonly #delayMs: number;
  #asks = 0;
  #timer: Timer | undefined;
  #beganMs = 0;

  constructor(options: QBlockUploadOptions) {
    this.#options = options;
    const { limits, entropy } = options.link;
    this.#delayMs = limits.nonTimeoutMs * (1 + (limits.ackRandomPercent / 100 - 1) * entropy.fraction());
  }

  /** From the first block; also anew, after an Echo. */
  begin(): void {
    this.#next = 0;
    this.#asks = 0;
    this.#beganMs = this.#options.clock.monotonicMs();
    this.#sendSet();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** All confirmable blocks that were sent arrived. */
  drained(): void {
    if (this.#next < this.#options.total) this.#sendSet();
    else this.#arm();
  }

  /** False: it is no word about blocks, but the answer to the body. */
  take(view: MessageView): boolean {
    if (view.code === Code.continue) {
      this.#asks = 0;
      const value = view.uint(OptionNumber.qBlock1);
      const isForLatest = value >= 0 && blockNumber(value) >= this.#next - 1;
      if (this.#next >= this.#options.total) this.#arm();
      else if (isForLatest && !this.#options.isConfirmable) this.#sendSet();
      return true;
    }
    const isReport =
      view.code === Code.requestEntityIncomplete && view.uint(OptionNumber.contentFormat) === missingBlocksFormat;
    if (!isReport) return false;
    this.#asks = 0;
    const missing = decodeMissingBlocks(view.payload());
    // RFC 9177 section 5: a list that doesn't ascend is dropped.
    if (missing === undefined) this.#options.link.counters.responsesRejected++;
    else this.#sendAgain(missing);
    return true;
  }

  #sendAgain(missing: readonly number[]): void {
    const { maxPayloads } = this.#options.link.limits;
    const again = missing.filter((block) => block < this.#next).slice(0, maxPayloads);
    for (const block of again) this.#options.send(block);
    // Blocks that weren't sent yet: all before them came.
    if (again.length === 0 && this.#next < this.#options.total && missing[0]! < this.#options.total) this.#sendSet();
    else this.#arm();
  }

  #sendSet(): void {
    const { total, link, send } = this.#options;
    const { maxPayloads } = link.limits;
    const end = Math.min(total, (Math.floor(this.#next / maxPayloads) + 1) * maxPayloads);
    const from = this.#next;
    this.#next = end;
    for (let block = from; block < end; block++) send(block);
    // Acknowledgements pace what is confirmable.
    if (!this.#options.isConfirmable) this.#arm();
  }

  #arm(): void {
    const { clock, total, link, isConfirmable } = this.#options;
    this.#timer?.cancel();
    if (isConfirmable) {
      this.#timer = clock.after(link.limits.responseTimeoutMs, () => this.#unanswered());
      return;
    }
    const isSent = this.#next >= total;
    const waitMs = isSent ? receiveTimeoutMs(link.limits, this.#asks, 0) : this.#delayMs;
    this.#timer = clock.after(waitMs, () => (isSent ? this.#prod() : this.#sendSet()));
  }

  /** Everything was sent and nothing is heard: the last block again, which is answered as if it came for the first time. */
  #prod(): void {
    const { link, send, total } = this.#options;
    if (this.#asks >= link.limits.nonMaxRetransmit) {
      this.#unanswered();
      return;
    }
    this.#asks++;
    send(total - 1);
    this.#arm();
  }

  #unanswered(): void {
    const seconds = Math.round((this.#options.clock.monotonicMs() - this.#beganMs) / 1_000);
    this.#options.failed(faults("coap.timeout", { ...this.#options.where, seconds }));
  }
}
