import type { Link } from "../../exchange/link.ts";
import { Code, MessageType, OptionNumber } from "../../message.ts";
import type { MessageView } from "../../message-view.ts";
import { RemoteAddress } from "../../transport/remote-address.ts";
import type { OscoreContext } from "./oscore-context.ts";
import { OscoreExchange } from "./oscore-exchange.ts";
import type { OscoreLayer } from "./oscore-layer.ts";
import type { OuterRequest } from "./outer-blocks.ts";

/** The server behind OSCORE: what it does with a request that verified. */
export interface VerifiedRequests {
  /** Answers a message that came before; true when it was one. */
  isDuplicate(view: MessageView, peer: number): boolean;
  /** `exchange` is only borrowed. */
  serve(view: MessageView, peer: number, source: RemoteAddress, exchange: OscoreExchange): void;
}

const utf8 = new TextEncoder();
const texts = {
  decode: utf8.encode("Failed to decode COSE"),
  context: utf8.encode("Security context not found"),
  replay: utf8.encode("Replay detected"),
  decryption: utf8.encode("Decryption failed"),
  nothing: new Uint8Array(0),
} as const;

/** An answer to an address that proved nothing may be so many times as long as the request. */
const amplification = 3;
const echoBytes = 8;

/** Classes of figure 5 of RFC 8613: outer options with an inner meaning are dropped, those of Class U kept, others judged as unknown. */
const isDropped = new Uint8Array(300);
for (const number of [
  OptionNumber.ifMatch,
  OptionNumber.eTag,
  OptionNumber.ifNoneMatch,
  OptionNumber.observe,
  OptionNumber.locationPath,
  OptionNumber.oscore,
  OptionNumber.uriPath,
  OptionNumber.contentFormat,
  OptionNumber.maxAge,
  OptionNumber.uriQuery,
  OptionNumber.accept,
  OptionNumber.locationQuery,
  OptionNumber.block2,
  OptionNumber.block1,
  OptionNumber.size2,
  OptionNumber.size1,
  OptionNumber.noResponse,
  OptionNumber.echo,
  OptionNumber.requestTag,
]) {
  isDropped[number] = 1;
}

/** RFC 8613 section 8.2: protected requests to plain ones, and the unprotected errors of those that are none. */
export class OscoreServer {
  readonly #link: Link;
  readonly #layer: OscoreLayer;
  readonly #server: VerifiedRequests;
  #exchange: OscoreExchange | undefined;
  /** Of the message at hand: whether it has Uri-Host, Uri-Port or Hop-Limit. */
  #hasOuter: boolean = false;
  /** Whether it has outer block options, and what they say. */
  #isInBlocks: boolean = false;
  #outer: OuterRequest | undefined;

  constructor(link: Link, layer: OscoreLayer, server: VerifiedRequests) {
    this.#link = link;
    this.#layer = layer;
    this.#server = server;
  }

