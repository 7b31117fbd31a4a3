import type { EventEmitter } from "node:events";
import type { Duplex } from "node:stream";
import { Aedes, type AedesPublishPacket, type Client } from "aedes";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Log } from "../kernel/log.ts";
import { TimerWheel } from "../kernel/timer-wheel.ts";
import { AccessControl } from "./access-control.ts";
import { Account } from "./account.ts";
import type { Connection } from "./connection.ts";
import { type Counters, newCounters } from "./counters.ts";
import type { Credentials } from "./credentials.ts";
import { mqttFaults } from "./faults.ts";
import { type MqttLimits, mqttLimits } from "./limits.ts";
import { PacketGate } from "./packet-gate.ts";
import { MemoryPersistence } from "./persistence.ts";
import { PublishedBatch, type PublishedMessage } from "./published-batch.ts";
import { Takeover } from "./takeover.ts";
import { isTopicFilter, isTopicName, levelCount } from "./topic-filter.ts";

/** "lost": the connection ended without a DISCONNECT, so the client's will, if it had one, was published. */
export interface Presence {
  readonly clientId: string;
  readonly event: "connected" | "disconnected" | "lost";
}

export interface BrokerMessage {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  /** Default 0. */
  readonly qos?: 0 | 1 | 2;
  /** Default false. A retained message with an empty payload forgets the one that was retained. */
  readonly retain?: boolean;
}

export interface BrokerOptions {
  clock: Clock;
  entropy: Entropy;
  log: Log;
  limits?: { readonly [Name in keyof MqttLimits]?: number | undefined };
  /** Messages that access control let pass, those of one client and QoS in order. Should it throw, that is logged and counted. */
  onPublished?(batch: readonly PublishedMessage[]): void;
  onPresence?(presence: Presence): void;
  /** Asked about the password of an unknown client, so that it takes as long as a known one whose password is looked at by a check. Its answer doesn't count. */
  checkOfNobody?: (password: Uint8Array) => Promise<boolean>;
}

/** aedes arms setInterval with four times this; beyond 2^31 that would fire every millisecond. */
const longestHeartbeatMs = Math.floor((2 ** 31 - 1) / 4);
const longestTimeoutMs = 2 ** 31 - 1;

/**
 * An MQTT 3.1.1 broker over aedes. It listens to nothing by itself: transports hand it streams by `attach`. Who may
 * connect and what they may do is data pushed in by `setCredentials`; what they publish comes out in batches.
 */
