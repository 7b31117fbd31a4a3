import type { PeerIdentity } from "../../route.ts";
import type { AeadFacts } from "./aead.ts";
import type { OscoreContextOptions, OscoreParameters } from "./oscore-parameters.ts";

/** Bytes of a context in the table's memory: keys, nonces with a Partial IV of zero, and the IDs with their lengths before them. */
export const material = {
  senderKey: 0,
  recipientKey: 32,
  senderNonce: 64,
  recipientNonce: 77,
  senderId: 90,
  recipientId: 98,
  bytes: 112,
} as const;

/** One more would need a sixth byte (RFC 8613 section 7.2.1). */
export const maxSequence = 2 ** 40 - 1;

/** Why a Partial IV can't be taken. */
export type ReplayVerdict = "fresh" | "replayed";

/**
 * A security context (RFC 8613 section 3.1): both directions with one peer. Made by `OscoreContexts.add`. Its bytes lie in the table's
 * memory, so that a hundred thousand contexts are not a million small arrays.
 */
export class OscoreContext {
  /** Never given twice by one table. */
  readonly number: number;
  readonly identity: PeerIdentity;
  readonly facts: AeadFacts;
  /** Kept for contexts that derive others (appendix B.2), else undefined. */
  readonly parameters: OscoreParameters | undefined;
  readonly idContext: Uint8Array | undefined;
  /** What requests carry as `kid context`. */
  kidContext: Uint8Array | undefined;
  /** The ID Context in a CBOR byte string: the other form in which appendix B.2 names it. */
  wrappedIdContext: Uint8Array | undefined = undefined;
  /** What appendix B.2 derived from it last. */
  derived: OscoreContext | undefined = undefined;
  readonly options: OscoreContextOptions;
  /** Where its bytes are. */
  readonly memory: Uint8Array;
  readonly at: number;
  isRemoved: boolean = false;
  /** Appendix B.2 derived it from this one. */
  base: OscoreContext | undefined = undefined;
  /** It was removed because another one derived from its base took its place. */
  isReplaced: boolean = false;
  /** Messages that didn't verify with it, since it was made. */
  failures = 0;
  /** The one of its identity that protects our requests. */
  isCurrent: boolean = false;
  /** The next one with the same recipient ID. */
  next: OscoreContext | undefined = undefined;
  /** Numbers from `sequence` up to `leasedUntil` are ours to use; those from `nextLease` up to `nextLeaseEnd` come after them. */
  sequence = 0;
  leasedUntil = 0;
  nextLease = 0;
  nextLeaseEnd = 0;
  /** Where the newest lease ends: none may begin below. */
  leasedBefore = 0;
  isLeasing: boolean = false;
  waiting: ((isLeased: boolean) => void)[] | undefined = undefined;
  /** The replay window: highest Partial IV that verified, and which of the 64 up to it did. */
  #highest = -1;
  #seenLow = 0;
  #seenHigh = 0;
  /** False while it isn't known what was received before: see `OscoreContextOptions.isNew`. */
  hasWindow: boolean;
  /** What proves freshness as long as there is no window. */
  echo: Uint8Array | undefined = undefined;
  /** How often it was asked for since then. */
  echoesAsked = 0;
  echoesSinceMs = 0;
  /** Answers that ask for it and wait for a number. */
  echoesWaiting = 0;

  constructor(fields: {
    readonly number: number;
    readonly facts: AeadFacts;
    readonly parameters: OscoreParameters;
    readonly options: OscoreContextOptions;
    readonly memory: Uint8Array;
    readonly at: number;
  }) {
    const { number, facts, parameters, options, memory, at } = fields;
    this.number = number;
    this.facts = facts;
    this.identity = options.identity ?? nobody;
    this.parameters = options.derivesAnew === true ? parameters : undefined;
    this.idContext = parameters.idContext?.slice();
    this.kidContext = options.sendsIdContext === false ? undefined : this.idContext;
    this.options = options;
    this.memory = memory;
    this.at = at;
    this.hasWindow = options.isNew ?? false;
  }

  /** What a log or an error text may show of it: its keys, and the secret of one that derives others, stay out. */
  toJSON(): { readonly oscoreContext: number; readonly identity: PeerIdentity } {
    return { oscoreContext: this.number, identity: this.identity };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): object {
    return this.toJSON();
  }

  /** RFC 8613 section 7.4. Asks only: what fails to decrypt must not move the window. */
  verdict(partialIv: number): ReplayVerdict {
    if (partialIv > this.#highest) return "fresh";
    const back = this.#highest - partialIv;
    if (back >= 64) return "replayed";
    const word = back < 32 ? this.#seenLow : this.#seenHigh;
    return ((word >>> (back & 31)) & 1) === 1 ? "replayed" : "fresh";
  }

  /** It verified: no other message with this Partial IV is taken. */
  received(partialIv: number): void {
    const ahead = partialIv - this.#highest;
    if (ahead <= 0) {
      const back = -ahead;
      if (back < 32) this.#seenLow |= 1 << back;
      else this.#seenHigh |= 1 << (back & 31);
      return;
    }
    this.#highest = partialIv;
    if (ahead >= 64) {
      this.#seenHigh = 0;
      this.#seenLow = 1;
    } else if (ahead >= 32) {
      this.#seenHigh = this.#seenLow << (ahead & 31);
      this.#seenLow = 1;
    } else {
      this.#seenHigh = (this.#seenHigh << ahead) | (this.#seenLow >>> (32 - ahead));
      this.#seenLow = (this.#seenLow << ahead) | 1;
    }
  }

  /** The window begins here: everything up to this Partial IV counts as received (appendix B.1.2). */
  startWindow(partialIv: number): void {
    this.#highest = partialIv;
    this.#seenLow = -1;
    this.#seenHigh = -1;
    this.hasWindow = true;
    this.echo = undefined;
  }
}

const nobody: PeerIdentity = { kind: "none" };
