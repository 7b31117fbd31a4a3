import { createHash } from "node:crypto";
import type { Log } from "../../../kernel/log.ts";
import { material, maxSequence, type OscoreContext } from "./oscore-context.ts";
import type { SequenceLeases } from "./sequence-leases.ts";

/** From here on the log says that a context needs new keys soon (RFC 8613 section 7.2.1). */
const lowSequence = maxSequence - 2 ** 24;

/** Gives out the sender sequence numbers of contexts, each once, from ranges that were leased before. */
export class SenderNumbers {
  readonly #leases: SequenceLeases;
  readonly #log: Log;
  readonly #count: number;

  /** `count` numbers are leased at a time. */
  constructor(leases: SequenceLeases, log: Log, count: number) {
    this.#leases = leases;
    this.#log = log;
    this.#count = count;
  }

  /** The next one, -1 when none is leased yet: `whenLeased` then tells. */
  take(context: OscoreContext): number {
    if (context.isRemoved) return -1;
    if (context.sequence >= context.leasedUntil && context.nextLeaseEnd > 0) {
      context.sequence = context.nextLease;
      context.leasedUntil = context.nextLeaseEnd;
      context.nextLease = 0;
      context.nextLeaseEnd = 0;
    }
    const isLow = context.leasedUntil - context.sequence <= this.#count / 2;
    if (isLow && context.nextLeaseEnd === 0) this.#lease(context);
    if (context.sequence >= context.leasedUntil) {
      if (context.nextLeaseEnd === 0) return -1;
      return this.take(context);
    }
    return context.sequence > maxSequence ? -1 : context.sequence++;
  }

  /** All numbers of a context whose keys are new, and whose numbers are therefore written nowhere. */
  ownAll(context: OscoreContext): void {
    context.leasedUntil = maxSequence + 1;
    context.leasedBefore = maxSequence + 1;
  }

  isAtHand(context: OscoreContext): boolean {
    if (context.sequence >= context.leasedUntil && context.nextLeaseEnd === 0) this.#lease(context);
    return hasNumbers(context);
  }

  /** Calls once numbers are there, or with false when the lease failed. */
  whenLeased(context: OscoreContext, call: (isLeased: boolean) => void): void {
    if (context.isLeasing) {
      context.waiting ??= [];
      context.waiting.push(call);
    } else {
      queueMicrotask(() => call(hasNumbers(context)));
    }
  }

  #lease(context: OscoreContext): void {
    if (context.isLeasing || context.isRemoved || context.sequence > maxSequence) return;
    try {
      const first = this.#leases.lease(nameOf(context), this.#count);
      if (typeof first === "number") {
        this.#took(context, first);
        return;
      }
      context.isLeasing = true;
      const over = (): void => {
        context.isLeasing = false;
        const calls = context.waiting ?? [];
        context.waiting = undefined;
        for (const call of calls) call(hasNumbers(context));
      };
      first
        .then((number) => this.#took(context, number))
        .catch((error: unknown) => this.#failed(error))
        .then(over, over);
    } catch (error) {
      this.#failed(error);
    }
  }

  #took(context: OscoreContext, first: number): void {
    if (first > maxSequence) return;
    if (!(first >= context.leasedBefore)) {
      throw new RangeError("The lease holds numbers that were leased before: its storage went back in time.");
    }
    if (first <= lowSequence && first + this.#count > lowSequence) {
      const { identity } = context;
      const whose = identity.kind === "none" ? "" : `${identity.kind} ${identity.id}`;
      this.#log.warn("oscore-numbers-end", { left: maxSequence - first, identity: whose });
    }
    context.nextLease = first;
    context.nextLeaseEnd = Math.min(first + this.#count, maxSequence + 1);
    context.leasedBefore = context.nextLeaseEnd;
  }

  #failed(error: unknown): void {
    this.#log.error("oscore-lease-failed", { message: error instanceof Error ? error.message : String(error) });
  }
}

function hasNumbers({ isRemoved, sequence, leasedUntil, nextLeaseEnd }: OscoreContext): boolean {
  return !isRemoved && (sequence < leasedUntil || nextLeaseEnd > 0);
}

function nameOf({ options, memory, at }: OscoreContext): string {
  if (options.sequenceName !== undefined) return options.sequenceName;
  const key = memory.subarray(at + material.senderKey, at + material.senderId);
  return createHash("sha256").update("oscore sender").update(key).digest("hex").slice(0, 32);
}
