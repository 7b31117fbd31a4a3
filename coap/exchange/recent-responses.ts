import type { Clock } from "../../kernel/clock.ts";
import { RowTable } from "../../kernel/row-table.ts";

const columns = { takenMs: "f64" } as const;

/**
 * Responses that were taken, for EXCHANGE_LIFETIME: a repeat of a confirmable one is acknowledged again, of another ignored
 * (RFC 7252 section 4.5). The newest make room for themselves, so a repeat of an older one is rejected as unexpected.
 */
export class RecentResponses {
  readonly #clock: Clock;
  readonly #lifetimeMs: number;
  readonly #table: RowTable<typeof columns>;
  readonly #ring: Float64Array;
  #next = 0;

  constructor(capacity: number, clock: Clock, lifetimeMs: number) {
    this.#clock = clock;
    this.#lifetimeMs = lifetimeMs;
    this.#table = new RowTable({ capacity, columns });
    this.#ring = new Float64Array(capacity).fill(-1);
  }

  /** Whether this message was taken before; a message ID that is used anew isn't a repeat. */
  has(peer: number, messageId: number): boolean {
    const row = this.#table.find(peer * 65_536 + messageId);
    return row >= 0 && this.#clock.monotonicMs() - this.#table.columns.takenMs[row]! < this.#lifetimeMs;
  }

  add(peer: number, messageId: number): void {
    const key = peer * 65_536 + messageId;
    let row = this.#table.find(key);
    if (row < 0) {
      const oldest = this.#ring[this.#next]!;
      if (oldest >= 0) this.#table.remove(oldest);
      row = this.#table.insert(key);
      this.#ring[this.#next] = key;
      this.#next = (this.#next + 1) % this.#ring.length;
    }
    this.#table.columns.takenMs[row] = this.#clock.monotonicMs();
  }
}
