import type { Entropy } from "../../../kernel/entropy.ts";

/** One event as it goes to followers. Its texts are made when the first of them needs them: many an event has none. */
export class FeedEvent<E extends { readonly kind: string } = { readonly kind: string }> {
  readonly kind: string;
  readonly atMs: number;
  readonly #run: string;
  readonly #number: number;
  readonly value: E;
  #json: string | undefined;

  constructor(run: string, number: number, value: E, atMs: number) {
    this.kind = value.kind;
    this.atMs = atMs;
    this.#run = run;
    this.#number = number;
    this.value = value;
  }

  get id(): string {
    return `${this.#run}-${this.#number}`;
  }

  /** What the event says, but for its kind. */
  json(): string {
    const { kind: _, ...data } = this.value;
    this.#json ??= JSON.stringify(data);
    return this.#json;
  }
}

/**
 * The last events, so that a follower who was cut off goes on where it was. A cursor is `<run>-<number>`: the run tells a
 * restarted manager from this one, whose numbers begin anew.
 */
export class EventFeed<E extends { readonly kind: string } = { readonly kind: string }> {
  readonly #capacity: number;
  readonly #run: string;
  readonly #ring: FeedEvent<E>[] = [];
  #next = 1;

  constructor(options: { readonly capacity: number; readonly entropy: Entropy }) {
    this.#capacity = options.capacity;
    this.#run = options.entropy.uint32().toString(36);
  }

  /** `value` must not change afterwards; `atMs` is the wall clock's. */
  add(value: E, atMs: number): FeedEvent<E> {
    const event = new FeedEvent<E>(this.#run, this.#next, value, atMs);
    this.#ring[this.#next % this.#capacity] = event;
    this.#next += 1;
    return event;
  }

  /** The newest events that pass, newest first, for who begins to follow. */
  recent(limit: number, passes: (event: FeedEvent<E>) => boolean): readonly FeedEvent<E>[] {
    const events: FeedEvent<E>[] = [];
    for (let number = this.#next - 1; number > 0 && number >= this.#next - this.#capacity; number--) {
      const event = this.#ring[number % this.#capacity];
      if (event !== undefined && passes(event)) events.push(event);
      if (events.length === limit) break;
    }
    return events;
  }

  /** The cursor of the newest event. */
  cursor(): string {
    return `${this.#run}-${this.#next - 1}`;
  }

  /** Events after the cursor, oldest first; "gap" when some of them are gone or it is of another run. */
  after(cursor: string): readonly FeedEvent<E>[] | "gap" {
    const match = /^([0-9a-z]{1,8})-(\d{1,15})$/.exec(cursor);
    const last = Number(match?.[2]);
    if (match?.[1] !== this.#run || last >= this.#next || this.#next - 1 - last > this.#capacity) return "gap";
    const events: FeedEvent<E>[] = [];
    for (let number = last + 1; number < this.#next; number++) {
      const event = this.#ring[number % this.#capacity];
      if (event !== undefined) events.push(event);
    }
    return events;
  }
}
