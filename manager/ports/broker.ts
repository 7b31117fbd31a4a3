/**
 * The MQTT broker, embedded or not, behind a batch port: rights are pushed in as data, what nodes published comes out as
 * batches (`BrokerEvents`, implemented by the app's data plane and handed to the adapter).
 */
export interface Broker {
  /** Adds or replaces accounts. An account whose password changed keeps its session and its queued messages. */
  setAccounts(accounts: readonly BrokerAccount[]): Promise<void>;
  /** What is kept of a password: enough to know it again, and nothing that could be said in its place. */
  secretOf(user: string, password: string): Uint8Array;
  /** Adds or replaces accounts of households' phones and gateways. */
  setSiteAccounts(accounts: readonly SiteAccount[]): Promise<void>;
  /** What was retained of a household is kept no longer. */
  forgetRetained(site: string): Promise<void>;
  /** Removes accounts, of whatever kind; their connections are closed. Unknown users are ignored. */
  removeAccounts(users: readonly string[]): Promise<void>;
  /** As the manager itself. Resolves when the broker took it; rejects with the Fault `broker.unavailable`. */
  publish(message: OutgoingMessage): Promise<void>;
  /** Whether the node has a connection now. */
  isConnected(node: string): boolean;
}

export interface BrokerAccount {
  /** Also the MQTT client id of the node. */
  readonly user: string;
  readonly password: string;
  /** Nodes under whose topics it may publish and subscribe: its own id first, then a gateway's children. */
  readonly nodes: readonly string[];
}

/** A client of one household: it sees nothing but that household's topics. */
export interface SiteAccount {
  /** Also its MQTT client id. */
  readonly user: string;
  /** Of `secretOf`. */
  readonly secret: Uint8Array;
  readonly site: string;
  /** A phone reads all of its household and asks for things; the gateway says what there is and hears what is asked. */
  readonly kind: "phone" | "gateway";
  /** What the gateway wants retained is. A phone never retains. */
  readonly retains: boolean;
}

export interface OutgoingMessage {
  readonly topic: string;
  readonly payload: Uint8Array | string;
  readonly qos?: 0 | 1;
  readonly retain?: boolean;
}

/** What the broker tells the app. Both are synchronous and never throw. */
export interface BrokerEvents {
  /** Messages the access control let pass, in order. Node topics only; `topic` is already the node's own topic. */
  published(batch: readonly PublishedMessage[]): void;
  /** "lost" = the connection ended without DISCONNECT, so the will was sent. */
  connection(node: string, state: "connected" | "disconnected" | "lost"): void;
}

export interface PublishedMessage {
  /** The node the topic is about: the account's own, or a gateway's child. */
  readonly node: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly receivedWallMs: number;
  /** The broker said it in the node's place when its connection was over: no sign of life. */
  readonly isWill?: boolean;
}
