import { Readable } from "node:stream";
import type { AedesPublishPacket, Subscription } from "aedes";
import type { Counters } from "./counters.ts";
import type { MqttLimits } from "./limits.ts";
import { TopicTree } from "./topic-tree.ts";

/** What aedes hands its persistence: a client, or what has its id. */
interface ClientLike {
  readonly id: string;
}

interface StoredSubscription {
  readonly clientId: string;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
}

/** A PUBLISH on its way to a client, or the PUBREL that took its place. */
type OutgoingPacket = Omit<AedesPublishPacket, "cmd" | "messageId"> & {
  cmd: "publish" | "pubrel";
  messageId?: number | undefined;
};

interface Session {
  readonly subscriptions: Map<string, StoredSubscription>;
  outgoing: OutgoingPacket[];
  readonly incoming: Map<number, AedesPublishPacket>;
}

interface Retained {
  readonly packet: AedesPublishPacket;
  readonly owner: string | undefined;
}

export interface MemoryPersistenceOptions {
  limits: MqttLimits;
  counters: Counters;
  /** aedes stores all filters of a SUBSCRIBE once one is granted; the refused ones must not get in by that. */
  maySubscribe(clientId: string, filter: string): boolean;
  /** A QoS 2 publish has come again; aedes answers it without publishing. */
  onDuplicate(clientId: string): void;
  /** Resolves when a client has read what was sent to it; undefined when it has. */
  whenTaken(clientId: string): Promise<void> | undefined;
}

/**
 * Sessions, queues and retained messages in memory, bounded: the persistence interface of aedes 1.x, of which it
 * implements what the broker calls. Nothing survives a restart of the process.
 */
export class MemoryPersistence {
  readonly #limits: MqttLimits;
  readonly #counters: Counters;
  readonly #maySubscribe: MemoryPersistenceOptions["maySubscribe"];
  readonly #onDuplicate: MemoryPersistenceOptions["onDuplicate"];
  readonly #whenTaken: MemoryPersistenceOptions["whenTaken"];
  readonly #sessions = new Map<string, Session>();
  readonly #filters = new TopicTree<StoredSubscription>();
  readonly #retained = new TopicTree<Retained>();
  readonly #retainedBy = new Map<string, number>();
  readonly #wills = new Map<string, AedesPublishPacket>();
  #retainedBytes = 0;
  #queuedBytes = 0;
  #brokerId = "";
  /** Who will be sent the retained messages that are asked for next. */
  #retainedReader = "";

  constructor({ limits, counters, maySubscribe, onDuplicate, whenTaken }: MemoryPersistenceOptions) {
    this.#limits = limits;
    this.#counters = counters;
    this.#maySubscribe = maySubscribe;
    this.#onDuplicate = onDuplicate;
    this.#whenTaken = whenTaken;
  }

  // aedes insists on an async function.
  async setup(broker: { readonly id: string }): Promise<void> {
    this.#brokerId = broker.id;
  }

  // --- what the broker asks, beyond aedes

  /** How many messages wait for a client. */
  queued(clientId: string): number {
    return this.#sessions.get(clientId)?.outgoing.length ?? 0;
  }

