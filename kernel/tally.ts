/** A number for each key. A key whose number is 0 takes no memory. */
export class Tally<Key> {
  readonly #byKey = new Map<Key, number>();

  /** 0 for a key that was never counted. */
  of(key: Key): number {
    return this.#byKey.get(key) ?? 0;
  }

  add(key: Key, by: number): void {
    const after = this.of(key) + by;
    if (after === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, after);
  }

  clear(): void {
    this.#byKey.clear();
  }

  /** How many keys have another number than 0. */
  get size(): number {
    return this.#byKey.size;
  }
}
