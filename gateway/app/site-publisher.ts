import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { MessageKind, Messages } from "../../schemas/generated/types.ts";
import { decode, encodeJson, jsonFormat, type Sendable } from "../../schemas/wire/codec.ts";
import { instantToSeconds } from "../../schemas/wire/instant.ts";
import { type SiteId, type SiteTopics, siteMessageKind } from "../../schemas/wire/site-topics.ts";
import type { OwnMessage, SiteBroker } from "../ports/site-broker.ts";
import type { LastValues } from "./last-values.ts";

export interface SitePublisherOptions {
  readonly site: SiteId;
  readonly topics: SiteTopics;
  readonly broker: SiteBroker;
  readonly lastValues: LastValues;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the wall clock is right. */
  isTimeValid(): boolean;
}

const oldestAge = 86_400;

/**
 * Everything that the gateway says on the household's topics goes through here: checked by its schema, kept over a restart where it is
 * retained, and told to whoever carries it on, such as the bridge to the server broker.
 */
export class SitePublisher {
  readonly counters = { published: 0, invalid: 0 };
  readonly #options: SitePublisherOptions;
  readonly #listeners = new Set<(message: OwnMessage) => void>();
  readonly #retained = new Map<string, Uint8Array>();

  constructor(options: SitePublisherOptions) {
    this.#options = options;
  }

  /** Publishes at once what was last known before the restart; what has an age is marked stale. Resolves with what it was. */
  async restore(): Promise<ReadonlyMap<string, Uint8Array>> {
    const { lastValues, site, topics } = this.#options;
    const restored = new Map<string, Uint8Array>();
    for (const [topic, payload] of await lastValues.load()) {
      const parsed = topics.parse(topic);
      const kind = parsed && siteMessageKind(parsed);
      // Another household's, where the settings have changed.
      if (parsed === undefined || kind === undefined || parsed.site !== site) continue;
      const read = decode(kind, payload, jsonFormat);
      if (!read.ok) continue;
      const value = this.#aged(kind, read.value);
      restored.set(topic, payload);
      this.#send(topic, encodeJson(kind, value as never), true);
    }
    return restored;
  }

  /** A document on its topic, retained. The same again is nothing new. `isUrgent`: a loss of power a moment later shall not take it. */
  retain<K extends MessageKind>(topic: string, kind: K, value: Sendable<Messages[K]>, isUrgent = false): void {
    const payload = this.#encoded(topic, kind, value);
    if (payload === undefined || isSame(this.#retained.get(topic), payload)) return;
    this.#options.lastValues.keep(topic, payload, isUrgent);
    this.#send(topic, payload, true);
  }

  /** Something that is said once. */
  say<K extends MessageKind>(topic: string, kind: K, value: Sendable<Messages[K]>): void {
    const payload = this.#encoded(topic, kind, value);
    if (payload !== undefined) this.#send(topic, payload, false);
  }

  /** All that is retained now: what a link that comes up again begins with. */
  retained(): ReadonlyMap<string, Uint8Array> {
    return this.#retained;
  }

  /** Told of everything that is published, in its order. */
  onPublished(listener: (message: OwnMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #encoded<K extends MessageKind>(topic: string, kind: K, value: Sendable<Messages[K]>): Uint8Array | undefined {
    try {
      return encodeJson(kind, value);
    } catch (error) {
      // A defect of ours: one document is missing, the others go on.
      this.counters.invalid++;
      this.#options.log.error("site-document-invalid", { topic, error });
      return undefined;
    }
  }

  #send(topic: string, payload: Uint8Array, isRetained: boolean): void {
    if (isRetained) this.#retained.set(topic, payload);
    this.counters.published++;
    const message: OwnMessage = { topic, payload, isRetained };
    this.#options.broker.publish(message);
    for (const listener of this.#listeners) {
      try {
        listener(message);
      } catch (error) {
        this.#options.log.error("site-listener-failed", { topic, error });
      }
    }
  }

  /** From before the restart: stale, of nobody online, and as old as its time says. */
  #aged(kind: MessageKind, value: object): object {
    if (!("stale" in value)) return value;
    const { clock, isTimeValid } = this.#options;
    const seconds = "time" in value && typeof value.time === "string" ? instantToSeconds(value.time) : undefined;
    const age = seconds === undefined || !isTimeValid() ? oldestAge : Math.floor(clock.wallMs() / 1000) - seconds;
    const isAggregate = kind === "site-aggregate";
    return {
      ...value,
      stale: true,
      age: Math.min(oldestAge, Math.max(0, age)),
      ...("online" in value && { online: false }),
      ...(isAggregate && { packs: 0 }),
    };
  }
}

function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && one.length === other.length && one.every((byte, at) => byte === other[at]);
}
