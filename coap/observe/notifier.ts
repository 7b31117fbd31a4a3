import type { Clock } from "../../kernel/clock.ts";
import type { QBlockServer } from "../blockwise/q-block-server.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { Code, MessageType } from "../message.ts";
import type { CoapReplyFields } from "../route.ts";
import type { OscoreExchange } from "../security/oscore/oscore-exchange.ts";
import { ReplyBuffer } from "../server/reply-buffer.ts";
import type { ReplyHeader, Responder } from "../server/responder.ts";
import type { ObservedResource, ObservedResources } from "./observed-resources.ts";
import { ObserverFlag, type ObserverTable } from "./observer-table.ts";

export interface NotifierOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly responder: Responder;
  readonly qBlocks: QBlockServer;
  readonly table: ObserverTable;
  readonly resources: ObservedResources;
  /** Ends the observation; `keepMessage` lets its last confirmable notification be retransmitted. */
  readonly end: (row: number, keepMessage: boolean) => void;
}

const none = -1;
/** Confirmable notifications sent and not yet late: bursts of ACKs larger than this overflow socket buffers. */
const window = 512;
const retryMs = 3_000;
/** RFC 7641 section 4.5.1: how far apart non-confirmable notifications are where the round-trip time is unknown. */
const unknownRttMs = 3_000;

/**
 * Tells observers. Marked ones wait in one line and get the representation that is newest when their turn comes. At most one
 * confirmable notification is under way for each. A client gets one non-confirmable notification in a round-trip time (3 s where that isn't
 * known); what comes sooner is confirmable, for which there is congestion control, and whose ACK tells the round-trip time.
 */
export class Notifier implements OutboxOwner {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #responder: Responder;
  readonly #qBlocks: QBlockServer;
  readonly #table: ObserverTable;
  readonly #resources: ObservedResources;
  readonly #endRow: (row: number, keepMessage: boolean) => void;
  readonly #owner: number;
  readonly #reply = new ReplyBuffer();
  readonly #header: ReplyHeader;
  readonly #abort = new AbortController();
  /** Observers that have something to be told, in order. */
  #line: number[] = [];
  #lineAt = 0;
  #inWindow = 0;
  /** Observers whose message could not be sent at all, until the timer. */
  #deferred: number[] = [];
  /** Retransmission counter and timeout that a newer notification takes over, by observer. */
  readonly #inherited = new Map<number, { readonly retries: number; readonly timeoutMs: number }>();
  /** The resource whose shared representation is planned in the responder. */
  #shared: ObservedResource | undefined;

  constructor({ link, outbox, clock, responder, qBlocks, table, resources, end }: NotifierOptions) {
    this.#link = link;
    this.#outbox = outbox;
    this.#clock = clock;
    this.#responder = responder;
    this.#qBlocks = qBlocks;
    this.#table = table;
    this.#resources = resources;
    this.#endRow = end;
    this.#owner = outbox.register(this);
    this.#header = { type: 0, messageId: 0, tokenBytes: table.tokens, tokenStart: 0, tokenLength: 0 };
  }