  /** A request with an OSCORE option. */
  request(view: MessageView, peer: number, source: RemoteAddress): void {
    const { counters, writer } = this.#link;
    counters.requests++;
    // Group OSCORE is another protocol.
    if (source.isMulticast) {
      counters.multicastSilent++;
      return;
    }
    if (this.#server.isDuplicate(view, peer)) return;
    // What isn't confirmable is never acknowledged; the replay window tells whether it came before.
    if (view.type === MessageType.confirmable && this.#layer.recall(peer, view, writer)) {
      counters.duplicates++;
      this.#link.sendTo(writer.bytes, writer.end, source);
      return;
    }
    const refused = this.#outerOptions(view);
    if (refused !== 0) {
      this.#refuse(view, peer, source, refused, texts.nothing);
      return;
    }
    const whole = this.#isInBlocks ? this.#block(view, peer, source) : view;
    if (whole === undefined) return;
    if (whole.payloadStart === whole.end) {
      // RFC 8613 section 2: malformed, and so rejected (RFC 7252 sections 4.2 and 4.3).
      this.#layer.counts.optionMalformed++;
      if (view.type === MessageType.confirmable) this.#link.sendEmpty(MessageType.reset, view.messageId, source);
      return;
    }
    this.#verify(whole, peer, source);
  }

  /** RFC 8613 section 8.2.1: outer blocks first. The message once it is whole. */
  #block(view: MessageView, peer: number, source: RemoteAddress): MessageView | undefined {
    const { outerBlocks } = this.#layer;
    const { writer } = this.#link;
    const outer = outerBlocks.outerOf(view, peer);
    if (outer.block2 >= 16) {
      const type = view.type === MessageType.confirmable ? MessageType.acknowledgement : MessageType.nonConfirmable;
      const messageId = this.#messageIdOf(view, peer);
      if (messageId < 0) return undefined;
      const code = outerBlocks.recall(view, outer, type, messageId, writer);
      if (code === 0) this.#link.sendTo(writer.bytes, writer.end, source);
      else this.#refuse(view, peer, source, code, texts.nothing);
      return undefined;
    }
    this.#outer = outer;
    if (outer.block1 < 0) return view;
    const whole = outerBlocks.receive(view, peer, outer);
    if (typeof whole !== "number") return whole;
    if (whole === Code.continue) {
      if (!this.#begin(view, peer, Code.continue)) return undefined;
      writer.uintOption(OptionNumber.block1, outer.block1);
      this.#link.sendTo(writer.bytes, writer.end, source);
    } else {
      this.#refuse(view, peer, source, whole, texts.nothing);
    }
    return undefined;
  }

  /** RFC 7252 section 5.4.1 for the outer options. 0, or the code that refuses. */
  #outerOptions(view: MessageView): number {
    this.#hasOuter = false;
    this.#isInBlocks = false;
    this.#outer = undefined;
    let oscoreOptions = 0;
    for (let i = 0; i < view.optionCount; i++) {
      const number = view.optionNumbers[i]!;
      if (number === OptionNumber.oscore) oscoreOptions++;
      else if (number === OptionNumber.block1 || number === OptionNumber.block2) this.#isInBlocks = true;
      if (number < isDropped.length && isDropped[number] === 1) continue;
      switch (number) {
        case OptionNumber.uriHost:
        case OptionNumber.uriPort:
        case OptionNumber.hopLimit:
          this.#hasOuter = true;
          break;
        case OptionNumber.proxyUri:
        case OptionNumber.proxyScheme:
          return Code.proxyingNotSupported;
        default:
          if ((number & 1) === 1) return Code.badOption;
      }
    }
    return oscoreOptions > 1 ? Code.badOption : 0;
  }

