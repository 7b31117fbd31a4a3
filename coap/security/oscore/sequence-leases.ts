/**
 * Where sender sequence numbers are written ahead (RFC 8613 section 7.5 and appendix B.1.1). A number is used only after the lease that
 * holds it is on the disk, and what was leased is never leased again: after a crash the rest of a lease is lost, no number comes twice.
 */
export interface SequenceLeases {
  /**
   * Takes `count` numbers for the sender `name`: the first of them, 0 for a name that is new. Durable when it returns or resolves.
   * A rejection leaves the sender without numbers; it is asked again with the next message.
   */
  lease(name: string, count: number): number | Promise<number>;
}

/**
 * Leases that end with the process: for tests, and for contexts whose secret does. With a secret that outlives the process
 * it would give every number a second time.
 */
export function volatileLeases(): SequenceLeases {
  const next = new Map<string, number>();
  return {
    lease(name, count) {
      const first = next.get(name) ?? 0;
      next.set(name, first + count);
      return first;
    },
  };
}
