import { Duplex } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";

export interface SimLinkOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Nothing gets through; what was sent arrives when this ends, or the connection breaks after a while. */
  readonly isBlocked: () => boolean;
  /** Told of each segment that arrives. */
  readonly arrived: (bytes: Uint8Array, to: "node" | "manager") => void;
  /** As the manager sees the node. */
  readonly nodeAddress: string;
}

const delayMs = [1, 6] as const;
const retryMs = 250;
/** How long TCP tries before it gives a connection up. */
const patienceMs = 20_000;

/**
 * A TCP connection between a node and the manager on virtual time: bytes take their time and keep their order. A node
 * that loses its power says nothing: destroying its end leaves the manager's half open until it sends in vain. A manager that
 * dies leaves its kernel behind, which resets the connection.
 */
export function simLink(options: SimLinkOptions): { readonly node: Duplex; readonly manager: Duplex } {
  const node = new LinkEnd("node", options);
  const manager = new LinkEnd("manager", options);
  node.peer = manager;
  manager.peer = node;
  return { node, manager };
}

class LinkEnd extends Duplex {
  peer: LinkEnd | undefined;
  readonly remoteAddress: string;
  readonly remotePort = 40_000;
  readonly #side: "node" | "manager";
  readonly #options: SimLinkOptions;
  /** Set while the reader has enough: taking more lets the other end go on. */
  #whenRead: (() => void) | undefined;

  constructor(side: "node" | "manager", options: SimLinkOptions) {
    // Half-open, since a FIN of one side doesn't take back what the other still sends.
    super({ allowHalfOpen: true });
    this.#side = side;
    this.#options = options;
    this.remoteAddress = options.nodeAddress;
    // A broken connection is no news to the simulation: both sides learn it from their own end.
    this.on("error", () => undefined);
  }

  override _read(): void {
    const whenRead = this.#whenRead;
    this.#whenRead = undefined;
    whenRead?.();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#carry((peer) => peer.#arrive(new Uint8Array(chunk), done));
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#carry((peer) => {
      peer.push(null);
      done();
    });
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#whenRead = undefined;
    done(error);
    if (this.#side === "manager") this.#carry((peer) => peer.destroy(), true);
  }

  #arrive(bytes: Uint8Array, done: () => void): void {
    this.#options.arrived(bytes, this.#side);
    if (this.push(bytes)) done();
    else this.#whenRead = done;
  }

  #carry(deliver: (peer: LinkEnd) => void, isReset = false): void {
    const { clock, entropy, isBlocked } = this.#options;
    const [least, most] = delayMs;
    const sentAtMs = clock.monotonicMs();
    const attempt = (): void => {
      const { peer } = this;
      if (peer === undefined || (this.destroyed && !isReset)) return;
      if (!peer.destroyed && !isBlocked()) {
        deliver(peer);
      } else if (clock.monotonicMs() - sentAtMs < patienceMs) {
        if (!(isReset && peer.destroyed)) clock.after(retryMs, attempt);
      } else if (!this.destroyed) {
        this.destroy();
      }
    };
    clock.after(least + (most - least) * entropy.fraction(), attempt);
  }
}