  #verify(view: MessageView, peer: number, source: RemoteAddress): void {
    const { contexts, messages, counts } = this.#layer;
    const { option } = messages;
    if (!messages.decodeOption(view) || option.partialIv < 0 || option.kidStart < 0) {
      counts.optionMalformed++;
      this.#refuse(view, peer, source, Code.badOption, texts.decode);
      return;
    }
    const { partialIv } = option;
    let context = contexts.find(view.bytes, option);
    if (context === undefined) {
      this.#recover(view, peer, source);
      return;
    }
    if (view.end - view.payloadStart <= context.facts.tagLength) {
      counts.optionMalformed++;
      this.#refuse(view, peer, source, Code.badOption, texts.decode);
      return;
    }
    let isReplayed = false;
    for (let i = 0; i < contexts.limits.contextsTried && context !== undefined; i++) {
      if (context.hasWindow && context.verdict(partialIv) === "replayed") {
        isReplayed = true;
      } else if (messages.openRequest(view, context, partialIv)) {
        this.#verified(view, peer, source, context, partialIv);
        return;
      }
      context = contexts.find(view.bytes, option, context);
    }
    if (isReplayed) {
      counts.replayed++;
      // RFC 7252 section 4.5: a non-confirmable duplicate is passed over in silence.
      if (view.type === MessageType.confirmable) this.#refuse(view, peer, source, Code.unauthorized, texts.replay);
      return;
    }
    counts.decryptionFailed++;
    this.#refuse(view, peer, source, Code.badRequest, texts.decryption);
  }

  /** The `kid context` is of no context: perhaps it is for a new one (appendix B.2). */
  #recover(view: MessageView, peer: number, source: RemoteAddress): void {
    const { recovery, messages, counts } = this.#layer;
    const { partialIv } = messages.option;
    const found = recovery.request(view);
    switch (found.kind) {
      case "unknown":
        counts.contextNotFound++;
        this.#refuse(view, peer, source, Code.unauthorized, texts.context);
        return;
      case "late":
        return;
      case "forged":
        counts.decryptionFailed++;
        this.#refuse(view, peer, source, Code.badRequest, texts.decryption);
        return;
      case "full":
        this.#link.counters.overLimit++;
        this.#refuse(view, peer, source, Code.serviceUnavailable, texts.nothing);
        return;
      case "second":
        this.#serve(view, peer, source, this.#exchangeOf(found.context, partialIv));
        return;
      case "first": {
        const { writer } = this.#link;
        if (!this.#begin(view, peer, Code.unauthorized)) return;
        if (!messages.sealReplyUnder(writer, this.#exchangeOf(found.context, partialIv), found.kidContext)) return;
        this.#layer.answered(peer, view, writer);
        this.#link.sendTo(writer.bytes, writer.end, source);
      }
    }
  }

  #exchangeOf(context: OscoreContext, partialIv: number): OscoreExchange {
    const exchange = this.#exchange ?? new OscoreExchange(context, partialIv);
    this.#exchange = exchange;
    exchange.context = context;
    exchange.requestIv = partialIv;
    exchange.isNonceUsed = false;
    exchange.outer = this.#outer;
    return exchange;
  }

  #verified(view: MessageView, peer: number, source: RemoteAddress, context: OscoreContext, partialIv: number): void {
    const exchange = this.#exchangeOf(context, partialIv);
    if (!context.hasWindow) {
      if (!isEchoOf(context, this.#layer.messages.request)) {
        this.#askEcho(view, peer, source, exchange);
        return;
      }
      context.startWindow(partialIv);
    } else {
      context.received(partialIv);
    }
    this.#serve(view, peer, source, exchange);
  }

  #serve(view: MessageView, peer: number, source: RemoteAddress, exchange: OscoreExchange): void {
    const { contexts, messages, counts } = this.#layer;
    const { request } = messages;
    const { context } = exchange;
    contexts.verified(context);
    counts.verified++;
    // It was made for us and came for the first time, from where it says.
    this.#link.peers.columns.isProven[peer] = 1;
    if (request.code === Code.empty) {
      counts.optionMalformed++;
      this.#refuse(view, peer, source, Code.badOption, texts.decode);
      return;
    }
    if (this.#hasOuter) messages.mergeOuter(view);
    request.association = context.number;
    this.#server.serve(request, peer, source, exchange);
  }

  /** Appendix B.1.2: nothing that came before the restart can bring this value. The answer's nonce must be new, as the request may be old. */
  #askEcho(view: MessageView, peer: number, source: RemoteAddress, exchange: OscoreExchange): void {
    const { context } = exchange;
    if (!this.#layer.mayAskEcho(context)) {
      this.#layer.counts.echoHeldBack++;
      return;
    }
    context.echo ??= this.#layer.contexts.entropy.bytes(echoBytes);
    if (!this.#layer.contexts.numbers.isAtHand(context)) {
      this.#askEchoLater(view, peer, source, exchange.copy());
      return;
    }
    if (!this.#begin(view, peer, Code.unauthorized)) return;
    this.#sendEcho(view, peer, source, exchange, context.echo);
  }

  /**
   * The first request after a start finds no number leased: its answer waits for the disk, or the client would wait for its
   * retransmission. So many wait as `mayAskEcho` lets through, and none of them for a lease that failed.
   */
  #askEchoLater(view: MessageView, peer: number, source: RemoteAddress, exchange: OscoreExchange): void {
    const { context } = exchange;
    if (context.echoesWaiting >= this.#layer.contexts.limits.echoesPerSecond) {
      this.#layer.counts.echoHeldBack++;
      return;
    }
    const { peers, writer } = this.#link;
    const { type, messageId } = view;
    const token = view.bytes.slice(view.tokenStart, view.tokenStart + view.tokenLength);
    const to = new RemoteAddress();
    to.copyFrom(source);
    const generation = peers.columns.generation[peer];
    context.echoesWaiting++;
    this.#layer.contexts.numbers.whenLeased(context, (isLeased) => {
      context.echoesWaiting--;
      const { echo } = context;
      if (!isLeased || echo === undefined) {
        if (!isLeased) this.#layer.counts.repliesWithoutNumber++;
        return;
      }
      // The row may be another's by now.
      if (peers.find(to) !== peer || peers.columns.generation[peer] !== generation) return;
      const isConfirmable = type === MessageType.confirmable;
      const id = isConfirmable ? messageId : peers.nextMessageId(peer);
      if (id < 0) return;
      const replyType = isConfirmable ? MessageType.acknowledgement : MessageType.nonConfirmable;
      writer.begin(replyType, Code.unauthorized, id, token, 0, token.length);
      this.#sendEcho({ type, messageId }, peer, to, exchange, echo);
    });
  }

  /** The answer stands begun in the writer. */
  #sendEcho(
    request: Pick<MessageView, "type" | "messageId">,
    peer: number,
    source: RemoteAddress,
    exchange: OscoreExchange,
    echo: Uint8Array,
  ): void {
    const { writer } = this.#link;
    writer.option(OptionNumber.echo, echo, 0, echoBytes);
    if (!this.#layer.sealReply(writer, exchange, true)) return;
    this.#layer.counts.echoAsked++;
    this.#layer.answered(peer, request, writer);
    this.#link.sendTo(writer.bytes, writer.end, source);
  }

  /** An error of OSCORE itself is not protected, and of no use to a cache (RFC 8613 sections 7.4 and 8.2). */
  #refuse(view: MessageView, peer: number, source: RemoteAddress, code: number, text: Uint8Array): void {
    const { writer } = this.#link;
    if (!this.#begin(view, peer, code)) return;
    writer.uintOption(OptionNumber.maxAge, 0);
    const room = (view.end - view.tokenStart + 4) * amplification;
    if (writer.end + 1 + text.length <= room) writer.payload(text, 0, text.length);
    this.#link.sendTo(writer.bytes, writer.end, source);
  }

  /** False: no message ID is free for an answer of its own. */
  #begin(view: MessageView, peer: number, code: number): boolean {
    const type = view.type === MessageType.confirmable ? MessageType.acknowledgement : MessageType.nonConfirmable;
    const messageId = this.#messageIdOf(view, peer);
    if (messageId < 0) return false;
    this.#link.writer.begin(type, code, messageId, view.bytes, view.tokenStart, view.tokenLength);
    return true;
  }

  #messageIdOf(view: MessageView, peer: number): number {
    return view.type === MessageType.confirmable ? view.messageId : this.#link.peers.nextMessageId(peer);
  }
}

function isEchoOf({ echo }: OscoreContext, view: MessageView): boolean {
  const index = view.find(OptionNumber.echo);
  if (index < 0 || echo === undefined || view.optionLengths[index] !== echo.length) return false;
  const start = view.optionStarts[index]!;
  for (let i = 0; i < echo.length; i++) if (view.bytes[start + i] !== echo[i]) return false;
  return true;
}
