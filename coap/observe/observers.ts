import type { Clock } from "../../kernel/clock.ts";
import { blockNumber } from "../blockwise/block-option.ts";
import type { QBlockServer } from "../blockwise/q-block-server.ts";
import type { Link } from "../exchange/link.ts";
import type { Outbox } from "../exchange/outbox.ts";
import { Code, OptionNumber } from "../message.ts";
import type { Peer } from "../route.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { AddressProof } from "../server/address-proof.ts";
import type { ReplyBuffer } from "../server/reply-buffer.ts";
import type { RequestView } from "../server/request-view.ts";
import type { Responder } from "../server/responder.ts";
import { Notifier } from "./notifier.ts";
import { type ObservedResource, ObservedResources, pathKeyOf } from "./observed-resources.ts";
import { ObserverFlag, ObserverTable } from "./observer-table.ts";

export interface ObserversOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly responder: Responder;
  readonly proof: AddressProof;
  readonly qBlocks: QBlockServer;
}

interface FilteredChange {
  readonly pathKey: string;
  readonly filter: (peer: Peer) => boolean;
}

const none = -1;
const ofAnother = -2;
const sequenceMask = 0xffffff;

/** The server's side of RFC 7641: who observes what, from registration to end. Telling them is the notifier's. */
export class Observers {
  readonly #link: Link;
  readonly #clock: Clock;
  readonly #proof: AddressProof;
  readonly #table: ObserverTable;
  readonly #resources: ObservedResources;
  readonly #notifier: Notifier;
  #sequence: number;
  /** What changed in this turn: for everybody, by path; and for some. */
  readonly #changedPaths = new Set<string>();
  #filteredChanges: FilteredChange[] = [];
  #willTell: boolean = false;
  #isStopped: boolean = false;

