import type { SiteAck } from "../../schemas/generated/types.ts";

/** So long the same request is taken for a repetition: clients and brokers send again on their next connection what wasn't acknowledged. */
export const repetitionMs = 60_000;
/** Requests that are remembered; the oldest makes room. */
export const rememberedMax = 256;
/** Payloads beyond this aren't remembered; those of commands are far below. */
export const rememberedBytes = 1024;

export interface RememberedRequest {
  readonly atMs: number;
  /** What was told of it so far. */
  readonly acks: SiteAck[];
}

/**
 * Requests of the last minute, so that what MQTT delivers twice (QoS 1) is done once. One is known by its topic and its payload, id included: without an
 * id it can't be told from a wish for the same again. Pure: time comes with each call.
 */
export class RequestMemory {
  // In order of insertion, which is the order of time.
  readonly #known = new Map<string, RememberedRequest>();

  get size(): number {
    return this.#known.size;
  }

  /** The request that this one repeats. Undefined: it is new, and remembered from now on. */
  repeated(topic: string, payload: Uint8Array, nowMs: number): RememberedRequest | undefined {
    if (payload.length > rememberedBytes) return undefined;
    for (const [key, { atMs }] of this.#known) {
      if (nowMs - atMs < repetitionMs) break;
      this.#known.delete(key);
    }
    const key = keyOf(topic, payload);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= rememberedMax) this.#known.delete(oldest);
    this.#known.set(key, { atMs: nowMs, acks: [] });
    return undefined;
  }

  /** What became of it. What never went out may be asked for again at once. */
  told(topic: string, payload: Uint8Array, ack: SiteAck): void {
    const key = keyOf(topic, payload);
    if (ack.outcome === "not-sent") this.#known.delete(key);
    else this.#known.get(key)?.acks.push(ack);
  }
}

/** No topic has a line break. */
function keyOf(topic: string, payload: Uint8Array): string {
  return `${topic}\n${new TextDecoder().decode(payload)}`;
}
