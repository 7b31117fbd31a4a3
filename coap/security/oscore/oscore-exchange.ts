import type { OscoreContext } from "./oscore-context.ts";
import type { OuterRequest } from "./outer-blocks.ts";

/**
 * What binds an answer to its request: the association that RFC 8613 section 8 has both ends keep. Of the server's side it lives in the
 * request, of the client's with the token.
 */
export class OscoreExchange {
  context: OscoreContext;
  /** Partial IV of the request. */
  requestIv: number;
  /**
   * The nonce of the request may protect or open one answer (section 5.2); after that every answer has a Partial IV of its own. At the
   * client it counts notifications without one.
   */
  isNonceUsed: boolean = false;
  /** At the client: the largest Partial IV of the notifications so far, -1 before the first that has one (section 7.4.1). */
  notificationNumber = -1;
  /** At the client: what the request asked for, so that Observe in an answer nobody asked to observe is refused. */
  isObserve: boolean = false;
  /** At the client: whether the request had an Echo. */
  hasEcho: boolean = false;
  /** At the server: the outer blocks of the request, which its answer has too. */
  outer: OuterRequest | undefined = undefined;

  constructor(context: OscoreContext, requestIv: number) {
    this.context = context;
    this.requestIv = requestIv;
  }

  copy(): OscoreExchange {
    const copied = new OscoreExchange(this.context, this.requestIv);
    copied.isNonceUsed = this.isNonceUsed;
    copied.notificationNumber = this.notificationNumber;
    copied.isObserve = this.isObserve;
    copied.outer = this.outer;
    return copied;
  }
}
