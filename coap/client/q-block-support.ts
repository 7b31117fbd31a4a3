import type { PeerTable } from "../exchange/peer-table.ts";

const capacity = 1_024;

/**
 * Which peers take Q-Block1 and Q-Block2, as they showed when they were asked (RFC 9177 section 4.1). What is known of a peer goes when its
 * address changes hands, and its row stays meanwhile.
 */
export class QBlockSupport {
  readonly #peers: PeerTable;
  readonly #known = new Map<number, boolean>();

  constructor(peers: PeerTable) {
    this.#peers = peers;
  }

  /** Undefined: not asked yet. */
  of(peer: number): boolean | undefined {
    return this.#known.get(peer);
  }

  /** Beyond 1024 peers the oldest is forgotten, which costs that peer another question. */
  learn(peer: number, isSupported: boolean): void {
    this.forget(peer);
    if (this.#known.size >= capacity) this.forget(this.#known.keys().next().value!);
    this.#known.set(peer, isSupported);
    this.#peers.pin(peer);
  }

  forget(peer: number): void {
    if (this.#known.delete(peer)) this.#peers.unpin(peer);
  }
}
