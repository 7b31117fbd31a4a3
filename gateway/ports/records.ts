/** Small records by name that outlive a loss of power: after a cut there is the old one or the new one. */
export interface Records {
  /** Undefined where there is none. Rejects when it can't be read: that isn't the same as none. */
  load(name: string): Promise<unknown>;
  /** Resolves when it is durable. Writes of one name may not overlap. */
  store(name: string, value: unknown): Promise<void>;
}
