/**
 * A map that forgets what wasn't used lately: it keeps at least the newest half of `capacity` and never more than `capacity`. Two
 * generations, since taking the oldest key out of one big Map again and again costs a scan over what was deleted before it.
 */
export class RecentMap<Value> {
  readonly #half: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor({ capacity }: { capacity: number }) {
    this.#half = Math.max(1, Math.floor(capacity / 2));
  }

  /** A use: it is among the newest now. */
  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    if (this.#old.size > 0) this.#old.delete(key);
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
