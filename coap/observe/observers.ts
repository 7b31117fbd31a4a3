import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox, OutboxOwner } from "../exchange/outbox.ts";
import { Code, MessageType } from "../message.ts";
import type { CoapReplyFields, Peer } from "../route.ts";
import { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import type { ReplyHeader, Responder } from "../server/responder.ts";
import { type ObservedResource, ObservedResources, pathKeyOf } from "./observed-resources.ts";
import { ObserverFlag, ObserverTable } from "./observer-table.ts";

export interface ObserversOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly responder: Responder;
}

interface Change {
  readonly pathKey: string;
  readonly filter: ((peer: Peer) => boolean) | undefined;
}

const none = -1;
/** Confirmable notifications sent and not yet late: bursts of ACKs larger than this overflow socket buffers. */
const window = 512;
const sequenceMask = 0xffffff;

/**
 * The server's side of RFC 7641. A change marks observers; marked ones wait in one line and get the representation that is newest
 * when their turn comes. At most one confirmable notification is under way for each.
 */
export class Observers implements OutboxOwner {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #responder: Responder;
  readonly #owner: number;
  readonly #table: ObserverTable;
  readonly #resources: ObservedResources;
  readonly #reply = new ReplyBuffer();
  readonly #header: ReplyHeader;
  /** Observers that have something to be told, in order. */
  #line: number[] = [];
  #lineAt = 0;
  #inWindow = 0;
  #sequence: number;
  #changes: Change[] = [];
  #isStopped: boolean = false;
  /** The resource whose shared representation is planned in the responder, and how. */
  #shared: ObservedResource | undefined;

  constructor({ link, outbox, clock, log, responder }: ObserversOptions) {
    this.#link = link;
    this.#outbox = outbox;
    this.#clock = clock;
    this.#log = log;
    this.#responder = responder;
    this.#owner = outbox.register(this);
    this.#table = new ObserverTable(link.limits.observers, link.peers);
    this.#resources = new ObservedResources(link.peers);
    this.#header = { type: 0, messageId: 0, tokenBytes: this.#table.tokens, tokenStart: 0, tokenLength: 0 };
    this.#sequence = this.#sequenceFromClock();
  }

  get size(): number {
    return this.#table.size;
  }