  /** The resource of this observer changed. `tell` sends. */
  mark(row: number): void {
    if (this.#table.has(row, ObserverFlag.dirty)) return;
    this.#table.set(row, ObserverFlag.dirty);
    // One that is busy comes back to the line when it is free.
    if (!this.#table.has(row, ObserverFlag.inFlight | ObserverFlag.queued | ObserverFlag.rendering)) {
      this.#line.push(row);
    }
  }

  tell(): void {
    this.#walkLine();
  }

  /** The observation is over: takes it out of window, queue and outbox. */
  release(row: number, keepMessage: boolean): void {
    this.#leaveWindow(row);
    this.#inherited.delete(row);
    const slot = this.#table.slot[row]!;
    if (this.#table.has(row, ObserverFlag.queued)) this.#outbox.dequeue(this.#table.peer[row]!, this.#owner, row);
    if (slot < 0) return;
    if (keepMessage) this.#outbox.disown(slot);
    else this.#outbox.drop(slot);
  }

  stop(): void {
    this.#line = [];
    this.#lineAt = 0;
    this.#abort.abort(new Error("The endpoint stopped."));
  }

  ready(row: number): void {
    this.#table.clear(row, ObserverFlag.queued);
    this.#send(row);
  }

  acknowledged(row: number): void {
    this.#measure(row);
    this.#landed(row);
    if (this.#table.has(row, ObserverFlag.dirty)) this.#line.push(row);
    this.#walkLine();
  }

  late(row: number): void {
    this.#table.set(row, ObserverFlag.repeated);
    this.#leaveWindow(row);
    this.#walkLine();
  }

  /** What would be retransmitted is no longer so. */
  isOutdated(row: number): boolean {
    return this.#table.has(row, ObserverFlag.dirty);
  }

  supersede(row: number, retries: number, timeoutMs: number): void {
    this.#link.counters.retransmissions++;
    this.#leaveWindow(row);
    this.#table.clear(row, ObserverFlag.inFlight);
    this.#table.slot[row] = none;
    this.#inherited.set(row, { retries, timeoutMs });
    this.#shared = undefined;
    this.#send(row);
  }

  reset(row: number): void {
    this.#gone(row);
  }

  timedOut(row: number): void {
    this.#gone(row);
  }

  #walkLine(): void {
    this.#shared = undefined;
    while (this.#lineAt < this.#line.length && this.#inWindow < window) {
      const row = this.#line[this.#lineAt++]!;
      if (this.#table.has(row, ObserverFlag.dirty)) this.#send(row);
    }
    this.#shared = undefined;
    if (this.#lineAt >= this.#line.length) {
      this.#line.length = 0;
      this.#lineAt = 0;
    }
  }

  #send(row: number): void {
    const table = this.#table;
    const busy = ObserverFlag.inFlight | ObserverFlag.queued | ObserverFlag.rendering;
    if (!table.has(row, ObserverFlag.dirty) || table.has(row, busy)) return;
    const resource = this.#resources.at(table.resource[row]!);
    const { route } = resource.request.entry!;
    const peer = table.peer[row]!;
    let isConfirmable = this.#mustConfirm(row, route.notifications === "confirmable");
    if (isConfirmable && !this.#outbox.mayTransmit(peer)) {
      if (this.#outbox.enqueue(peer, this.#owner, row)) {
        table.set(row, ObserverFlag.queued);
        return;
      }
      this.#link.counters.overLimit++;
      // No room to wait: better told without confirmation than not at all.
      if (!this.#mayGoUnconfirmed(peer)) {
        this.#defer(row);
        return;
      }
      isConfirmable = false;
    }
    resource.peer.row = peer;
    resource.peer.protector = table.oscore[row]?.context.identity;
    if ("later" in route) {
      this.#renderLater(row, resource);
      return;
    }
    const isPlanned = this.#shared === resource && route.observable === "shared";
    if (!isPlanned) {
      const reply = this.#reply;
      reply.reset(resource.request.view.code);
      try {
        route.answer(resource.request, reply);
      } catch (error) {
        this.#failed(resource, error);
        reply.refuse(Code.internalServerError);
      }
      if (this.#planOrRead(row, resource, reply)) return;
      this.#shared = route.observable === "shared" ? resource : undefined;
    }
    this.#emit(row, resource, this.#reply, isConfirmable);
  }

  /** True when the body has to be read first. */
  #planOrRead(row: number, resource: ObservedResource, reply: ReplyBuffer): boolean {
    const peer = this.#table.peer[row]!;
    let pending: Promise<Uint8Array> | undefined;
    try {
      pending = this.#responder.plan(resource.request, reply, peer, none, none);
    } catch (error) {
      this.#failed(resource, error);
      reply.refuse(Code.internalServerError);
      void this.#responder.plan(resource.request, reply, peer, none, none);
    }
    if (pending === undefined) return false;
    const { code, contentFormat, maxAge, body } = reply;
    const read = pending.then((bytes) => ({
      code,
      contentFormat,
      maxAge,
      body: { size: body!.size, etag: body!.etag, read: () => bytes },
    }));
    this.#awaitRendering(row, resource, read);
    return true;
  }

  #renderLater(row: number, resource: ObservedResource): void {
    const { route } = resource.request.entry!;
    if (!("later" in route)) return;
    const copy = resource.request.copy(this.#link.peers);
    copy.observeOverride = 0;
    // A handler that throws at once is one that rejects.
    const pending = Promise.resolve().then(() => route.later(copy, this.#abort.signal));
    this.#awaitRendering(row, resource, pending);
  }

  #awaitRendering(row: number, resource: ObservedResource, pending: Promise<CoapReplyFields>): void {
    this.#table.set(row, ObserverFlag.rendering);
    this.#table.clear(row, ObserverFlag.dirty);
    const finish = (fields: CoapReplyFields): void => {
      if (this.#abort.signal.aborted || !this.#isOf(row, resource)) return;
      this.#table.clear(row, ObserverFlag.rendering);
      const reply = this.#reply;
      reply.reset(resource.request.view.code);
      reply.fill(fields);
      this.#shared = undefined;
      if (this.#planOrRead(row, resource, reply)) return;
      const isConfirmable = this.#mustConfirm(row, resource.request.entry!.route.notifications === "confirmable");
      const peer = this.#table.peer[row]!;
      const mayConfirm = isConfirmable && this.#outbox.mayTransmit(peer);
      if (isConfirmable && !mayConfirm && !this.#mayGoUnconfirmed(peer)) {
        this.#defer(row);
        return;
      }
      const isDirty = this.#table.has(row, ObserverFlag.dirty);
      this.#emit(row, resource, reply, mayConfirm);
      if (isDirty && this.#isOf(row, resource)) {
        this.#table.set(row, ObserverFlag.dirty);
        this.#line.push(row);
        this.#walkLine();
      }
    };
    pending.then(finish, (error: unknown) => {
      this.#failed(resource, error);
      finish({ code: Code.internalServerError });
    });
  }

  /** Sends what is planned; an answer that is no success is the last one (RFC 7641 section 4.2). */
  #emit(row: number, resource: ObservedResource, reply: ReplyBuffer, isConfirmable: boolean): void {
    const table = this.#table;
    const peer = table.peer[row]!;
    if (reply.code === Code.content && (reply.contentFormat ?? none) !== table.contentFormat[row]) {
      // RFC 7641 section 4.2: it can't go on in another format.
      reply.refuse(Code.notAcceptable);
      void this.#responder.plan(resource.request, reply, peer, none, none);
      this.#shared = undefined;
    }
    if (resource.request.isQBlock && reply.observable && this.#emitBody(row, resource, reply, isConfirmable)) return;
    const isLast = reply.code >> 5 !== 2 || !reply.observable;
    const header = this.#header;
    header.type = isConfirmable ? MessageType.confirmable : MessageType.nonConfirmable;
    header.messageId = this.#link.peers.nextMessageId(peer);
    if (header.messageId < 0) {
      this.#link.counters.overLimit++;
      this.#defer(row);
      return;
    }
    header.tokenStart = table.tokenStart(row);
    header.tokenLength = table.tokenLength[row]!;
    this.#responder.write(resource.request, reply, peer, header, isLast ? none : resource.sequence);
    const exchange = table.oscore[row];
    if (exchange !== undefined && this.#link.oscore?.sealReply(this.#link.writer, exchange, true) !== true) {
      this.#withoutNumber(row, exchange);
      return;
    }
    this.#link.counters.notificationsSent++;
    table.clear(row, ObserverFlag.dirty);
    table.messageIdBefore[row] = table.lastMessageId[row]!;
    table.lastMessageId[row] = header.messageId;
    const nowMs = this.#clock.monotonicMs();
    if (isConfirmable) {
      table.unconfirmed[row] = 0;
      table.sentMs[row] = nowMs;
      const before = this.#inherited.get(row);
      if (before === undefined) table.clear(row, ObserverFlag.repeated);
      else this.#inherited.delete(row);
      const slot = this.#outbox.transmit(peer, header.messageId, this.#owner, row, before?.retries, before?.timeoutMs);
      if (slot >= 0) {
        table.slot[row] = slot;
        table.set(row, ObserverFlag.inFlight | ObserverFlag.inWindow);
        this.#inWindow++;
      }
    } else {
      table.unconfirmed[row]!++;
      this.#link.peers.columns.notifiedMs[peer] = Math.max(1, nowMs >>> 0);
      this.#link.sendWritten(peer);
    }
    if (isLast) this.#endRow(row, true);
  }

  /** By Q-Block2 (RFC 9177 section 4.5); false when it is one message, or none that goes so. */
  #emitBody(row: number, resource: ObservedResource, reply: ReplyBuffer, isConfirmable: boolean): boolean {
    const table = this.#table;
    const peer = table.peer[row]!;
    const start = table.tokenStart(row);
    const sent = this.#qBlocks.notify(resource.request, reply, peer, {
      isConfirmable,
      token: table.tokens.slice(start, start + table.tokenLength[row]!),
      observe: resource.sequence,
      gone: () => {
        if (this.#isOf(row, resource) && table.peer[row] === peer) this.#gone(row);
      },
    });
    if (!sent) return false;
    this.#link.counters.notificationsSent++;
    table.clear(row, ObserverFlag.dirty);
    this.#inherited.delete(row);
    const nowMs = this.#clock.monotonicMs();
    if (isConfirmable) {
      table.unconfirmed[row] = 0;
      table.lastConfirmedMs[row] = nowMs;
    } else {
      table.unconfirmed[row]!++;
      this.#link.peers.columns.notifiedMs[peer] = Math.max(1, nowMs >>> 0);
    }
    return true;
  }

  /** Nothing can be sent to it now: no message ID is free (RFC 7252 section 4.4), or its queue is full. Its turn comes again. */
  #defer(row: number): void {
    this.#table.set(row, ObserverFlag.dirty);
    if (this.#deferred.push(row) > 1) return;
    this.#clock.after(retryMs, () => {
      const deferred = this.#deferred;
      this.#deferred = [];
      if (this.#abort.signal.aborted) return;
      for (const each of deferred) if (this.#table.isLive(each)) this.#line.push(each);
      this.#walkLine();
    });
  }

  #mayGoUnconfirmed(peer: number): boolean {
    const { notifiedMs, rttMs } = this.#link.peers.columns;
    const before = notifiedMs[peer]!;
    if (before === 0) return true;
    const elapsedMs = ((this.#clock.monotonicMs() >>> 0) - before) >>> 0;
    return elapsedMs >= (rttMs[peer]! === 0 ? unknownRttMs : rttMs[peer]!);
  }

  /** An acknowledgement of a message that was sent once tells the round-trip time (RFC 6298). */
  #measure(row: number): void {
    if (this.#table.has(row, ObserverFlag.repeated)) return;
    const { rttMs } = this.#link.peers.columns;
    const peer = this.#table.peer[row]!;
    const sample = ((this.#clock.monotonicMs() >>> 0) - this.#table.sentMs[row]!) >>> 0;
    const smoothed = rttMs[peer]! === 0 ? sample : (rttMs[peer]! * 7 + sample) / 8;
    rttMs[peer] = Math.max(1, Math.min(65_535, Math.ceil(smoothed)));
  }

  /** Its turn comes again once sender sequence numbers are leased. */
  #withoutNumber(row: number, { context }: OscoreExchange): void {
    this.#table.set(row, ObserverFlag.dirty);
    this.#link.oscore?.contexts.numbers.whenLeased(context, (isLeased) => {
      if (!isLeased || this.#abort.signal.aborted || this.#table.oscore[row]?.context !== context) return;
      this.#line.push(row);
      this.#walkLine();
    });
  }

  #mustConfirm(row: number, always: boolean): boolean {
    const { limits } = this.#link;
    return (
      always ||
      !this.#mayGoUnconfirmed(this.#table.peer[row]!) ||
      this.#inherited.has(row) ||
      this.#table.unconfirmed[row]! >= limits.confirmEveryCount ||
      this.#clock.monotonicMs() - this.#table.lastConfirmedMs[row]! >= limits.confirmEveryMs
    );
  }

  #landed(row: number): void {
    this.#leaveWindow(row);
    this.#table.clear(row, ObserverFlag.inFlight);
    this.#table.slot[row] = none;
    this.#table.lastConfirmedMs[row] = this.#clock.monotonicMs();
  }

  #gone(row: number): void {
    this.#landed(row);
    this.#link.counters.observersEnded++;
    this.#endRow(row, false);
    this.#walkLine();
  }

  #leaveWindow(row: number): void {
    if (!this.#table.has(row, ObserverFlag.inWindow)) return;
    this.#table.clear(row, ObserverFlag.inWindow);
    this.#inWindow--;
  }

  #isOf(row: number, resource: ObservedResource): boolean {
    return this.#table.isLive(row) && this.#resources.at(this.#table.resource[row]!) === resource;
  }

  #failed(resource: ObservedResource, error: unknown): void {
    this.#link.failed("coap-notification-failed", error, { path: resource.request.entry?.route.path ?? "" });
  }
}
