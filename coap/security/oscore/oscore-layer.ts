import type { Clock } from "../../../kernel/clock.ts";
import type { CoapLimits } from "../../limits.ts";
import { MessageType } from "../../message.ts";
import type { MessageView } from "../../message-view.ts";
import { MessageWriter } from "../../message-writer.ts";
import type { Aead } from "./aead.ts";
import { chooseAead } from "./choose-aead.ts";
import { ContextRecovery } from "./context-recovery.ts";
import type { OscoreContext } from "./oscore-context.ts";
import type { OscoreContexts } from "./oscore-contexts.ts";
import type { OscoreExchange } from "./oscore-exchange.ts";
import { OscoreMessages } from "./oscore-messages.ts";
import { OuterBlocks } from "./outer-blocks.ts";
import { RememberedReplies } from "./remembered-replies.ts";

export interface OscoreLayerOptions {
  readonly contexts: OscoreContexts;
  readonly clock: Clock;
  readonly limits: CoapLimits;
}

/** What OSCORE counts, from zero at its making. */
export interface OscoreCounts {
  verified: number;
  optionMalformed: number;
  contextNotFound: number;
  replayed: number;
  decryptionFailed: number;
  echoAsked: number;
  echoHeldBack: number;
  repliesWithoutNumber: number;
  responsesUnverified: number;
  responsesUnprotected: number;
  notificationsStale: number;
}

/**
 * What the endpoint's parts share of OSCORE: contexts, the messages, and the answers that a duplicate gets again. Requests come in through
 * `OscoreServer`, answers to ours through `OscoreClient`.
 */
export class OscoreLayer {
  readonly contexts: OscoreContexts;
  readonly messages: OscoreMessages;
  readonly counts: OscoreCounts = {
    verified: 0,
    optionMalformed: 0,
    contextNotFound: 0,
    replayed: 0,
    decryptionFailed: 0,
    echoAsked: 0,
    echoHeldBack: 0,
    repliesWithoutNumber: 0,
    responsesUnverified: 0,
    responsesUnprotected: 0,
    notificationsStale: 0,
  };
  readonly aead: Aead;
  readonly recovery: ContextRecovery;
  readonly outerBlocks: OuterBlocks;
  readonly #clock: Clock;
  readonly #replies: RememberedReplies;
  readonly #empty = new MessageWriter(4);

  constructor({ contexts, clock, limits }: OscoreLayerOptions) {
    this.contexts = contexts;
    this.#clock = clock;
    const { rememberedReplies, rememberedReplyBytes, maxUnfragmented } = contexts.limits;
    // Room for the largest datagram or message in blocks, and for a tag.
    const maxText = Math.max(limits.maxDatagram, limits.maxMessage + 2_048, maxUnfragmented) + 32;
    this.aead = chooseAead(maxText, contexts.aead);
    this.messages = new OscoreMessages({ contexts, aead: this.aead, maxOptions: limits.maxOptions });
    this.outerBlocks = new OuterBlocks(clock, contexts.limits, limits.maxOptions);
    this.recovery = new ContextRecovery(contexts, this.messages, clock);
    this.#replies = new RememberedReplies({
      clock,
      replies: rememberedReplies,
      bytes: rememberedReplyBytes,
      lifetimeMs: limits.exchangeLifetimeMs,
      hashSeed: contexts.entropy.uint32(),
    });
  }

  /** Protects the request in the writer, by a context derived anew where that is how `context` is used. As `sealRequest` of the messages. */
  sealRequest(writer: MessageWriter, context: OscoreContext, echo: Uint8Array | undefined): OscoreExchange | undefined {
    return this.messages.sealRequest(writer, this.recovery.contextOf(context), echo);
  }

  /**
   * Protects the answer in the writer; false: it can't be sent. A notification, and whatever comes after the first answer of an
   * exchange, has a number of its own.
   */
  sealReply(writer: MessageWriter, exchange: OscoreExchange, hasOwnIv = false): boolean {
    if (this.messages.sealReply(writer, exchange, hasOwnIv)) {
      if (exchange.outer !== undefined) this.outerBlocks.answer(writer, exchange.outer);
      return true;
    }
    this.counts.repliesWithoutNumber++;
    return false;
  }

  /** Whether one more request may be asked for an Echo: the answer takes a sequence number, and who repeats an old request needs no key. */
  mayAskEcho(context: OscoreContext): boolean {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - context.echoesSinceMs >= 1_000) {
      context.echoesSinceMs = nowMs;
      context.echoesAsked = 0;
    }
    return context.echoesAsked++ < this.contexts.limits.echoesPerSecond;
  }

  /** The piggybacked answer in the writer is what a duplicate of this request gets. */
  answered(peer: number, view: Pick<MessageView, "type" | "messageId">, writer: MessageWriter): void {
    if (view.type === MessageType.confirmable) this.#replies.remember(peer, view.messageId, writer);
  }

  /** There is no piggybacked answer: a duplicate gets an empty ACK. */
  acknowledged(peer: number, view: MessageView): void {
    if (view.type !== MessageType.confirmable) return;
    this.#empty.empty(MessageType.acknowledgement, view.messageId);
    this.#replies.remember(peer, view.messageId, this.#empty);
  }

  /** Puts the answer to a duplicate into the writer. */
  recall(peer: number, view: MessageView, writer: MessageWriter): boolean {
    return this.#replies.recall(peer, view, writer);
  }

  /** What is held for a peer goes: its address changed hands. */
  dropPeer(peer: number): void {
    this.#replies.dropPeer(peer);
    this.outerBlocks.dropPeer(peer);
  }
}
