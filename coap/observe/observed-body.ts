import type { Clock } from "../../kernel/clock.ts";
import type { QBlockChannel } from "../client/q-block-channel.ts";
import type { QBlockChannels, QBlockTask } from "../client/q-block-channels.ts";
import { QBlockDownload } from "../client/q-block-download.ts";
import type { RequestMessage } from "../client/request-message.ts";
import type { CoapResponse } from "../client-types.ts";
import type { Link } from "../exchange/link.ts";
import { MessageType, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import { uintBytes } from "../message-writer.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";

export interface ObservedBodyOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly channels: QBlockChannels;
  readonly peer: number;
  readonly message: RequestMessage;
  readonly maxBody: number;
  /** The message that begins it, and its Observe value, -1 none. */
  readonly first: MessageView;
  readonly observe: number;
  /** One of the two is called, once. */
  readonly resolved: (response: CoapResponse) => void;
  readonly failed: () => void;
}

/**
 * A notification that comes by Q-Block2 (RFC 9177 section 4.5): its blocks come under the observation's token; what is missing, and the
 * next set, is asked for under tokens of its own and without Observe.
 */
export class ObservedBody implements QBlockTask {
  readonly observe: number;
  readonly #options: ObservedBodyOptions;
  readonly #download: QBlockDownload;
  readonly #isConfirmable: boolean;
  #channel: QBlockChannel | undefined;
  #mayAsk: boolean = false;
  /** What is to be asked when its turn comes. */
  #wish: readonly number[] = [];
  #isOver: boolean = false;

  constructor(options: ObservedBodyOptions) {
    const { link, clock, maxBody, peer, first, observe } = options;
    this.#options = options;
    this.observe = observe;
    this.#isConfirmable = first.type !== MessageType.nonConfirmable;
    this.#download = new QBlockDownload({
      ...{ link, clock, maxBody, isConfirmable: this.#isConfirmable },
      where: { address: link.peers.addressText(peer), port: link.peers.columns.port[peer]! },
      firstWish: [],
      ask: (values) => this.#ask(values),
      resolved: (response) => {
        this.cancel();
        options.resolved(response);
      },
      failed: (fault) => this.failed(fault),
    });
  }

  take(view: MessageView, source: RemoteAddress): void {
    this.#download.take(view, source);
  }

  cancel(): void {
    this.#isOver = true;
    this.#download.stop();
    if (this.#channel !== undefined) this.#options.channels.close(this.#channel);
  }

  begin(): void {
    this.#mayAsk = true;
    this.#send(this.#wish);
  }

  response(view: MessageView, source: RemoteAddress): void {
    // An error says that its blocks are no more: a newer notification brings newer ones.
    if (view.uint(OptionNumber.qBlock2) >= 0) this.#download.take(view, source);
  }

  drained(): void {}

  failed(_fault: Error): void {
    if (this.#isOver) return;
    this.cancel();
    this.#options.failed();
  }

  #ask(values: readonly number[]): number {
    if (this.#channel === undefined) {
      this.#wish = values;
      this.#channel = this.#options.channels.open(this.#options.peer, this.#isConfirmable, this);
    } else if (!this.#mayAsk) this.#wish = values;
    else this.#send(values);
    return this.#options.message.optionBytes + values.length * 4 + 12;
  }

  #send(values: readonly number[]): void {
    if (this.#channel === undefined || this.#isOver) return;
    const { message, link, channels } = this.#options;
    const more = values.map((value) => ({ number: OptionNumber.qBlock2, value: uintBytes(value) }));
    channels.send(this.#channel, (type, messageId, token) => {
      message.write(link.writer, type, messageId, token, more, false);
    });
  }
}