export class Broker {
  readonly limits: MqttLimits;
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #log: Log;
  readonly #options: BrokerOptions;
  readonly #counters: Counters = newCounters();
  readonly #accounts = new Map<string, Account>();
  readonly #clientIdByUser = new Map<string, string>();
  readonly #connections = new Map<Client, Connection>();
  readonly #bySlot: (Connection | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #deadlines: TimerWheel;
  readonly #takeover: Takeover;
  readonly #persistence: MemoryPersistence;
  readonly #batch: PublishedBatch;
  #engine: Aedes | undefined;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#entropy = options.entropy;
    this.#log = options.log;
    this.limits = mqttLimits.resolve(options.limits ?? {});
    this.#takeover = new Takeover(options.clock);
    this.#deadlines = new TimerWheel({
      clock: options.clock,
      capacity: this.limits.maxConnections,
      onDue: (slot) => this.#bySlot[slot]?.gate.timeout(),
    });
    this.#persistence = new MemoryPersistence({
      limits: this.limits,
      counters: this.#counters,
      maySubscribe: (clientId, filter) => this.#accounts.get(clientId)?.rights.maySubscribe(filter) ?? false,
      onDuplicate: (clientId) => this.#takeover.current(clientId)?.gate.publishDone(),
      whenTaken: (clientId) => this.#takeover.current(clientId)?.gate.whenTaken(),
    });
    this.#batch = new PublishedBatch({
      clock: options.clock,
      maxMessages: this.limits.maxBatchMessages,
      delayMs: this.limits.batchDelayMs,
      deliver: (batch) => this.#tell(() => options.onPublished?.(batch)),
    });
  }

  async start(): Promise<void> {
    if (this.#engine !== undefined) return;
    const access = new AccessControl({
      limits: this.limits,
      counters: this.#counters,
      log: this.#log,
      takeover: this.#takeover,
      account: (clientId) => this.#accounts.get(clientId),
      clientIdOfUser: (user) => this.#clientIdByUser.get(user),
      checkOfNobody: this.#options.checkOfNobody,
      connection: (client) => this.#connections.get(client),
      isStopping: () => this.#engine === undefined,
    });
    const engine = new Aedes({
      id: Buffer.from(this.#entropy.bytes(8)).toString("hex"),
      persistence: this.#persistence,
      // No limit here: deliveries never wait, since gates take all that is written, and gates bound what comes in.
      concurrency: 0,
      maxInflightInbound: this.limits.maxHalfOpenQos2,
      // These would be real timers; the gates do their work on our clock.
      heartbeatInterval: longestHeartbeatMs,
      connectTimeout: longestTimeoutMs,
      drainTimeout: 0,
      authenticate: access.authenticate,
      authorizePublish: access.authorizePublish,
      authorizeSubscribe: access.authorizeSubscribe,
      authorizeForward: access.authorizeForward,
      published: this.#onPublished,
    });
    engine.on("client", this.#onRegistered);
    engine.on("clientReady", (client) => this.#connections.get(client)?.gate.open());
    engine.on("clientDisconnect", this.#onUnregistered);
    engine.on("subscribe", (_filters, client) => this.#persistence.expectRetainedReader(client.id));
    engine.on("unsubscribe", (filters, client) => this.#forgetFilters(filters, client));
    engine.on("clientError", (client, error) => this.#onClientError(client, error));
    engine.on("connectionError", (client, error) => this.#onClientError(client, error));
    // Its types don't know that it emits these: a persistence that fails, for instance.
    (engine as EventEmitter).on("error", (error) => this.#log.error("mqtt-engine-failed", { error }));
    await engine.listen();
    this.#engine = engine;
  }

  /** Closes all connections without publishing wills: the clients didn't go, we did. Retained messages and sessions stay until the next start. */
  async stop(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) return;
    this.#engine = undefined;
    for (const connection of this.#connections.values()) connection.gate.destroy();
    await new Promise<void>((resolve) => engine.close(resolve));
    for (const connection of this.#connections.values()) connection.raw.destroy();
    this.#deadlines.clear();
    this.#batch.flush();
  }

  /** Takes a connection of any transport: a socket, or one end of a pair in memory. `proven`: the client id that a certificate showed it to be. */
  attach(raw: Duplex, proven?: string): void {
    const engine = this.#engine;
    const slot = this.#freeSlots.pop() ?? this.#bySlot.length;
    if (engine === undefined || slot >= this.limits.maxConnections) {
      this.#counters.connectionsOverLimit += engine === undefined ? 0 : 1;
      raw.on("error", () => {});
      raw.destroy();
      return;
    }
    this.#counters.connections++;
    let isOver = false;
    const gate: PacketGate = new PacketGate({
      raw,
      clock: this.#clock,
      limits: this.limits,
      counters: this.#counters,
      deadline: {
        arm: (delayMs) => {
          if (!isOver) this.#deadlines.arm(slot, delayMs);
        },
        cancel: () => {
          if (!isOver) this.#deadlines.cancel(slot);
        },
      },
      ownFilter: (filter, isSubscribe) => connection.account?.ownFilter(filter, isSubscribe) ?? filter,
    });
    const connection: Connection = { slot, raw, gate, proven, account: undefined, isRegistered: false };
    this.#bySlot[slot] = connection;
    const client = engine.handle(gate);
    this.#connections.set(client, connection);
    const release = (): void => {
      if (isOver || !gate.closed || !raw.closed) return;
      this.#deadlines.cancel(slot);
      isOver = true;
      this.#bySlot[slot] = undefined;
      this.#freeSlots.push(slot);
      this.#counters.connections--;
      if (!connection.isRegistered) this.#connections.delete(client);
    };
    gate.on("close", () => {
      if (connection.account !== undefined) this.#takeover.closed(connection.account.clientId, connection);
      release();
    });
    raw.on("close", release);
  }

  /**
   * Adds clients or replaces their credentials. Sessions, queued messages and live connections stay, also when a password
   * changes: the new one counts from the next CONNECT. Subscriptions beyond changed rights end at once. All or nothing:
   * throws a Fault for a bad client id or pattern, or a user name that another client has.
   */
  setCredentials(list: readonly Credentials[]): void {
    const users = new Map(this.#clientIdByUser);
    for (const credentials of list) this.#checkCredentials(credentials, users);
    for (const credentials of list) {
      const known = this.#accounts.get(credentials.clientId);
      if (known === undefined) {
        const account = new Account(credentials);
        this.#accounts.set(account.clientId, account);
        this.#clientIdByUser.set(account.user, account.clientId);
      } else {
        this.#clientIdByUser.delete(known.user);
        known.update(credentials);
        this.#clientIdByUser.set(known.user, known.clientId);
        this.#endSubscriptionsBeyondRights(known);
      }
    }
  }

  /** Removes clients: connections are closed, sessions and queues dropped; their wills aren't published. Unknown ids are ignored. */
  async removeCredentials(clientIds: readonly string[]): Promise<void> {
    const evictions = clientIds.map(async (clientId) => {
      const account = this.#accounts.get(clientId);
      if (account === undefined) return;
      account.isRemoved = true;
      this.#accounts.delete(clientId);
      this.#clientIdByUser.delete(account.user);
      this.#persistence.dropSession(clientId);
      await this.#takeover.evict(clientId);
      // What came between: unless the id has been given anew.
      if (!this.#accounts.has(clientId)) this.#persistence.dropSession(clientId);
    });
    await Promise.all(evictions);
  }

  /** Publishes as the broker's owner, free of rights. Resolves when it is stored, queued and on its way; rejects with a Fault. */
  publish({ topic, payload, qos = 0, retain = false }: BrokerMessage): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined) return Promise.reject(mqttFaults("mqtt.not-running", { operation: "publishing" }));
    const maxLevels = this.limits.maxTopicLevels;
    if (!isTopicName(topic) || topic.startsWith("$") || levelCount(topic) > maxLevels) {
      return Promise.reject(mqttFaults("mqtt.bad-topic", { topic, maxLevels }));
    }
    return new Promise((resolve, reject) => {
      engine.publish({ cmd: "publish", topic, payload: Buffer.from(payload), qos, retain, dup: false }, (error) => {
        if (error === undefined || error === null) resolve();
        else reject(mqttFaults("mqtt.publish-failed", { topic, reason: error.message }, error));
      });
    });
  }

  /** Forgets what is retained on topics that match this filter, without telling who is subscribed; returns how many messages. */
  forgetRetained(filter: string): number {
    return this.#persistence.forgetRetained(filter);
  }

  isConnected(clientId: string): boolean {
    return this.#takeover.current(clientId)?.isRegistered ?? false;
  }

  /** How many messages wait in the session of a client. */
  queued(clientId: string): number {
    return this.#persistence.queued(clientId);
  }

  counters(): Readonly<Counters> {
    return { ...this.#counters };
  }

  #checkCredentials({ clientId, user = clientId, publish, subscribe }: Credentials, users: Map<string, string>): void {
    if (!isTopicName(clientId) || clientId.length > 128) throw mqttFaults("mqtt.bad-client-id", { clientId });
    const owner = users.get(user);
    if (owner !== undefined && owner !== clientId) throw mqttFaults("mqtt.user-taken", { user, owner, clientId });
    users.set(user, clientId);
    for (const pattern of [...publish, ...subscribe]) {
      if (!isTopicFilter(pattern)) throw mqttFaults("mqtt.bad-pattern", { clientId, pattern });
    }
  }

  #endSubscriptionsBeyondRights(account: Account): void {
    const filters = account.subscriptionsBeyondRights();
    if (filters.length === 0) return;
    for (const filter of filters) account.unsubscribe(filter);
    // Synchronous but for its signature, which is aedes'.
    void this.#persistence.removeSubscriptions({ id: account.clientId }, filters);
    for (const [client, connection] of this.#connections) {
      if (connection.account !== account || !connection.isRegistered) continue;
      client.unsubscribe(
        filters.map((topic) => ({ topic, qos: 0 }) as const),
        () => {},
      );
    }
  }

  readonly #onRegistered = (client: Client): void => {
    const connection = this.#connections.get(client);
    const account = connection?.account;
    if (connection === undefined || account === undefined) return;
    if (client.closed || account.isRemoved) {
      // It went away while it was being accepted.
      connection.gate.destroy();
      this.#takeover.released(account.clientId, connection);
      return;
    }
    connection.isRegistered = true;
    this.#counters.connectsAccepted++;
    this.#tellPresence({ clientId: account.clientId, event: "connected" });
  };

  readonly #onUnregistered = (client: Client): void => {
    const connection = this.#connections.get(client);
    this.#connections.delete(client);
    if (connection?.account === undefined || !connection.isRegistered) return;
    const { clientId } = connection.account;
    connection.isRegistered = false;
    this.#tellPresence({ clientId, event: connection.gate.sawDisconnect ? "disconnected" : "lost" });
    this.#takeover.released(clientId, connection);
  };

  readonly #onPublished = (packet: AedesPublishPacket, client: Client | null, done: () => void): void => {
    done();
    if (client === null) return;
    this.#connections.get(client)?.gate.publishDone();
    const { topic, payload, qos, retain } = packet;
    if (topic.startsWith("$")) return;
    this.#batch.add({
      clientId: client.id,
      topic,
      payload: typeof payload === "string" ? Buffer.from(payload) : payload,
      qos,
      retain,
      receivedWallMs: this.#clock.wallMs(),
      isWill: client.closed,
    });
  };

  #forgetFilters(filters: readonly string[], client: Client): void {
    const account = this.#connections.get(client)?.account;
    for (const filter of filters) account?.unsubscribe(filter);
  }

  #onClientError(client: Client, error: Error): void {
    this.#counters.clientErrors++;
    if (error.message.startsWith("maxInflightInbound")) this.#counters.halfOpenQos2OverLimit++;
    this.#log.debug("mqtt-client-failed", { clientId: client.id, reason: error.message });
  }

  #tellPresence(presence: Presence): void {
    if (this.#engine !== undefined) this.#tell(() => this.#options.onPresence?.(presence));
  }

  #tell(listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#counters.listenerErrors++;
      this.#log.error("mqtt-listener-failed", { error });
    }
  }
}
