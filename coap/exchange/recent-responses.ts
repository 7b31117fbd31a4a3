import { RowTable } from "../../kernel/row-table.ts";

const columns = {} as const;

/** The newest confirmable responses that were taken, so that a repeat is acknowledged again and not reset. */
export class RecentResponses {
  readonly #table: RowTable<typeof columns>;
  readonly #ring: Float64Array;
  #next = 0;

  constructor(capacity: number) {
    this.#table = new RowTable({ capacity, columns });
    this.#ring = new Float64Array(capacity).fill(-1);
  }

  has(peer: number, messageId: number): boolean {
    return this.#table.find(peer * 65_536 + messageId) >= 0;
  }

  add(peer: number, messageId: number): void {
    const key = peer * 65_536 + messageId;
    if (this.#table.find(key) >= 0) return;
    const oldest = this.#ring[this.#next]!;
    if (oldest >= 0) this.#table.remove(oldest);
    this.#table.insert(key);
    this.#ring[this.#next] = key;
    this.#next = (this.#next + 1) % this.#ring.length;
  }
}