  constructor({ link, outbox, clock, responder, proof, qBlocks }: ObserversOptions) {
    this.#link = link;
    this.#clock = clock;
    this.#proof = proof;
    this.#table = new ObserverTable(link.limits.observers, link.peers);
    this.#resources = new ObservedResources(link.peers);
    this.#notifier = new Notifier({
      link,
      outbox,
      clock,
      responder,
      qBlocks,
      table: this.#table,
      resources: this.#resources,
      end: (row, keepMessage) => this.#end(row, keepMessage),
    });
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

  /** 0, or the code that refuses one more observer: the peer has its share, or there is no room. */
  refusal(request: RequestView, peer: number): number {
    const { observable } = request.entry!.route;
    const isOurs = observable === undefined || observable === false || this.#table.find(peer, request.view) >= 0;
    if (isOurs) return 0;
    const { peers, limits, counters } = this.#link;
    if (peers.columns.observers[peer]! >= limits.observersPerPeer) {
      counters.overQuota++;
      return Code.tooManyRequests;
    }
    if (this.#proof.mayTake(this.#table.size, limits.observers, peer)) return 0;
    counters.overLimit++;
    return Code.serviceUnavailable;
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
    const known = this.#registered(peer, request);
    if (known === ofAnother) return none;
    if (observe === 1) {
      if (known >= 0) this.#end(known);
      return none;
    }
    // A further block is asked for, perhaps with the options of the registration: what is observed is the whole (RFC 7959 section 2.6).
    const { view } = request;
    const block = Math.max(0, view.uint(OptionNumber.block2), view.uint(OptionNumber.qBlock2));
    if (observe !== 0 || blockNumber(block) > 0) return none;
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
    if (request.oscore !== undefined) this.#table.protect(row, request.oscore);
    this.#table.contentFormat[row] = reply.contentFormat ?? none;
    resource.sequence = this.#nextSequence();
    return resource.sequence;
  }

  /** The change is told after the turn: routes may call this while they run. */
  notify(path: readonly string[], filter: ((peer: Peer) => boolean) | undefined): void {
    const pathKey = pathKeyOf(path);
    if (filter === undefined) this.#changedPaths.add(pathKey);
    else this.#filteredChanges.push({ pathKey, filter });
    if (this.#willTell) return;
    this.#willTell = true;
    queueMicrotask(this.#tell);
  }

  /** A Reset came for a non-confirmable notification: the observer doesn't know it. */
  resetNonConfirmable(peer: number, messageId: number): void {
    for (let row = this.#table.firstOf(peer); row !== none; row = this.#table.nextOf(row)) {
      const isLast = this.#table.lastMessageId[row] === messageId && !this.#table.has(row, ObserverFlag.inFlight);
      if (!isLast && this.#table.messageIdBefore[row] !== messageId) continue;
      this.#link.counters.observersEnded++;
      this.#end(row);
      return;
    }
  }

  dropPeer(peer: number): void {
    for (let row = this.#table.firstOf(peer); row !== none; row = this.#table.firstOf(peer)) this.#end(row);
  }

  dropContext(context: OscoreContext): void {
    this.#table.oscore.forEach((exchange, row) => {
      if (exchange?.context === context) this.#end(row);
    });
  }

  /** Ends the observations of a path without a word, as a restart would. */
  forget(path: readonly string[]): void {
    for (const resource of [...this.#resources.on(pathKeyOf(path))]) {
      for (const row of [...resource.members]) this.#end(row);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#notifier.stop();
    this.#changedPaths.clear();
    this.#filteredChanges = [];
  }

  readonly #tell = (): void => {
    this.#willTell = false;
    const changedPaths = [...this.#changedPaths];
    const filteredChanges = this.#filteredChanges;
    this.#changedPaths.clear();
    this.#filteredChanges = [];
    if (this.#isStopped) return;
    for (const pathKey of changedPaths) this.#mark(pathKey, undefined);
    for (const { pathKey, filter } of filteredChanges) {
      try {
        this.#mark(pathKey, filter);
      } catch (error) {
        this.#link.failed("coap-notify-filter-failed", error, { path: pathKey });
      }
    }
    this.#notifier.tell();
  };

  #mark(pathKey: string, filter: ((peer: Peer) => boolean) | undefined): void {
    for (const resource of this.#resources.on(pathKey)) {
      resource.sequence = this.#nextSequence();
      for (const row of resource.members) {
        resource.peer.row = this.#table.peer[row]!;
        resource.peer.protector = this.#table.oscore[row]?.context.identity;
        if (filter === undefined || filter(resource.peer)) this.#notifier.mark(row);
      }
    }
  }

  /**
   * The observer that the request renews or cancels. The token alone says so in the clear; under OSCORE the context and what is observed must be the same
   * as well (RFC 8613 section 4.1.3.5), and who registered under it is not ended or changed by another who knows its token.
   */
  #registered(peer: number, request: RequestView): number {
    const { view, oscore } = request;
    const table = this.#table;
    let found = none;
    for (let row = table.find(peer, view); row !== none; row = table.find(peer, view, row)) {
      const context = table.oscore[row]?.context;
      if (oscore === undefined) {
        if (context !== undefined) return ofAnother;
        found = row;
      } else if (context === oscore.context && table.resource[row] === this.#resources.find(request)) {
        return row;
      }
    }
    return found;
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

  /** `keepMessage` lets a last confirmable notification be retransmitted. */
  #end(row: number, keepMessage = false): void {
    const table = this.#table;
    if (!table.isLive(row)) return;
    this.#notifier.release(row, keepMessage);
    const resource = this.#resources.at(table.resource[row]!);
    const last = resource.members.pop()!;
    if (last !== row) {
      resource.members[table.position[row]!] = last;
      table.position[last] = table.position[row]!;
    }
    table.remove(row);
    this.#dropIfEmpty(resource);
  }

  #dropIfEmpty(resource: ObservedResource): void {
    if (resource.members.length === 0) this.#resources.drop(resource);
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
}
