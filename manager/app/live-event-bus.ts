import type { Log } from "../../kernel/log.ts";
import type { LiveEvent, LiveEvents } from "./api/watching.ts";

export class LiveEventBus implements LiveEvents {
  readonly #services: ((event: LiveEvent) => void)[] = [];
  readonly #listeners = new Set<(event: LiveEvent) => void>();
  readonly #log: Log;
  readonly #maxListeners: number;

  constructor({ log, maxListeners }: { log: Log; maxListeners: number }) {
    this.#log = log;
    this.#maxListeners = maxListeners;
  }

  /** For a part of the manager itself, as long as the manager runs. The limit is on who comes from outside. */
  serve(listener: (event: LiveEvent) => void): void {
    this.#services.push(listener);
  }

  subscribe(listener: (event: LiveEvent) => void): () => void {
    if (this.#listeners.size >= this.#maxListeners) {
      throw new RangeError(`There are ${this.#maxListeners} listeners to live events, which is the limit.`);
    }
    // A function subscribed twice is two listeners.
    const own = (event: LiveEvent): void => listener(event);
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  emit(event: LiveEvent): void {
    for (const listener of this.#services) this.#tell(listener, event);
    for (const listener of this.#listeners) this.#tell(listener, event);
  }

  #tell(listener: (event: LiveEvent) => void, event: LiveEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#log.error("live-listener-threw", { event: event.kind, error });
    }
  }
}
