import type { Clock } from "../../kernel/clock.ts";
import { blockBytes, blockOption, exponentFor, maxBlockNumber } from "../blockwise/block-option.ts";
import type { CoapResponse } from "../client-types.ts";
import { faults } from "../faults.ts";
import { Code, isSuccess, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { uintBytes } from "../message-writer.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { ClientResponse } from "./client-response.ts";
import { ClientTransfer, type TransferOptions } from "./client-transfer.ts";
import type { QBlockChannel } from "./q-block-channel.ts";
import type { QBlockChannels, QBlockTask } from "./q-block-channels.ts";
import { QBlockDownload } from "./q-block-download.ts";
import { QBlockUpload } from "./q-block-upload.ts";
import { RequestMessage } from "./request-message.ts";

export interface QBlockRequestOptions extends TransferOptions {
  readonly channels: QBlockChannels;
  readonly clock: Clock;
}

const nothing = new Uint8Array(0);
const maxChallenges = 2;
/** Header, token, Q-Block1, Q-Block2, Size1, Echo, Request-Tag, and the marker. */
const bytesAround = 4 + 8 + 5 + 5 + 6 + 43 + 7 + 1;

/**
 * One request whose body or answer goes by Q-Block (RFC 9177), where the peer takes that; else as `ClientTransfer`. Whether it does is
 * asked once, confirmably (section 4.1): a download with its own first block, an upload with a block of `/.well-known/core`, since a
 * server that ignores the option would take each block for the whole.
 */
export class QBlockRequest implements QBlockTask {
  readonly #options: QBlockRequestOptions;
  readonly #message: RequestMessage;
  readonly #payload: Uint8Array;
  readonly #isConfirmable: boolean;
  readonly #isUpload: boolean;
  readonly #exponent: number;
  readonly #requestTag: Uint8Array | undefined;
  #echo: Uint8Array | undefined;
  #challenges = 0;
  #channel: QBlockChannel | undefined;
  #upload: QBlockUpload | undefined;
  #download: QBlockDownload | undefined;
  /** The probe, or all of it where the peer has no Q-Block. */
  #plain: ClientTransfer | undefined;
  #isOver: boolean = false;

  /** Throws `coap.bad-request`. */
  constructor(options: QBlockRequestOptions) {
    const { request, link } = options;
    this.#options = options;
    this.#message = new RequestMessage(request);
    this.#payload = request.payload ?? nothing;
    this.#isConfirmable = request.confirmable ?? false;
    const blockSize = Math.min(request.blockSize ?? 1_024, link.limits.blockSize);
    const room = link.limits.maxMessage - bytesAround - this.#message.optionBytes;
    this.#exponent = exponentFor(Math.max(16, Math.min(blockSize, room)));
    this.#isUpload = this.#payload.length > blockBytes(this.#exponent);
    const mayAskAgain = request.method === "GET" || request.method === "FETCH";
    this.#requestTag = this.#isUpload || request.method === "FETCH" ? link.nextRequestTag() : undefined;
    // Checks what both have in common; a request that is short both ways needs no blocks.
    const isPlain = options.oscore !== undefined || !(this.#isUpload || mayAskAgain);
    const isTooLong = this.#payload.length > blockBytes(this.#exponent) * (maxBlockNumber + 1);
    const plain = new ClientTransfer({
      ...options,
      request: { ...request, confirmable: request.confirmable ?? isPlain },
    });
    if (isPlain || isTooLong) this.#plain = plain;
  }

  start(): void {
    const { exchanges, channels, link, peer } = this.#options;
    const isSupported = channels.support.of(peer);
    if (this.#plain !== undefined) this.#plain.start();
    else if (isSupported === false) this.#fallBack();
    else {
      const seconds = exchanges.backOff.secondsLeft(peer, this.#message);
      if (seconds > 0) this.failed(faults("coap.back-off", { seconds, address: link.peers.addressText(peer) }));
      else if (isSupported === undefined) this.#probe();
      else this.#open();
    }
  }

  cancel(): void {
    this.#close();
    this.#plain?.cancel();
  }

  begin(): void {
    this.#echo = this.#options.link.echoes.take(this.#options.peer);
    this.#begin();
  }

  drained(): void {
    this.#upload?.drained();
  }

  failed(fault: Error): void {
    if (this.#isOver) return;
    this.#close();
    this.#options.failed(fault);
  }

  response(view: MessageView, source: RemoteAddress): void {
    if (this.#isOver) return;
    this.#options.exchanges.backOff.heard(this.#options.peer, this.#message, view);
    const echo = view.copyOf(OptionNumber.echo);
    if (view.code === Code.unauthorized && echo !== undefined && this.#challenges <= maxChallenges) {
      // One answer of many to a set: the others ask for the same.
      if (isSameEcho(this.#echo, echo)) return;
      this.#challenges++;
      this.#echo = echo;
      this.#begin();
      return;
    }
    if (this.#upload?.take(view) === true) return;
    if (view.code === Code.badOption && this.#download?.hasBegun !== true) {
      this.#options.channels.support.learn(this.#options.peer, false);
      this.#fallBack();
      return;
    }
    if (view.uint(OptionNumber.qBlock2) >= 0 && isSuccess(view.code)) {
      this.#upload?.stop();
      this.#download ??= this.#newDownload(false);
      const isComplete = view.find(OptionNumber.eTag) >= 0 && view.find(OptionNumber.size2) >= 0;
      // libcoap's /.well-known/core comes so, and can't be told from another version: once more, block by block.
      if (!isComplete && !this.#isUpload && !this.#download.hasBegun) this.#fallBack();
      else this.#download.take(view, source);
      return;
    }
    this.#takeWhole(view, source);
  }

  #takeWhole(view: MessageView, source: RemoteAddress): void {
    if (view.uint(OptionNumber.block2) >= 0 && isSuccess(view.code)) {
      // RFC 9177 section 4.1: a server may answer with Block2 where it was told of Q-Block1 alone.
      this.#close();
      this.#plain = this.#transfer(this.#options.request);
      this.#plain.startFrom(view, source);
      return;
    }
    const response = new ClientResponse(view, source);
    if (response.payload.length > this.#maxBody()) {
      this.failed(faults("coap.response-too-large", { ...this.#where(), limit: this.#maxBody() }));
    } else this.#resolve(response);
  }

  #probe(): void {
    const { request } = this.#options;
    const value = {
      number: OptionNumber.qBlock2,
      value: uintBytes(blockOption(0, false, this.#isUpload ? 0 : this.#exponent)),
    };
    const probe = this.#isUpload
      ? { method: "GET" as const, path: [".well-known", "core"], options: [value] }
      : { ...request, blockSize: undefined, options: [...(request.options ?? []), value] };
    this.#plain = this.#transfer({ ...probe, confirmable: true }, (response) => this.#probed(response));
    this.#plain.start();
  }

  /** Only an answer that carries the option proves that it was understood. */
  #probed(response: CoapResponse): void {
    if (this.#isOver) return;
    const { support } = this.#options.channels;
    const { peer } = this.#options;
    const value = response.option(OptionNumber.qBlock2);
    const isRefused = response.code === Code.badOption;
    if (value !== undefined) support.learn(peer, true);
    else if (isRefused || this.#isUpload) support.learn(peer, false);
    if (isRefused || (this.#isUpload && value === undefined)) this.#fallBack();
    else if (this.#isUpload || (value !== undefined && ((value.at(-1) ?? 0) & 8) !== 0)) {
      this.#plain = undefined;
      this.#open();
    } else this.#resolve(response);
  }

  #fallBack(): void {
    this.#close();
    this.#plain = this.#transfer(this.#options.request);
    this.#plain.start();
  }

  #transfer(request: TransferOptions["request"], resolved?: (response: CoapResponse) => void): ClientTransfer {
    const { link, exchanges, peer } = this.#options;
    return new ClientTransfer({
      ...{ link, exchanges, peer, request },
      resolved: resolved ?? ((response) => this.#options.resolved(response)),
      failed: (fault) => this.#options.failed(fault),
    });
  }

  #open(): void {
    this.#isOver = false;
    this.#channel = this.#options.channels.open(this.#options.peer, this.#isConfirmable, this);
  }

  /** Also anew, with an Echo that was asked for. */
  #begin(): void {
    this.#upload?.stop();
    this.#download?.stop();
    this.#download = undefined;
    if (!this.#isUpload) {
      this.#download = this.#newDownload(true);
      this.#download.begin();
      return;
    }
    const { link, clock } = this.#options;
    this.#upload = new QBlockUpload({
      ...{ link, clock, where: this.#where(), isConfirmable: this.#isConfirmable },
      total: Math.ceil(this.#payload.length / blockBytes(this.#exponent)),
      send: (block) => this.#sendBlock(block),
      failed: (fault) => this.failed(fault),
    });
    this.#upload.begin();
  }

  #newDownload(isAskedFor: boolean): QBlockDownload {
    const { link, clock } = this.#options;
    return new QBlockDownload({
      ...{ link, clock, where: this.#where(), isConfirmable: this.#isConfirmable, maxBody: this.#maxBody() },
      firstWish: isAskedFor ? [blockOption(0, true, this.#exponent)] : [],
      ask: (values) => this.#ask(values),
      resolved: (response) => this.#resolve(response),
      failed: (fault) => this.failed(fault),
    });
  }

  #sendBlock(block: number): void {
    const size = blockBytes(this.#exponent);
    const start = block * size;
    const end = Math.min(this.#payload.length, start + size);
    const more = [
      option(OptionNumber.qBlock1, blockOption(block, end < this.#payload.length, this.#exponent)),
      option(OptionNumber.size1, this.#payload.length),
    ];
    if (this.#options.request.blockSize !== undefined) {
      more.splice(1, 0, option(OptionNumber.qBlock2, blockOption(0, true, this.#exponent)));
    }
    this.#send(more, start, end);
  }

  #ask(values: readonly number[]): number {
    const isFirst = values.length === 1 && values[0]! < 16;
    // What asks for more of an answer carries neither Q-Block1 nor the request's payload (RFC 9177 section 10.3.3).
    const end = isFirst && !this.#isUpload ? this.#payload.length : 0;
    this.#send(
      values.map((value) => option(OptionNumber.qBlock2, value)),
      0,
      end,
      isFirst,
    );
    return this.#options.link.writer.end;
  }

  #send(more: readonly RawOption[], start: number, end: number, isFirst = true): void {
    const all = [...more];
    if (this.#echo !== undefined) all.push({ number: OptionNumber.echo, value: this.#echo });
    if (this.#requestTag !== undefined) all.push({ number: OptionNumber.requestTag, value: this.#requestTag });
    const { writer } = this.#options.link;
    this.#options.channels.send(this.#channel!, (type, messageId, token) => {
      this.#message.write(writer, type, messageId, token, all, isFirst);
      writer.payload(this.#payload, start, end);
    });
  }

  #maxBody(): number {
    return this.#options.request.maxResponseBody ?? this.#options.link.limits.maxResponseBody;
  }

  #where(): { address: string; port: number } {
    const { peers } = this.#options.link;
    return { address: peers.addressText(this.#options.peer), port: peers.columns.port[this.#options.peer]! };
  }

  #resolve(response: CoapResponse): void {
    this.#close();
    this.#options.resolved(response);
  }

  #close(): void {
    this.#isOver = true;
    this.#upload?.stop();
    this.#download?.stop();
    if (this.#channel !== undefined) this.#options.channels.close(this.#channel);
  }
}

interface RawOption {
  readonly number: number;
  readonly value: Uint8Array;
}

function option(number: number, value: number): RawOption {
  return { number, value: uintBytes(value) };
}

function isSameEcho(a: Uint8Array | undefined, b: Uint8Array): boolean {
  return a !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
