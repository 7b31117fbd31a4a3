/** Runs work about one key one after another, and work about different keys side by side. */
export class KeyedSerial {
  readonly #tails = new Map<string, Promise<unknown>>();

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key);
    const own = before === undefined ? work() : before.then(work);
    const tail = own.then(
      () => undefined,
      () => undefined,
    );
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return own;
  }

  /** Whether work with that key runs or waits. */
  isBusy(key: string): boolean {
    return this.#tails.has(key);
  }
}
