import type { Clock } from "../../kernel/clock.ts";
import type { ClientExchanges } from "../client/client-exchanges.ts";
import type { QBlockChannels } from "../client/q-block-channels.ts";
import { decodeMessage, Malformed, malformedNames, malformedVerdict } from "../decode-message.ts";
import { Code, MessageType, OptionNumber } from "../message.ts";
import { MessageView } from "../message-view.ts";
import type { Observations } from "../observe/observations.ts";
import { applyResponseRules } from "../option-rules.ts";
import type { PeerIdentity } from "../route.ts";
import { OscoreClient } from "../security/oscore/oscore-client.ts";
import { OscoreServer } from "../security/oscore/oscore-server.ts";
import type { MessageReceiver } from "../security/security.ts";
import type { Server } from "../server/server.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { Link } from "./link.ts";
import type { Outbox } from "./outbox.ts";
import { RecentResponses } from "./recent-responses.ts";

export interface MessageLayerOptions {
  readonly link: Link;
  readonly outbox: Outbox;
  readonly server: Server;
  readonly exchanges: ClientExchanges;
  readonly qBlocks: QBlockChannels;
  readonly observations: Observations;
  readonly clock: Clock;
}

const secondsUntilRoom = 60;

/** RFC 7252 section 4: every message that comes in, told apart by type and code, and sent on its way in the same turn. */
export class MessageLayer implements MessageReceiver {
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #server: Server;
  readonly #exchanges: ClientExchanges;
  readonly #qBlocks: QBlockChannels;
  readonly #observations: Observations;
  readonly #view: MessageView;
  readonly #recent: RecentResponses;
  readonly #oscoreServer: OscoreServer | undefined;
  readonly #oscoreClient: OscoreClient | undefined;
  /** By reason. */
  readonly malformed = new Float64Array(malformedNames.length);

  constructor({ link, outbox, server, exchanges, qBlocks, observations, clock }: MessageLayerOptions) {
    this.#link = link;
    this.#recent = new RecentResponses(link.limits.recentResponses, clock, link.limits.exchangeLifetimeMs);
    this.#outbox = outbox;
    this.#server = server;
    this.#exchanges = exchanges;
    this.#qBlocks = qBlocks;
    this.#observations = observations;
    this.#view = new MessageView(link.limits.maxOptions);
    if (link.oscore === undefined) return;
    this.#oscoreServer = new OscoreServer(link, link.oscore, server);
    this.#oscoreClient = new OscoreClient(link.oscore, exchanges, observations);
  }

  message(bytes: Uint8Array, start: number, end: number, source: RemoteAddress, identity: PeerIdentity): void {
    const { counters, peers, limits } = this.#link;
    counters.datagramsReceived++;
    if (source.port === 0) {
      counters.droppedPortZero++;
      return;
    }
    if (end - start > limits.maxDatagram) {
      counters.droppedTooLong++;
      return;
    }
    const view = this.#view;
    const reason = decodeMessage(bytes, start, end, view);
    if (reason !== Malformed.none) {
      this.#malformed(reason, source);
      return;
    }
    const { code, type } = view;
    if (source.isMulticast && (code === 0 || code >> 5 !== 0)) {
      // Groups are asked (RFC 7252 section 8.1): what acknowledges, resets or answers is for one endpoint and comes to its address.
      counters.responsesUnexpected++;
      return;
    }
    if (code === 0) {
      this.#empty(type, view.messageId, source);
      return;
    }
    if (code >> 5 === 0) {
      const peer = peers.admit(source, identity);
      if (peer < 0) {
        this.#refuseStranger(source);
        return;
      }
      if (this.#outbox.hasSilentPeers) this.#outbox.heard(peer);
      const oscore = this.#oscoreServer;
      if (oscore !== undefined && view.find(OptionNumber.oscore) >= 0) oscore.request(view, peer, source);
      else this.#server.request(view, peer, source);
      return;
    }
    counters.responses++;
    if (type === MessageType.acknowledgement) this.#piggybacked(source);
    else this.#separate(source);
  }

  ended(address: RemoteAddress): void {
    this.#link.peers.renew(address);
  }

  /** No row for a new peer: those that are known go first. */
  #refuseStranger(source: RemoteAddress): void {
    this.#link.counters.droppedPeersFull++;
    const view = this.#view;
    if (view.type !== MessageType.confirmable || source.isMulticast) return;
    const { writer } = this.#link;
    writer.begin(
      MessageType.acknowledgement,
      Code.serviceUnavailable,
      view.messageId,
      view.bytes,
      view.tokenStart,
      view.tokenLength,
    );
    writer.uintOption(OptionNumber.maxAge, secondsUntilRoom);
    this.#link.sendTo(writer.bytes, writer.end, source);
  }

  #malformed(reason: Malformed, source: RemoteAddress): void {
    const { counters } = this.#link;
    this.malformed[reason]!++;
    switch (malformedVerdict(reason, this.#view.type)) {
      case "ignore":
        counters.ignoredNotCoap++;
        return;
      case "reject":
        counters.malformedRejected++;
        return;
      case "reset":
        counters.malformedReset++;
        this.#reset(source);
    }
  }

