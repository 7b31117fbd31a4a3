import {
  blockBytes,
  blockExponent,
  blockNumber,
  blockOption,
  exponentFor,
  hasMoreBlocks,
  maxBlockNumber,
} from "../blockwise/block-option.ts";
import type { CoapResponse, RequestOptions } from "../client-types.ts";
import type { Link } from "../exchange/link.ts";
import { faults } from "../faults.ts";
import { Code, isSuccess, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { uintBytes } from "../message-writer.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { ClientExchange, ClientExchanges } from "./client-exchanges.ts";
import { ClientResponse } from "./client-response.ts";
import { RequestMessage } from "./request-message.ts";

export interface TransferOptions {
  readonly link: Link;
  readonly exchanges: ClientExchanges;
  readonly peer: number;
  readonly request: Omit<RequestOptions, "to" | "signal">;
  /** What each of its messages is protected with. */
  readonly oscore?: OscoreContext | undefined;
  /** Exactly one of the two is called, once. */
  readonly resolved: (response: CoapResponse) => void;
  readonly failed: (fault: Error) => void;
}

const nothing = new Uint8Array(0);
/** Echoes that are given back without an answer in between. */
const maxChallenges = 2;
/** Header, the longest token, block options with Size1 and Request-Tag, and the marker. */
const bytesAround = 4 + 8 + 26 + 1;

/**
 * One request with its whole body and the whole body of its response, whatever number of messages that takes (RFC 7959).
 * Uploads first, then downloads; every block is an exchange of its own.
 */
export class ClientTransfer implements ClientExchange {
  readonly isConfirmable: boolean;
  readonly oscore: OscoreContext | undefined;
  readonly forwards: boolean;
  readonly #options: TransferOptions;
  readonly #message: RequestMessage;
  readonly #payload: Uint8Array;
  readonly #maxBody: number;
  #exchange = -1;
  #isOver: boolean = false;
  /** Of the upload: block size, and where the block under way begins. -1: the request fits one message. */
  #uploadExponent: number;
  #uploadOffset: number;
  readonly #requestTag: Uint8Array | undefined;
  /** What the server asked to have back, and how often in a row (RFC 9175 section 2.3). */
  #echo: Uint8Array | undefined;
  #challenges = 0;
  /** Of the download: the block size asked for (-1 leaves it to the server), and what came so far. */
  #downloadExponent: number;
  #received: Uint8Array = nothing;
  #receivedSize = 0;
  #isDownloading: boolean = false;
  #etag: Uint8Array | undefined;

  /** Throws `coap.bad-request`. */
  constructor(options: TransferOptions) {
    const { request, link } = options;
    this.#options = options;
    this.oscore = options.oscore;
    this.#message = new RequestMessage(request);
    this.#payload = request.payload ?? nothing;
    if (this.#payload.length > 0 && (request.method === "GET" || request.method === "DELETE")) {
      throw faults("coap.bad-request", { what: `${request.method} has no payload` });
    }
    this.isConfirmable = request.confirmable ?? true;
    this.forwards = request.forwards ?? false;
    this.#maxBody = request.maxResponseBody ?? link.limits.maxResponseBody;
    const blockSize = Math.min(request.blockSize ?? 1_024, link.limits.blockSize);
    this.#downloadExponent = request.blockSize === undefined ? -1 : exponentFor(blockSize);
    // Long options leave less room for a block in one packet (RFC 7252 section 4.6).
    const room = link.limits.maxMessage - bytesAround - this.#message.optionBytes;
    this.#uploadExponent = exponentFor(Math.max(16, Math.min(blockSize, room)));
    const isLong = this.#payload.length > blockBytes(this.#uploadExponent);
    this.#uploadOffset = isLong ? 0 : -1;
    // A FETCH whose answer comes in blocks is told from another with the same options by its tag alone.
    this.#requestTag = isLong || request.method === "FETCH" ? link.nextRequestTag() : undefined;
    if (this.#payload.length > blockBytes(this.#uploadExponent) * (maxBlockNumber + 1)) {
      throw faults("coap.bad-request", { what: "the body has more than 2^20 blocks" });
    }
  }

  start(): void {
    const { exchanges, link, peer, request } = this.#options;
    const seconds = exchanges.backOff.secondsLeft(peer, this.#message);
    if (seconds > 0) {
      this.failed(faults("coap.back-off", { seconds, address: link.peers.addressText(peer) }));
      return;
    }
    this.#echo = link.echoes.take(peer);
    this.#next(request.token);
  }

  /** Goes on from the first block of a body that came otherwise: a notification. */
  startFrom(view: MessageView, source: RemoteAddress): void {
    this.#download(view, source);
  }

  cancel(): void {
    this.#isOver = true;
    this.#options.exchanges.cancel(this.#exchange);
  }

  write(type: number, messageId: number, token: Uint8Array): void {
    const { writer } = this.#options.link;
    const more: { number: number; value: Uint8Array }[] = [];
    if (this.#isDownloading) {
      const size = blockBytes(this.#downloadExponent);
      const number = this.#receivedSize / size;
      more.push({ number: OptionNumber.block2, value: uintBytes(blockOption(number, false, this.#downloadExponent)) });
      this.#writeOptions(type, messageId, token, more, false);
      return;
    }
    if (this.#downloadExponent >= 0 && this.#isLastUpload()) {
      more.push({ number: OptionNumber.block2, value: uintBytes(blockOption(0, false, this.#downloadExponent)) });
    }
    if (this.#uploadOffset < 0) {
      this.#writeOptions(type, messageId, token, more, true);
      writer.payload(this.#payload, 0, this.#payload.length);
      return;
    }
    const size = blockBytes(this.#uploadExponent);
    const end = Math.min(this.#payload.length, this.#uploadOffset + size);
    const block1 = blockOption(this.#uploadOffset / size, end < this.#payload.length, this.#uploadExponent);
    more.push({ number: OptionNumber.block1, value: uintBytes(block1) });
    if (this.#uploadOffset === 0) more.push({ number: OptionNumber.size1, value: uintBytes(this.#payload.length) });
    this.#writeOptions(type, messageId, token, more, this.#uploadOffset === 0);
    writer.payload(this.#payload, this.#uploadOffset, end);
  }

  #writeOptions(
    type: number,
    messageId: number,
    token: Uint8Array,
    more: { number: number; value: Uint8Array }[],
    isFirst: boolean,
  ): void {
    if (this.#echo !== undefined) more.push({ number: OptionNumber.echo, value: this.#echo });
    if (this.#requestTag !== undefined) more.push({ number: OptionNumber.requestTag, value: this.#requestTag });
    this.#message.write(this.#options.link.writer, type, messageId, token, more, isFirst);
  }

  response(view: MessageView, source: RemoteAddress): void {
    if (this.#isOver) return;
    this.#options.exchanges.backOff.heard(this.#options.peer, this.#message, view);
    const echo = view.copyOf(OptionNumber.echo);
    if (echo !== undefined && view.code === Code.unauthorized && this.#challenges < maxChallenges) {
      this.#challenges++;
      this.#echo = echo;
      this.#next();
      return;
    }
    this.#challenges = 0;
    if (echo !== undefined) this.#options.link.echoes.keep(this.#options.peer, echo);
    if (this.#isDownloading) this.#download(view, source);
    else if (this.#uploadOffset >= 0 && !this.#isAnswered(view)) this.#upload(view, source);
    else this.#download(view, source);
  }

  failed(fault: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.failed(fault);
  }

  #next(token?: Uint8Array): void {
    const { exchanges, peer } = this.#options;
    this.#exchange = exchanges.start(peer, this, token);
  }

  #isLastUpload(): boolean {
    return this.#uploadOffset < 0 || this.#uploadOffset + blockBytes(this.#uploadExponent) >= this.#payload.length;
  }

  /** Whether the upload is over: the last block was answered, or an earlier one refused for good. */
  #isAnswered(view: MessageView): boolean {
    if (this.#canShrink(view)) return false;
    return !isSuccess(view.code) || (this.#isLastUpload() && view.code !== Code.continue);
  }

  /** 4.13 for the first block with a smaller block size is an invitation (RFC 7959 section 2.9.3). */
  #canShrink(view: MessageView): boolean {
    if (view.code !== Code.requestEntityTooLarge || this.#uploadOffset !== 0) return false;
    const block1 = view.uint(OptionNumber.block1);
    return block1 >= 0 && blockExponent(block1) < this.#uploadExponent;
  }

  #upload(view: MessageView, source: RemoteAddress): void {
    const block1 = view.uint(OptionNumber.block1);
    if (this.#canShrink(view)) {
      this.#uploadExponent = blockExponent(block1);
      this.#next();
      return;
    }
    const size = blockBytes(this.#uploadExponent);
    const isOurs = block1 >= 0 && blockNumber(block1) === this.#uploadOffset / size && blockExponent(block1) < 7;
    if (!isOurs) {
      this.#bad(source, "a block of the request was answered without naming it");
      return;
    }
    if (this.#isLastUpload()) {
      this.#bad(source, "the last block of the request was answered with 2.31");
      return;
    }
    this.#uploadOffset += size;
    this.#uploadExponent = Math.min(this.#uploadExponent, blockExponent(block1));
    this.#next();
  }

  #download(view: MessageView, source: RemoteAddress): void {
    const block2 = view.uint(OptionNumber.block2);
    const length = view.end - view.payloadStart;
    if (block2 < 0 || !isSuccess(view.code)) {
      if (this.#isDownloading && isSuccess(view.code)) {
        this.#bad(source, "a block came without Block2");
        return;
      }
      if (length > this.#maxBody) {
        this.#tooLarge(source);
        return;
      }
      this.#resolve(new ClientResponse(view, source));
      return;
    }
    const exponent = blockExponent(block2);
    const size = blockBytes(exponent);
    const more = hasMoreBlocks(block2);
    if (exponent === 7 || length > size || (more && length < size)) {
      this.#bad(source, "a block has another length than its Block2 says");
      return;
    }
    if (blockNumber(block2) * size !== this.#receivedSize) {
      this.#bad(source, "another block came than was asked for");
      return;
    }
    const etag = view.copyOf(OptionNumber.eTag);
    if (!this.#isDownloading) this.#etag = etag;
    else if (!isSameTag(this.#etag, etag)) {
      this.failed(faults("coap.representation-changed", { address: source.text(), port: source.port }));
      return;
    }
    if (this.#receivedSize + length > this.#maxBody || view.uint(OptionNumber.size2) > this.#maxBody) {
      this.#tooLarge(source);
      return;
    }
    if (!more && this.#receivedSize === 0) {
      this.#resolve(new ClientResponse(view, source));
      return;
    }
    this.#append(view);
    if (!more) {
      this.#resolve(new ClientResponse(view, source, this.#received.subarray(0, this.#receivedSize)));
      return;
    }
    this.#isDownloading = true;
    this.#downloadExponent = exponent;
    this.#next();
  }

  /** Doubles as blocks come: a promised size reserves nothing. */
  #append(view: MessageView): void {
    const needed = this.#receivedSize + view.end - view.payloadStart;
    if (needed > this.#received.length) {
      const grown = new Uint8Array(Math.max(needed, Math.min(this.#received.length * 2, this.#maxBody)));
      grown.set(this.#received.subarray(0, this.#receivedSize));
      this.#received = grown;
    }
    this.#received.set(view.bytes.subarray(view.payloadStart, view.end), this.#receivedSize);
    this.#receivedSize = needed;
  }

  #resolve(response: CoapResponse): void {
    this.#isOver = true;
    this.#options.resolved(response);
  }

  #bad(source: RemoteAddress, what: string): void {
    this.failed(faults("coap.bad-response", { address: source.text(), port: source.port, what }));
  }

  #tooLarge(source: RemoteAddress): void {
    const limit = this.#maxBody;
    this.failed(faults("coap.response-too-large", { address: source.text(), port: source.port, limit }));
  }
}

function isSameTag(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
