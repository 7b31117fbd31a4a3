import { hasMoreBlocks } from "../../blockwise/block-option.ts";
import { OptionNumber } from "../../message.ts";
import type { MessageView } from "../../message-view.ts";
import type { OscoreExchange } from "./oscore-exchange.ts";
import type { OscoreLayer } from "./oscore-layer.ts";
import type { ReplyVerdict } from "./oscore-messages.ts";

/** Where answers belong: open requests, and observations. */
export interface ExpectedAnswers {
  /** What an answer with that token from that peer has to verify with. */
  oscoreOf(view: MessageView, peer: number): OscoreExchange | undefined;
}

export interface ExpectedResponses extends ExpectedAnswers {
  /** An error in the clear. */
  refused(view: MessageView, peer: number): void;
  /** An outer block: the whole answer when this was the last, else the next one is asked for. */
  outerBlock(view: MessageView, peer: number): MessageView | undefined;
}

/** RFC 8613 section 8.4: answers to protected requests of ours to plain ones. */
export class OscoreClient {
  readonly #layer: OscoreLayer;
  readonly #exchanges: ExpectedResponses;
  readonly #observations: ExpectedAnswers;
  /** Whether what was opened last verified as a notification although a request with its token is open. */
  isOfObservation: boolean = false;

  constructor(layer: OscoreLayer, exchanges: ExpectedResponses, observations: ExpectedAnswers) {
    this.#layer = layer;
    this.#exchanges = exchanges;
    this.#observations = observations;
  }

  /**
   * The answer to go on with: `view` itself when nothing protected is expected, else what verified. Undefined: it must not be
   * processed, and an error in the clear has ended its request.
   */
  open(view: MessageView, peer: number): MessageView | undefined {
    this.isOfObservation = false;
    const { counts } = this.#layer;
    const ofRequest = this.#exchanges.oscoreOf(view, peer);
    const ofObservation = this.#observations.oscoreOf(view, peer);
    if (ofRequest === undefined && ofObservation === undefined) return view;
    if (view.find(OptionNumber.oscore) < 0) {
      counts.responsesUnprotected++;
      // Success in the clear is nobody's answer to a protected request.
      if (view.code >> 5 > 3) this.#exchanges.refused(view, peer);
      return undefined;
    }
    const block2 = ofRequest === undefined ? -1 : view.uint(OptionNumber.block2);
    if (block2 >= 16 || (block2 >= 0 && hasMoreBlocks(block2))) {
      const whole = this.#exchanges.outerBlock(view, peer);
      return whole === undefined ? undefined : this.#open(whole, ofRequest, ofObservation);
    }
    return this.#open(view, ofRequest, ofObservation);
  }

  #open(
    view: MessageView,
    ofRequest: OscoreExchange | undefined,
    ofObservation: OscoreExchange | undefined,
  ): MessageView | undefined {
    const { messages, counts } = this.#layer;
    let verdict = ofRequest === undefined ? "bad" : this.#openAnswer(view, ofRequest);
    if (verdict === "bad" && ofObservation !== undefined && ofObservation !== ofRequest) {
      // While an observation is renewed, notifications of the earlier registration may still come.
      verdict = messages.openReply(view, ofObservation);
      this.isOfObservation = verdict === "opened";
    }
    if (verdict === "opened") return messages.reply;
    if (verdict === "stale") counts.notificationsStale++;
    else counts.responsesUnverified++;
    return undefined;
  }

  #openAnswer(view: MessageView, exchange: OscoreExchange): ReplyVerdict {
    const { messages, recovery } = this.#layer;
    const { context } = exchange;
    if (!recovery.mayBegin(context)) return messages.openReply(view, exchange);
    const verdict = recovery.isBeginning(context) ? "bad" : messages.openReply(view, exchange);
    return verdict === "bad" ? recovery.response(view, exchange) : verdict;
  }
}