  #empty(type: number, messageId: number, source: RemoteAddress): void {
    const { counters, peers } = this.#link;
    if (type === MessageType.confirmable) {
      counters.pings++;
      this.#reset(source);
      return;
    }
    const peer = peers.find(source);
    const slot = peer < 0 ? -1 : this.#outbox.find(peer, messageId);
    if (type === MessageType.acknowledgement) {
      if (slot < 0) counters.acknowledgementsUnmatched++;
      else this.#outbox.acknowledge(slot);
      return;
    }
    counters.resetsReceived++;
    if (slot >= 0) this.#outbox.reset(slot);
    else if (peer >= 0) {
      this.#server.reset(peer, messageId);
      this.#qBlocks.rejected(peer, messageId);
    }
  }

  /** A response in an ACK: for the message that waits for that ACK, or for nobody. */
  #piggybacked(source: RemoteAddress): void {
    const { counters, peers } = this.#link;
    const view = this.#view;
    const peer = peers.find(source);
    const slot = peer < 0 ? -1 : this.#outbox.find(peer, view.messageId);
    if (slot < 0) {
      counters.acknowledgementsUnmatched++;
      return;
    }
    const isOfBody = this.#qBlocks.ownsSlot(slot, view);
    if (!isOfBody && !this.#exchanges.ownsSlot(slot, view)) {
      // Another token than asked with: the message arrived, the response isn't ours.
      counters.responsesUnexpected++;
      this.#outbox.acknowledge(slot);
      return;
    }
    const opened = this.#oscoreClient === undefined ? view : this.#oscoreClient.open(view, peer);
    if (opened === undefined) return;
    let option = applyResponseRules(opened);
    if (opened.setAside.length > 0) option = this.#exchanges.refusedOption(opened, peer, option);
    if (option >= 0) {
      counters.responsesRejected++;
      this.#exchanges.reject(opened, peer, option);
      return;
    }
    if (isOfBody) {
      // First what it says: it may end the body, and the message with it.
      this.#qBlocks.response(opened, source);
      if (this.#outbox.find(peer, view.messageId) === slot) this.#outbox.acknowledge(slot);
    } else this.#exchanges.response(opened, peer, source);
  }

  /** A response in a message of its own: acknowledged when somebody takes it, reset when nobody does. */
  #separate(source: RemoteAddress): void {
    const { counters, peers } = this.#link;
    const view = this.#view;
    const { messageId } = view;
    const isConfirmable = view.type === MessageType.confirmable;
    const peer = peers.find(source);
    if (peer >= 0 && this.#outbox.hasSilentPeers) this.#outbox.heard(peer);
    if (peer >= 0 && this.#recent.has(peer, messageId)) {
      counters.duplicates++;
      if (isConfirmable) this.#link.sendEmpty(MessageType.acknowledgement, messageId, source);
      return;
    }
    const opened = this.#oscoreClient === undefined ? view : this.#oscoreClient.open(view, peer);
    if (opened === undefined) {
      // A Reset would end the observation at the server, which what doesn't verify must not (RFC 8613 section 8.4.2).
      if (isConfirmable) this.#link.sendEmpty(MessageType.acknowledgement, messageId, source);
      return;
    }
    let option = applyResponseRules(opened);
    if (opened.setAside.length > 0) option = this.#exchanges.refusedOption(opened, peer, option);
    if (option >= 0) {
      counters.responsesRejected++;
      if (peer >= 0) this.#exchanges.reject(opened, peer, option);
      this.#reset(source);
      return;
    }
    // The ACK goes first: taking the response may send the next request.
    const taken = this.#canTake(view, peer);
    if (taken !== "taken") {
      if (taken === "elsewhere") counters.responsesFromElsewhere++;
      else counters.responsesUnexpected++;
      this.#reset(source);
      return;
    }
    const isOfObservation = this.#oscoreClient?.isOfObservation === true;
    if (!isOfObservation && this.#qBlocks.knows(view, peer) === "taken") {
      // Its repeats are told by their blocks.
      peers.heard(peer);
      if (isConfirmable) this.#link.sendEmpty(MessageType.acknowledgement, messageId, source);
      this.#qBlocks.response(opened, source);
      return;
    }
    const isAnswer = !isOfObservation && this.#exchanges.knows(view, peer) === "taken";
    // Repeats of non-confirmable notifications are told by their order.
    if (isConfirmable || isAnswer) {
      this.#recent.add(peer, messageId);
      peers.heard(peer);
    }
    if (isConfirmable) this.#link.sendEmpty(MessageType.acknowledgement, messageId, source);
    if (isAnswer) this.#exchanges.response(opened, peer, source);
    else this.#observations.notification(opened, source);
  }

  #canTake(view: MessageView, peer: number): "taken" | "unknown" | "elsewhere" {
    const byExchange = this.#exchanges.knows(view, peer);
    if (byExchange !== "unknown") return byExchange;
    const byBody = this.#qBlocks.knows(view, peer);
    return byBody === "unknown" ? this.#observations.knows(view, peer) : byBody;
  }

  /** Never to a group, and for what carries a message ID. */
  #reset(source: RemoteAddress): void {
    if (!source.isMulticast) this.#link.sendEmpty(MessageType.reset, this.#view.messageId, source);
  }
}
