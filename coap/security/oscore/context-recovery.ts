import { createHmac, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../../kernel/clock.ts";
import type { MessageView } from "../../message-view.ts";
import { cborBytes } from "./cose.ts";
import { material, type OscoreContext } from "./oscore-context.ts";
import type { OscoreContexts } from "./oscore-contexts.ts";
import type { OscoreExchange } from "./oscore-exchange.ts";
import type { OscoreMessages, ReplyVerdict } from "./oscore-messages.ts";

/** What a request with an unknown ID Context is at the server. */
export type RecoveryVerdict =
  /** Nothing here derives contexts for it. */
  | { readonly kind: "unknown" }
  | { readonly kind: "forged" }
  /** Request #1 of an endpoint that began at the same time as we did and is to wait: it comes again. */
  | { readonly kind: "late" }
  /** The limit of protocol runs is reached. */
  | { readonly kind: "full" }
  /** Request #1: to be answered 4.01 under `context`, with this `kid context`. */
  | { readonly kind: "first"; readonly context: OscoreContext; readonly kidContext: Uint8Array }
  /** Request #2: it stands opened in the messages, and belongs to the new context. */
  | { readonly kind: "second"; readonly context: OscoreContext };

/** At the client: the context of request #1, until the server's part of the next ID Context is there. */
interface Beginning {
  readonly base: OscoreContext;
  /** When a request was last protected with it. */
  usedMs: number;
  /** Other requests under the first context may still be answered. */
  isDone: boolean;
}

const randomBytes = 8;
const macBytes = 8;
/** Of an ID Context that comes in a request: with an R2 before it it still fits. */
const maxIdBytes = 48;
/**
 * Two endpoints that begin at the same time would each put the other's context in place of their own (appendix B.2.1). So the one with the smaller Sender
 * ID leaves request #1 without an answer for so long: its own run is over when the other's request is sent again.
 */
const headStartMs = 5_000;
const unknown: RecoveryVerdict = { kind: "unknown" };
const forged: RecoveryVerdict = { kind: "forged" };
const late: RecoveryVerdict = { kind: "late" };

/**
 * Response #1 has the nonce of the request (section 8.3), which was made from the Common IV of the first context, not of its own.
 */
function takeNonce(first: OscoreContext, second: OscoreContext, from: number): void {
  for (let i = from; i < from + first.facts.nonceLength; i++)
    second.memory[second.at + i] = first.memory[first.at + i]!;
}

/**
 * RFC 8613 appendix B.2: new keys from a secret whose sequence numbers or replay window are lost. The server keeps no R2: it recognises
 * its own by an HMAC under a key that lives until one run of the context ends (B.2.1).
 */
export class ContextRecovery {
  readonly #contexts: OscoreContexts;
  readonly #messages: OscoreMessages;
  readonly #clock: Clock;
  /** At the server, by context that derives: the key of its R2s. */
  readonly #keys = new Map<OscoreContext, { readonly key: Uint8Array; readonly untilMs: number }>();
  /** At the client. */
  readonly #beginnings = new Map<OscoreContext, Beginning>();

  constructor(contexts: OscoreContexts, messages: OscoreMessages, clock: Clock) {
    this.#contexts = contexts;
    this.#messages = messages;
    this.#clock = clock;
  }

  /**
   * A request whose `kid context` no context has; its option is decoded in the messages. The ID Context is in a CBOR byte string while a run goes on, and as it
   * is when the request belongs to a context that a run had made and that was lost here.
   */
  request(view: MessageView): RecoveryVerdict {
    const { kidContextStart: start, kidContextEnd: end } = this.#messages.option;
    const base = this.#contexts.findDeriving(view.bytes, this.#messages.option);
    if (base === undefined || start < 0 || end === start) return unknown;
    const wrapped = unwrapped(view.bytes, start, end);
    const verdict = wrapped === undefined ? forged : this.#run(view, base, wrapped);
    if (verdict !== forged || end - start > maxIdBytes) return verdict;
    return this.#run(view, base, view.bytes.slice(start, end));
  }

  #run(view: MessageView, base: OscoreContext, id: Uint8Array): RecoveryVerdict {
    const { partialIv } = this.#messages.option;
    if (this.#isOurs(base, id)) {
      if (!this.#messages.openRequest(view, this.#contexts.derive(base, id), partialIv)) return forged;
      this.#keys.delete(base);
      const context = this.#contexts.adopt(base, id);
      context.received(partialIv);
      return { kind: "second", context };
    }
    const first = this.#contexts.derive(base, id);
    if (!this.#messages.openRequest(view, first, partialIv)) return forged;
    if (this.#isAhead(base)) return late;
    const r2 = this.#newR2(base);
    if (r2 === undefined) return { kind: "full" };
    const context = this.#contexts.derive(base, Uint8Array.from([...r2, ...id]));
    takeNonce(first, context, material.recipientNonce);
    return { kind: "first", context, kidContext: Uint8Array.from(cborBytes(r2)) };
  }

  /** What a request of ours is protected with where `base` derives others: what was agreed, or a first context of our own. */
  contextOf(base: OscoreContext): OscoreContext {
    if (base.parameters === undefined) return base;
    if (base.derived?.isRemoved === false) return base.derived;
    const usedMs = this.#clock.monotonicMs();
    for (const [context, beginning] of this.#beginnings) {
      if (beginning.base !== base) continue;
      beginning.usedMs = usedMs;
      if (!beginning.isDone) return context;
      this.#beginnings.delete(context);
    }
    const r1 = this.#contexts.entropy.bytes(randomBytes);
    const context = this.#contexts.derive(base, r1);
    context.kidContext = Uint8Array.from(cborBytes(r1));
    this.#beginnings.set(context, { base, usedMs, isDone: false });
    return context;
  }

  /** Whether an answer under that context may be response #1: it began a run, or the server lost what a run had made. */
  mayBegin({ base }: OscoreContext): boolean {
    return base !== undefined;
  }

  /** Whether only response #1 can answer what was sent under it. */
  isBeginning(context: OscoreContext): boolean {
    return this.#beginnings.has(context);
  }

  /** Response #1: when it verifies, `contextOf` gives the new context from now on, and the request is to be sent again. */
  response(view: MessageView, exchange: OscoreExchange): ReplyVerdict {
    const { context } = exchange;
    const { base, idContext: id } = context;
    const { option } = this.#messages;
    if (base === undefined || base.isRemoved || id === undefined) return "bad";
    if (!this.#messages.decodeOption(view) || option.kidContextStart < 0) return "bad";
    const r2 = unwrapped(view.bytes, option.kidContextStart, option.kidContextEnd);
    if (r2 === undefined) return "bad";
    const second = exchange.copy();
    second.context = this.#contexts.derive(base, Uint8Array.from([...r2, ...id]));
    // The keys of one that was replaced are gone.
    const first = context.isRemoved ? this.#contexts.derive(base, id) : context;
    takeNonce(first, second.context, material.senderNonce);
    if (this.#messages.openReply(view, second) !== "opened") return "bad";
    const beginning = this.#beginnings.get(context);
    // Other requests under the first context are answered so as well.
    const isDone = beginning === undefined ? base.derived !== context : beginning.isDone;
    if (isDone) return "opened";
    if (beginning !== undefined) beginning.isDone = true;
    const third = this.#contexts.adopt(base, Uint8Array.from([...r2, ...this.#contexts.entropy.bytes(randomBytes)]));
    third.kidContext = third.wrappedIdContext;
    return "opened";
  }

  /** A context was removed. */
  forget(context: OscoreContext): void {
    this.#keys.delete(context);
    for (const [first, { base }] of this.#beginnings) if (base === context) this.#beginnings.delete(first);
  }

  #isAhead(base: OscoreContext): boolean {
    const { senderId, recipientId } = base.parameters!;
    if (!isBefore(senderId, recipientId)) return false;
    const since = this.#clock.monotonicMs() - headStartMs;
    for (const { base: of, usedMs, isDone } of this.#beginnings.values()) {
      if (of === base && !isDone && usedMs > since) return true;
    }
    return false;
  }

  #newR2(base: OscoreContext): Uint8Array | undefined {
    const key = this.#keyOf(base) ?? this.#newKey(base);
    if (key === undefined) return undefined;
    const s2 = this.#contexts.entropy.bytes(randomBytes);
    return Uint8Array.from([...s2, ...macOf(key, s2)]);
  }

  #isOurs(base: OscoreContext, id: Uint8Array): boolean {
    const key = this.#keyOf(base);
    const r2Bytes = randomBytes + macBytes;
    if (key === undefined || id.length <= r2Bytes) return false;
    return timingSafeEqual(macOf(key, id.subarray(0, randomBytes)), id.subarray(randomBytes, r2Bytes));
  }

  #keyOf(base: OscoreContext): Uint8Array | undefined {
    const kept = this.#keys.get(base);
    if (kept === undefined || kept.untilMs > this.#clock.monotonicMs()) return kept?.key;
    this.#keys.delete(base);
    return undefined;
  }

  #newKey(base: OscoreContext): Uint8Array | undefined {
    const { recoveries, recoveryMs } = this.#contexts.limits;
    if (this.#keys.size >= recoveries) for (const each of [...this.#keys.keys()]) this.#keyOf(each);
    if (this.#keys.size >= recoveries) return undefined;
    const key = this.#contexts.entropy.bytes(32);
    this.#keys.set(base, { key, untilMs: this.#clock.monotonicMs() + recoveryMs });
    return key;
  }
}

function isBefore(a: Uint8Array, b: Uint8Array): boolean {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length < b.length : at >= b.length ? false : a[at]! < b[at]!;
}

function macOf(key: Uint8Array, s2: Uint8Array): Uint8Array {
  return createHmac("sha256", key).update(s2).digest().subarray(0, macBytes);
}

/** The bytes of a CBOR byte string that is all there is; undefined for anything else, and for more than an ID Context holds. */
function unwrapped(bytes: Uint8Array, start: number, end: number): Uint8Array | undefined {
  const head = bytes[start];
  if (head === undefined || start >= end || head >> 5 !== 2) return undefined;
  const short = head & 31;
  const from = short < 24 ? start + 1 : start + 2;
  const length = short < 24 ? short : short === 24 ? bytes[start + 1]! : -1;
  if (length < 1 || length > maxIdBytes || from + length !== end) return undefined;
  return bytes.slice(from, end);
}
