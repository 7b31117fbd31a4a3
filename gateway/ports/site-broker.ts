/** A message on the household's topics. */
export interface SiteMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** It was to be kept for later subscribers. */
  readonly isRetained: boolean;
  /** Whose it is: a client id of the local broker, or the name of the bridge. */
  readonly from: string;
}

export interface OwnMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly isRetained: boolean;
}

/** The household's local broker, as its owner uses it. */
export interface SiteBroker {
  /** Publishes free of rights. Never rejects: what fails is counted and logged, and the next message may do. */
  publish(message: OwnMessage): void;
  /** What clients published and their rights let pass. Returns how to stop. */
  onMessage(listener: (message: SiteMessage) => void): () => void;
}