  countOf(path: readonly string[]): number {
    let count = 0;
    for (const resource of this.#resources.on(pathKeyOf(path))) count += resource.members.length;
    return count;
  }

  /**
   * Looks at the Observe option of an answered request. Returns the Observe value for the answer, -1 for none: not asked, not
   * possible, no room, or an error.
   */
  register(request: RequestView, reply: ReplyBuffer, peer: number): number {
    const { entry } = request;
    const { observe } = request;
    if (observe === undefined || entry === undefined || request.isMulticast) return none;
    const { observable } = entry.route;
    if (observable === undefined || observable === false) return none;
    const known = this.#table.find(peer, request.view);
    if (observe === 1) {
      if (known >= 0) this.#end(known);
      return none;
    }
    if (observe !== 0) return none;
    if (reply.code >> 5 !== 2 || !reply.observable) {
      if (known >= 0) this.#end(known);
      return none;
    }
    const resource = this.#resources.of(request);
    if (known >= 0 && this.#table.resource[known] !== resource.number) this.#end(known);
    const isKnown = known >= 0 && this.#table.isLive(known);
    const row = isKnown ? known : this.#add(peer, request, resource);
    if (row < 0) {
      this.#dropIfEmpty(resource);
      return none;
    }
    resource.sequence = this.#nextSequence();
    return resource.sequence;
  }

  /** The change is told after the turn: routes may call this while they run. */
  notify(path: readonly string[], filter: ((peer: Peer) => boolean) | undefined): void {
    const pathKey = pathKeyOf(path);
    if (
      filter === undefined &&
      this.#changes.some((change) => change.pathKey === pathKey && change.filter === undefined)
    )
      return;
    this.#changes.push({ pathKey, filter });
    if (this.#changes.length === 1) queueMicrotask(this.#tell);
  }

  /** A Reset came for a non-confirmable notification: the observer doesn't know it. */
  resetNonConfirmable(peer: number, messageId: number): void {
    for (let row = this.#table.firstOf(peer); row !== none; row = this.#table.nextOf(row)) {
      if (this.#table.lastMessageId[row] !== messageId || this.#table.has(row, ObserverFlag.inFlight)) continue;
      this.#link.counters.observersEnded++;
      this.#end(row);
      return;
    }
  }

  dropPeer(peer: number): void {
    for (let row = this.#table.firstOf(peer); row !== none; row = this.#table.firstOf(peer)) this.#end(row);
  }

  /** Ends the observations of a path without a word, as a restart would. */
  forget(path: readonly string[]): void {
    for (const resource of [...this.#resources.on(pathKeyOf(path))]) {
      for (const row of [...resource.members]) this.#end(row);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#line = [];
    this.#changes = [];
  }

  ready(row: number): void {
    this.#table.clear(row, ObserverFlag.queued);
    this.#send(row);
  }

  acknowledged(row: number): void {
    this.#landed(row);
    if (this.#table.has(row, ObserverFlag.dirty)) this.#line.push(row);
    this.#walkLine();
  }

  late(row: number): void {
    this.#leaveWindow(row);
    this.#walkLine();
  }

  reset(row: number): void {
    this.#gone(row);
  }

  timedOut(row: number): void {
    this.#gone(row);
  }

  readonly #tell = (): void => {
    const changes = this.#changes;
    this.#changes = [];
    if (this.#isStopped) return;
    for (const { pathKey, filter } of changes) {
      for (const resource of this.#resources.on(pathKey)) {
        resource.sequence = this.#nextSequence();
        for (const row of resource.members) {
          if (filter !== undefined) {
            resource.peer.row = this.#table.peer[row]!;
            if (!filter(resource.peer)) continue;
          }
          if (!this.#table.has(row, ObserverFlag.dirty)) {
            this.#table.set(row, ObserverFlag.dirty);
            // One that is busy comes back to the line when it is free.
            if (!this.#table.has(row, ObserverFlag.inFlight | ObserverFlag.queued | ObserverFlag.rendering)) {
              this.#line.push(row);
            }
          }
        }
      }
    }
    this.#walkLine();
  };

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
      // No room to wait: better told without confirmation than not at all.
      this.#link.counters.overLimit++;
      isConfirmable = false;
    }
    resource.peer.row = peer;
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
    this.#awaitRendering(row, resource, route.later(copy, new AbortController().signal));
  }

  #awaitRendering(row: number, resource: ObservedResource, pending: Promise<CoapReplyFields>): void {
    this.#table.set(row, ObserverFlag.rendering);
    this.#table.clear(row, ObserverFlag.dirty);
    const finish = (fields: CoapReplyFields): void => {
      if (this.#isStopped || !this.#isOf(row, resource)) return;
      this.#table.clear(row, ObserverFlag.rendering);
      const reply = this.#reply;
      reply.reset(resource.request.view.code);
      reply.fill(fields);
      this.#shared = undefined;
      if (this.#planOrRead(row, resource, reply)) return;
      const isConfirmable = this.#mustConfirm(row, resource.request.entry!.route.notifications === "confirmable");
      const mayConfirm = isConfirmable && this.#outbox.mayTransmit(this.#table.peer[row]!);
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
    const isLast = reply.code >> 5 !== 2 || !reply.observable;
    const header = this.#header;
    header.type = isConfirmable ? MessageType.confirmable : MessageType.nonConfirmable;
    header.messageId = this.#link.peers.nextMessageId(peer);
    header.tokenStart = table.tokenStart(row);
    header.tokenLength = table.tokenLength[row]!;
    this.#responder.write(resource.request, reply, peer, header, isLast ? none : resource.sequence);
    this.#link.counters.notificationsSent++;
    table.clear(row, ObserverFlag.dirty);
    table.lastMessageId[row] = header.messageId;
    if (isConfirmable) {
      table.unconfirmed[row] = 0;
      const slot = this.#outbox.transmit(peer, header.messageId, this.#owner, row);
      if (slot >= 0) {
        table.slot[row] = slot;
        table.set(row, ObserverFlag.inFlight | ObserverFlag.inWindow);
        this.#inWindow++;
      }
    } else {
      table.unconfirmed[row]!++;
      this.#link.sendWritten(peer);
    }
    if (isLast) this.#end(row, true);
  }

  #mustConfirm(row: number, always: boolean): boolean {
    const { limits } = this.#link;
    return (
      always ||
      this.#table.unconfirmed[row]! >= limits.confirmEveryCount ||
      this.#clock.monotonicMs() - this.#table.lastConfirmedMs[row]! >= limits.confirmEveryMs
    );
  }

  #add(peer: number, request: RequestView, resource: ObservedResource): number {
    const { peers, limits, counters } = this.#link;
    if (peers.columns.observers[peer]! >= limits.observersPerPeer) {
      counters.overQuota++;
      return none;
    }
    const row = this.#table.add(peer, request.view);
    if (row < 0) {
      counters.overLimit++;
      return none;
    }
    this.#table.resource[row] = resource.number;
    this.#table.position[row] = resource.members.push(row) - 1;
    this.#table.lastConfirmedMs[row] = this.#clock.monotonicMs();
    return row;
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
    this.#end(row);
    this.#walkLine();
  }

  #leaveWindow(row: number): void {
    if (!this.#table.has(row, ObserverFlag.inWindow)) return;
    this.#table.clear(row, ObserverFlag.inWindow);
    this.#inWindow--;
  }

  /** `keepMessage` lets a last confirmable notification be retransmitted. */
  #end(row: number, keepMessage = false): void {
    const table = this.#table;
    if (!table.isLive(row)) return;
    this.#leaveWindow(row);
    const slot = table.slot[row]!;
    if (table.has(row, ObserverFlag.queued)) this.#outbox.dequeue(table.peer[row]!, this.#owner, row);
    const resource = this.#resources.at(table.resource[row]!);
    const last = resource.members.pop()!;
    if (last !== row) {
      resource.members[table.position[row]!] = last;
      table.position[last] = table.position[row]!;
    }
    table.remove(row);
    this.#dropIfEmpty(resource);
    if (slot < 0) return;
    if (keepMessage) this.#outbox.disown(slot);
    else this.#outbox.drop(slot);
  }

  #dropIfEmpty(resource: ObservedResource): void {
    if (resource.members.length === 0) this.#resources.drop(resource);
  }

  #isOf(row: number, resource: ObservedResource): boolean {
    return this.#table.isLive(row) && this.#resources.at(this.#table.resource[row]!) === resource;
  }

  /** Grows by the clock between changes, so that it stays fresh over 128 s whatever the rate (RFC 7641 section 3.4). */
  #nextSequence(): number {
    const byClock = this.#sequenceFromClock();
    const ahead = (byClock - this.#sequence) & sequenceMask;
    this.#sequence = ahead > 0 && ahead < 0x800000 ? byClock : (this.#sequence + 1) & sequenceMask;
    return this.#sequence;
  }

  #sequenceFromClock(): number {
    return Math.floor(this.#clock.monotonicMs() / 8) % (sequenceMask + 1);
  }

  #failed(resource: ObservedResource, error: unknown): void {
    this.#link.counters.handlerFailed++;
    const message = error instanceof Error ? error.message : String(error);
    this.#log.error("coap-notification-failed", { path: resource.request.entry?.route.path ?? "", message });
  }
}
