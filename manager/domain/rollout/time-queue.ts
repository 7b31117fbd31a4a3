interface Due<Value> {
  readonly atMs: number;
  readonly order: number;
  readonly value: Value;
}

/** What is to happen when, as a binary heap: what is due at the same time comes in the order in which it was added. */
export class TimeQueue<Value> {
  readonly #heap: Due<Value>[] = [];
  #added = 0;

  /** Of what comes first; infinity: there is nothing. */
  get nextAtMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  add(atMs: number, value: Value): void {
    const heap = this.#heap;
    const due = { atMs, order: this.#added++, value };
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(due, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  /** What comes first, taken away; undefined: nothing is due by then. */
  take(byMs: number): { readonly atMs: number; readonly value: Value } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > byMs) return undefined;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Due<unknown>, b: Due<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
