import type { Clock } from "../../kernel/clock.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox } from "../exchange/outbox.ts";
import { Code, OptionNumber } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { AddressProof } from "../server/address-proof.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import type { Responder } from "../server/responder.ts";
import { QBlockReceiver } from "./q-block-receiver.ts";
import { type QBlockNotification, QBlockSender } from "./q-block-sender.ts";

/**
 * From whom Q-Block is taken (RFC 9177), from others it is an unknown critical option: from peers with an identity of DTLS; also in the
 * clear, from addresses that have proven themselves, which the RFC advises against (section 11); from nobody.
 */
export type QBlockPeers = "secured" | "proven" | "off";

export interface QBlockServerOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly proof: AddressProof;
  readonly responder: Responder;
}

/**
 * The server's side of RFC 9177, both options or neither. Only for peers that have proven their address, since one request brings
 * many messages; not inside OSCORE, whose messages are made one for each request.
 */
export class QBlockServer {
  readonly #receiver: QBlockReceiver;
  readonly #sender: QBlockSender;

  readonly #responder: Responder;

  constructor({ link, outbox, clock, proof, responder }: QBlockServerOptions) {
    this.#responder = responder;
    this.#receiver = new QBlockReceiver(link, clock, proof);
    this.#sender = new QBlockSender(link, outbox, clock);
  }

  get size(): number {
    return this.#receiver.size + this.#sender.size;
  }

  get bytes(): number {
    return this.#receiver.bytes + this.#sender.bytes;
  }

  /**
   * A request with a Q-Block option. "run": the route answers, with the whole body; "answer": the reply holds a refusal; "silent":
   * nothing is answered to this message.
   */
  take(request: RequestView, reply: ReplyBuffer, peer: number, maxBody: number): "run" | "answer" | "silent" {
    const { view } = request;
    const qBlock1 = view.uint(OptionNumber.qBlock1);
    const next =
      qBlock1 < 0 ? this.#sender.request(request, peer) : this.#receiver.receive(request, peer, qBlock1, maxBody);
    if (next === "answered") {
      this.#sender.again(request, peer);
      return "silent";
    }
    if (next === "run" || next === "silent") return next;
    if (next === "whole") {
      request.body = this.#receiver.body;
      return "run";
    }
    reply.refuse(next);
    return "answer";
  }

  /** Sends the answer in blocks; false when it is one message, which the caller sends. */
  answer(request: RequestView, reply: ReplyBuffer, peer: number, piggyback: boolean, observe: number): boolean {
    return this.#isSent(this.#sender.answer(request, reply, peer, piggyback, observe), request, reply, peer);
  }

  /** The same for a notification. */
  notify(request: RequestView, reply: ReplyBuffer, peer: number, notification: QBlockNotification): boolean {
    return this.#isSent(this.#sender.notify(request, reply, peer, notification), request, reply, peer);
  }

  #isSent(sent: "sent" | "short" | "refused", request: RequestView, reply: ReplyBuffer, peer: number): boolean {
    if (sent === "refused") {
      // RFC 9177 section 4.4: the answer's own options leave no room for a block.
      reply.refuse(Code.requestEntityTooLarge);
      void this.#responder.plan(request, reply, peer, -1, -1);
    }
    return sent === "sent";
  }

  /** The answer to a whole body stands in the writer. */
  answered(request: RequestView, peer: number): void {
    if (request.view.find(OptionNumber.qBlock1) >= 0) this.#receiver.answered(request, peer);
  }

  reset(peer: number, messageId: number): void {
    this.#receiver.reset(peer, messageId);
    this.#sender.rejected(peer, messageId);
  }

  dropPeer(peer: number): void {
    this.#receiver.dropPeer(peer);
    this.#sender.dropPeer(peer);
  }

  stop(): void {
    this.#receiver.stop();
    this.#sender.stop();
  }
}

/** The Q-Block option that a request may not carry: beside a Block option, or where there is none of this. -1: none. */
export function refusedQBlock(view: MessageView, isOffered: boolean): number {
  const first = view.find(OptionNumber.qBlock1) >= 0 ? OptionNumber.qBlock1 : OptionNumber.qBlock2;
  const isMixed = view.find(OptionNumber.block1) >= 0 || view.find(OptionNumber.block2) >= 0;
  if (isMixed || !isOffered) return first;
  // Q-Block2 is repeated to name missing blocks, which a request with Q-Block1 doesn't.
  const second = view.find(OptionNumber.qBlock2) + 1;
  const isRepeated = second > 0 && second < view.optionCount && view.optionNumbers[second] === OptionNumber.qBlock2;
  return isRepeated && first === OptionNumber.qBlock1 ? OptionNumber.qBlock2 : -1;
}