  subscriptionsOf(clientId: string): string[] {
    return [...(this.#sessions.get(clientId)?.subscriptions.keys() ?? [])];
  }

  /** Forgets subscriptions, queues and will of a client. */
  dropSession(clientId: string): void {
    this.#forgetSubscriptions(clientId);
    const session = this.#sessions.get(clientId);
    if (session !== undefined) for (const packet of session.outgoing) this.#queuedBytes -= costOf(packet);
    this.#sessions.delete(clientId);
    this.#wills.delete(clientId);
  }

  // --- retained messages

  async storeRetained(packet: AedesPublishPacket & { clientId?: string }): Promise<void> {
    const { topic, clientId: owner } = packet;
    const known = this.#retained.get(topic, "");
    if (known !== undefined) this.#forgetRetained(topic);
    if (packet.payload.length === 0) return;
    const cost = costOf(packet);
    const ownedCount = owner === undefined ? 0 : (this.#retainedBy.get(owner) ?? 0);
    const isFull =
      this.#retained.size >= this.#limits.maxRetainedMessages ||
      this.#retainedBytes + cost > this.#limits.maxRetainedBytes ||
      ownedCount >= this.#limits.maxRetainedPerClient;
    if (isFull) {
      this.#counters.notRetained++;
      return;
    }
    this.#retained.set(topic, "", { packet: { ...packet, payload: ownCopy(packet.payload) }, owner });
    this.#retainedBytes += cost;
    if (owner !== undefined) this.#retainedBy.set(owner, ownedCount + 1);
  }

  /** Forgets what is retained on topics that match; returns how many there were. */
  forgetRetained(filter: string): number {
    const topics = [...this.#retained.ofFilter(filter)].map(({ packet }) => packet.topic);
    for (const topic of topics) this.#forgetRetained(topic);
    return topics.length;
  }

  /** aedes doesn't say for whom it asks for retained messages, but tells of the subscription in the same turn, right before. */
  expectRetainedReader(clientId: string): void {
    this.#retainedReader = clientId;
  }

  createRetainedStream(filter: string): Readable {
    return this.createRetainedStreamCombi([filter]);
  }

  createRetainedStreamCombi(filters: readonly string[]): Readable {
    const packets = new Map<string, AedesPublishPacket>();
    for (const filter of filters) {
      for (const { packet } of this.#retained.ofFilter(filter)) packets.set(packet.topic, packet);
    }
    return Readable.from(this.#paced(packets.values(), this.#retainedReader));
  }

  // --- subscriptions of sessions that outlive their connection

  async addSubscriptions(client: ClientLike, subscriptions: readonly Subscription[]): Promise<void> {
    const session = this.#sessionOf(client.id);
    for (const { topic, qos } of subscriptions) {
      if (!this.#maySubscribe(client.id, topic)) continue;
      if (!session.subscriptions.has(topic) && session.subscriptions.size >= this.#limits.maxSubscriptions) continue;
      const stored: StoredSubscription = { clientId: client.id, topic, qos };
      session.subscriptions.set(topic, stored);
      // Only these get messages queued.
      if (qos > 0) this.#filters.set(topic, client.id, stored);
      else this.#filters.delete(topic, client.id);
    }
  }

  async removeSubscriptions(client: ClientLike, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    for (const filter of filters) {
      if (session?.subscriptions.delete(filter)) this.#filters.delete(filter, client.id);
    }
  }

  async subscriptionsByClient(client: ClientLike): Promise<{ topic: string; qos: 0 | 1 | 2 }[]> {
    const session = this.#sessions.get(client.id);
    return [...(session?.subscriptions.values() ?? [])].map(({ topic, qos }) => ({ topic, qos }));
  }

  /** One subscription a client, that of the highest QoS. */
  async subscriptionsByTopic(topic: string): Promise<StoredSubscription[]> {
    const found = this.#filters.ofTopic(topic);
    if (found.length < 2) return found;
    const byClient = new Map<string, StoredSubscription>();
    for (const each of found) {
      const other = byClient.get(each.clientId);
      if (other === undefined || other.qos < each.qos) byClient.set(each.clientId, each);
    }
    return [...byClient.values()];
  }

  /** A clean session begins: what was of the old one goes. */
  async cleanSubscriptions(client: ClientLike): Promise<void> {
    this.#forgetSubscriptions(client.id);
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    for (const packet of session.outgoing) this.#queuedBytes -= costOf(packet);
    session.outgoing = [];
  }

  // --- messages on their way to clients

  async outgoingEnqueue({ clientId }: { readonly clientId: string }, packet: AedesPublishPacket): Promise<void> {
    this.#enqueue(clientId, { ...packet, payload: ownCopy(packet.payload) });
  }

  async outgoingEnqueueCombi(subscriptions: readonly StoredSubscription[], packet: AedesPublishPacket): Promise<void> {
    if (subscriptions.length === 0) return;
    const payload = ownCopy(packet.payload);
    for (const { clientId } of subscriptions) this.#enqueue(clientId, { ...packet, payload });
  }

  /**
   * A message got its packet id, or its PUBREL takes its place. One that wasn't kept because the queue was full is fine:
   * it goes out all the same, without a second try.
   */
  async outgoingUpdate(client: ClientLike, packet: OutgoingPacket): Promise<void> {
    const outgoing = this.#sessions.get(client.id)?.outgoing ?? [];
    for (const [i, known] of outgoing.entries()) {
      if (
        packet.cmd === "publish" &&
        known.brokerId === packet.brokerId &&
        known.brokerCounter === packet.brokerCounter
      ) {
        known.messageId = packet.messageId;
        return;
      }
      if (packet.cmd === "pubrel" && known.messageId === packet.messageId) {
        this.#queuedBytes -= costOf(known);
        outgoing[i] = packet;
        this.#queuedBytes += costOf(packet);
        return;
      }
    }
  }

  async outgoingClearMessageId(client: ClientLike, packet: OutgoingPacket): Promise<OutgoingPacket | undefined> {
    const outgoing = this.#sessions.get(client.id)?.outgoing;
    const at = outgoing?.findIndex(({ messageId }) => messageId !== undefined && messageId === packet.messageId) ?? -1;
    const [cleared] = at === -1 ? [] : (outgoing?.splice(at, 1) ?? []);
    if (cleared !== undefined) this.#queuedBytes -= costOf(cleared);
    return cleared;
  }

  outgoingStream(client: ClientLike): Readable {
    return Readable.from(this.#paced([...(this.#sessions.get(client.id)?.outgoing ?? [])], client.id));
  }

  // --- QoS 2 messages on their way in

  async incomingStorePacket(client: ClientLike, packet: AedesPublishPacket): Promise<void> {
    const { messageId } = packet;
    // Only that it came has to be known.
    if (messageId !== undefined) this.#sessionOf(client.id).incoming.set(messageId, { ...packet, payload: "" });
  }

  async incomingGetPacket(client: ClientLike, packet: OutgoingPacket): Promise<AedesPublishPacket> {
    const known = this.#sessions.get(client.id)?.incoming.get(packet.messageId ?? 0);
    if (known === undefined) throw new Error("no such packet");
    if (packet.cmd === "publish") this.#onDuplicate(client.id);
    return known;
  }

  async incomingDelPacket(client: ClientLike, packet: OutgoingPacket): Promise<void> {
    const isKnown = this.#sessions.get(client.id)?.incoming.delete(packet.messageId ?? 0) ?? false;
    if (!isKnown) throw new Error("no such packet");
  }

  async cleanIncoming(client: ClientLike): Promise<void> {
    const session = this.#sessions.get(client.id);
    session?.incoming.clear();
    if (session?.subscriptions.size === 0 && session.outgoing.length === 0) this.#sessions.delete(client.id);
  }

  // --- wills

  async putWill(client: ClientLike, packet: AedesPublishPacket & { clientId?: string }): Promise<void> {
    packet.brokerId = this.#brokerId;
    packet.clientId = client.id;
    this.#wills.set(client.id, packet);
  }

  async getWill(client: ClientLike): Promise<AedesPublishPacket | undefined> {
    return this.#wills.get(client.id);
  }

  async delWill(client: ClientLike): Promise<AedesPublishPacket | undefined> {
    const will = this.#wills.get(client.id);
    this.#wills.delete(client.id);
    return will;
  }

  /** Wills that a broker which died has left behind; in memory there are none. */
  streamWill(): Readable {
    return Readable.from([]);
  }

  async destroy(): Promise<void> {}

  /** Many messages at once go out as fast as the client reads; those that come one by one don't wait. */
  async *#paced<Item>(items: Iterable<Item>, clientId: string): AsyncIterable<Item> {
    for (const item of items) {
      await this.#whenTaken(clientId);
      yield item;
    }
  }

  #sessionOf(clientId: string): Session {
    let session = this.#sessions.get(clientId);
    if (session === undefined) {
      session = { subscriptions: new Map(), outgoing: [], incoming: new Map() };
      this.#sessions.set(clientId, session);
    }
    return session;
  }

  #enqueue(clientId: string, packet: OutgoingPacket): void {
    const { outgoing } = this.#sessionOf(clientId);
    const cost = costOf(packet);
    const isFull =
      outgoing.length >= this.#limits.maxQueuedMessages || this.#queuedBytes + cost > this.#limits.maxQueuedBytes;
    if (isFull) {
      this.#counters.notQueued++;
      return;
    }
    outgoing.push(packet);
    this.#queuedBytes += cost;
  }

  #forgetSubscriptions(clientId: string): void {
    const session = this.#sessions.get(clientId);
    for (const filter of session?.subscriptions.keys() ?? []) this.#filters.delete(filter, clientId);
    session?.subscriptions.clear();
  }

  #forgetRetained(topic: string): void {
    const gone = this.#retained.delete(topic, "");
    if (gone === undefined) return;
    this.#retainedBytes -= costOf(gone.packet);
    if (gone.owner === undefined) return;
    const left = (this.#retainedBy.get(gone.owner) ?? 1) - 1;
    if (left > 0) this.#retainedBy.set(gone.owner, left);
    else this.#retainedBy.delete(gone.owner);
  }
}

/** Bytes that a kept message costs, roughly: payload, topic and the object around them. */
function costOf(packet: { readonly topic?: string; readonly payload?: string | Uint8Array }): number {
  return (packet.payload?.length ?? 0) + (packet.topic?.length ?? 0) + 128;
}

/** A payload is a view of the chunk it was read in; kept as it is, ten bytes would hold on to 64 KiB. */
function ownCopy(payload: string | Buffer): string | Buffer {
  return typeof payload === "string" ? payload : Buffer.from(payload);
}
