import type { BridgeLimits } from "./bridge-limits.ts";

/**
 * How a message waits. `stream`: one of many, of which the oldest go first when room is short. `latest`: the newest of its topic is all that
 * counts. `kept`: it makes room for nothing.
 */
export type Keeping = "stream" | "latest" | "kept";

export interface OutboxMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly retain: boolean;
  readonly keeping: Keeping;
}

interface Entry extends OutboxMessage {
  readonly key: string | number;
  readonly cost: number;
  isOut: boolean;
}

/** One that was taken to be sent; `sent` gives it back. */
export type Outgoing = OutboxMessage & { readonly [entry]: Entry };
declare const entry: unique symbol;

export interface OutboxCounters {
  /** Of streams, to make room. */
  streamDropped: number;
  /** Newest values, to make room. */
  latestDropped: number;
  /** Newest values whose topic has a newer one. */
  latestReplaced: number;
  /** Not taken at all. */
  refused: number;
}

type OutboxLimits = Pick<BridgeLimits, "maxStreamMessages" | "maxLatestTopics" | "maxKeptMessages" | "maxQueuedBytes">;

/** What a message costs beside its text and payload. */
const overheadBytes = 64;

/**
 * Messages that wait for a link: bounded, in memory, in order within each way of keeping. What is kept goes out first, then the newest values, then
 * streams. A message leaves when it was acknowledged; those that were on their way when the link broke go out again.
 */
export class Outbox {
  readonly counters: OutboxCounters = { streamDropped: 0, latestDropped: 0, latestReplaced: 0, refused: 0 };
  readonly #limits: OutboxLimits;
  // In order of insertion, which is the order of going out.
  readonly #waiting: { readonly [K in Keeping]: Map<string | number, Entry> } = {
    kept: new Map(),
    latest: new Map(),
    stream: new Map(),
  };
  #bytes = 0;
  #keptBytes = 0;
  #sequence = 0;

  constructor(limits: OutboxLimits) {
    this.#limits = limits;
  }

  get size(): number {
    const { kept, latest, stream } = this.#waiting;
    return kept.size + latest.size + stream.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** False: there is no room for it. The payload isn't copied: it must not change. */
  offer(message: OutboxMessage): boolean {
    const { topic, payload, keeping } = message;
    const key = keeping === "latest" ? topic : this.#sequence++;
    const cost = overheadBytes + 2 * topic.length + payload.length;
    const known = this.#waiting[keeping].get(key);
    if (known !== undefined) {
      this.#remove(known);
      this.counters.latestReplaced++;
    }
    if (!this.#makeRoom(keeping, cost)) {
      this.counters.refused++;
      return false;
    }
    this.#waiting[keeping].set(key, { ...message, key, cost, isOut: false });
    this.#count(keeping, cost);
    return true;
  }

  /** The next one to send, which stays here until it was `sent`; undefined: there is none that isn't on its way. */
  take(): Outgoing | undefined {
    for (const keeping of ["kept", "latest", "stream"] as const) {
      for (const each of this.#waiting[keeping].values()) {
        if (each.isOut) continue;
        each.isOut = true;
        return each as unknown as Outgoing;
      }
    }
    return undefined;
  }

  /** It was acknowledged. */
  sent(outgoing: Outgoing): void {
    const done = outgoing as unknown as Entry;
    // A newer value of its topic, or a shortage of room, may have taken its place.
    if (this.#waiting[done.keeping].get(done.key) === done) this.#remove(done);
  }

  /** The link broke: what was on its way goes out again. */
  unsent(): void {
    for (const map of Object.values(this.#waiting)) for (const each of map.values()) each.isOut = false;
  }

  #makeRoom(keeping: Keeping, cost: number): boolean {
    const { kept, latest, stream } = this.#waiting;
    const { maxStreamMessages, maxLatestTopics, maxKeptMessages, maxQueuedBytes } = this.#limits;
    if (keeping === "kept" && kept.size >= maxKeptMessages) return false;
    // What can't make room can't be asked to.
    if (this.#keptBytes + cost > maxQueuedBytes) return false;
    if (keeping === "stream" && stream.size >= maxStreamMessages) this.#dropOldest("stream");
    if (keeping === "latest" && latest.size >= maxLatestTopics) this.#dropOldest("latest");
    while (this.#bytes + cost > maxQueuedBytes) {
      if (stream.size > 0) this.#dropOldest("stream");
      else this.#dropOldest("latest");
    }
    return true;
  }

  #dropOldest(keeping: "stream" | "latest"): void {
    const [oldest] = this.#waiting[keeping].values();
    if (oldest === undefined) return;
    this.#remove(oldest);
    if (keeping === "stream") this.counters.streamDropped++;
    else this.counters.latestDropped++;
  }

  #remove(gone: Entry): void {
    this.#waiting[gone.keeping].delete(gone.key);
    this.#count(gone.keeping, -gone.cost);
  }

  #count(keeping: Keeping, bytes: number): void {
    this.#bytes += bytes;
    if (keeping === "kept") this.#keptBytes += bytes;
  }
}
