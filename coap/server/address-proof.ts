import type { Clock } from "../../kernel/clock.ts";
import type { Link } from "../exchange/link.ts";
import { Code } from "../message.ts";
import type { MessageView } from "../message-view.ts";
import type { Peer } from "../route.ts";
import { EchoValues } from "../security/echo-values.ts";
import type { ReplyBuffer } from "./reply-buffer.ts";
import type { RequestView } from "./request-view.ts";

/**
 * Which addresses are held to three times what they sent until they have proven that they receive there: `routable` all but loopback,
 * `all` loopback too, `none` nobody. Peers with an identity have proven it.
 */
export type AmplificationLimit = "routable" | "all" | "none";

/** RFC 9175 section 2.4 item 3, RFC 9000 section 8. */
const factor = 3;

/** Which peers receive at the address they send from (RFC 7252 section 11.3), and how much the others may be sent. */
export class AddressProof {
  readonly #link: Link;
  readonly #limit: AmplificationLimit;
  readonly #values: EchoValues;

  constructor(link: Link, clock: Clock, limit: AmplificationLimit) {
    this.#link = link;
    this.#limit = limit;
    this.#values = new EchoValues({ clock, entropy: link.entropy, freshMs: link.limits.echoFreshMs });
  }

  isProven(peer: number): boolean {
    if (this.#limit === "none") return true;
    const { peers } = this.#link;
    const { isProven, isLoopback } = peers.columns;
    if (isProven[peer] !== 0) return true;
    if (peers.identity(peer).kind === "none" && (this.#limit === "all" || isLoopback[peer] === 0)) return false;
    isProven[peer] = 1;
    return true;
  }

  prove(peer: number): void {
    this.#link.peers.columns.isProven[peer] = 1;
  }

  /** The address changed hands. */
  forget(peer: number): void {
    this.#link.peers.columns.isProven[peer] = 0;
  }

  /** The largest answer in bytes that the peer may be sent for this request. */
  maxAnswer(request: MessageView, peer: number): number {
    const { maxMessage } = this.#link.limits;
    if (this.isProven(peer)) return maxMessage;
    return Math.min(maxMessage, (request.end - request.tokenStart + 4) * factor);
  }

  /** Whether the peer may have one more of what is limited in all: an eighth is for those that have proven their address. */
  mayTake(used: number, capacity: number, peer: number): boolean {
    return used < capacity - (this.isProven(peer) ? 0 : capacity >> 3);
  }

  /** Makes the reply 4.01 with a value that the peer is to send back (RFC 9175 section 2.3); returns false, as what refuses does. */
  askEcho({ peer, view }: RequestView, reply: ReplyBuffer): false {
    this.#link.counters.echoesAsked++;
    reply.refuse(Code.unauthorized);
    // Header, token, the option's own two bytes; only a request of four bytes leaves less than eight.
    const room = (view.end - view.tokenStart + 4) * factor - 4 - view.tokenLength - 2;
    reply.echo = this.#values.make(peer, room < 8);
    return false;
  }

  /** Whether the value came from us to this peer, a short while ago. */
  accepts(value: Uint8Array, peer: Peer): boolean {
    return this.#values.accepts(value, peer);
  }
}
