import type { PeerTable } from "../exchange/peer-table.ts";

const capacity = 256;

/**
 * Echo values that came with an answer, until the next request to the same peer gives them back (RFC 9175 section 2.3). A value goes to
 * the endpoint that it came from and to nobody else: it is gone when the address changes hands, and its row stays meanwhile.
 */
export class EchoMemory {
  readonly #peers: PeerTable;
  readonly #values = new Map<number, Uint8Array>();

  constructor(peers: PeerTable) {
    this.#peers = peers;
  }

  /** Beyond 256 peers the oldest value is forgotten, which costs that peer another question. */
  keep(peer: number, value: Uint8Array): void {
    this.forget(peer);
    if (this.#values.size >= capacity) this.forget(this.#values.keys().next().value!);
    this.#values.set(peer, value);
    this.#peers.pin(peer);
  }

  /** The peer's value, once. */
  take(peer: number): Uint8Array | undefined {
    const value = this.#values.get(peer);
    this.forget(peer);
    return value;
  }

  forget(peer: number): void {
    if (this.#values.delete(peer)) this.#peers.unpin(peer);
  }
}
