import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";

export interface TcpLink {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly roundTripMs: number;
  /** Share of packets lost, each way. */
  readonly loss: number;
}

const segmentBytes = 1448;
/** IPv4, TCP, time stamps. */
const headBytes = 52;
const firstWindow = 10;
const leastTimeoutMs = 200;
const connectTimeoutMs = 1000;
const mostTimeoutMs = 60_000;
/** As many later segments must have come before one counts as lost (RFC 6675). */
const reordering = 3;

/**
 * One answer of `bodyBytes` over a new TCP connection, from the first SYN to its last byte: slow start, congestion avoidance and recovery
 * by SACK as RFC 5681, 6675 and 6298 say, one acknowledgement for each segment, no limit of the receiver's or of bandwidth. A model:
 * kernels with other congestion control are faster where packets are lost. Resolves with the bytes of all packets, both ways.
 */
export function tcpTransfer(link: TcpLink, requestBytes: number, bodyBytes: number): Promise<number> {
  return new Promise((resolve) => new TcpTransfer(link, requestBytes, bodyBytes, resolve).connect());
}

class TcpTransfer {
  readonly #link: TcpLink;
  readonly #requestBytes: number;
  readonly #count: number;
  readonly #lastBytes: number;
  readonly #done: (bytes: number) => void;
  readonly #arrived: Uint8Array;
  /** What the sender knows: 0 not sent, 1 under way, 2 acknowledged, 3 lost. */
  readonly #state: Uint8Array;
  readonly #sentAt: Float64Array;
  /** Order of the last sending of each segment. */
  readonly #order: Float64Array;
  #orders = 0;
  #arrivedCount = 0;
  #newestAcknowledged = 0;
  #next = 0;
  #underWay = 0;
  #window = firstWindow;
  #threshold = Number.POSITIVE_INFINITY;
  /** Losses of segments sent before this one don't halve the window again. */
  #recoveryOrder = 0;
  #timeoutMs: number;
  #timer: Timer | undefined;
  #bytes = 0;
  #isServed: boolean = false;
  #isDone: boolean = false;

  constructor(link: TcpLink, requestBytes: number, bodyBytes: number, done: (bytes: number) => void) {
    this.#link = link;
    this.#requestBytes = requestBytes;
    this.#count = Math.ceil(bodyBytes / segmentBytes);
    this.#lastBytes = bodyBytes - (this.#count - 1) * segmentBytes;
    this.#done = done;
    this.#arrived = new Uint8Array(this.#count);
    this.#state = new Uint8Array(this.#count);
    this.#sentAt = new Float64Array(this.#count);
    this.#order = new Float64Array(this.#count);
    this.#timeoutMs = Math.max(leastTimeoutMs, link.roundTripMs * 3);
  }

  /** SYN and SYN-ACK, then the request; each is repeated until something comes back. */
  connect(): void {
    this.#exchange(8, 8, connectTimeoutMs, () => {
      this.#exchange(this.#requestBytes, 0, this.#timeoutMs, () => undefined);
    });
  }

  #exchange(out: number, back: number, timeoutMs: number, then: () => void): void {
    let isAnswered = false;
    const attempt = (waitMs: number): void => {
      if (isAnswered || this.#isServed) return;
      this.#packet(out, () => {
        if (back === 0) return this.#serve();
        this.#packet(back, () => {
          if (isAnswered) return;
          isAnswered = true;
          then();
        });
      });
      this.#link.clock.after(waitMs, () => attempt(Math.min(waitMs * 2, mostTimeoutMs)));
    };
    attempt(timeoutMs);
  }

  #packet(bytes: number, arrive: () => void): void {
    const { clock, entropy, loss, roundTripMs } = this.#link;
    this.#bytes += bytes + headBytes;
    if (entropy.fraction() >= loss) clock.after(roundTripMs / 2, arrive);
  }

  #serve(): void {
    if (this.#isServed) return;
    this.#isServed = true;
    this.#send();
  }

  #send(): void {
    while (this.#underWay < Math.floor(this.#window)) {
      let index = this.#state.indexOf(3);
      if (index === -1) index = this.#next < this.#count ? this.#next++ : -1;
      if (index === -1) break;
      this.#segment(index);
    }
    this.#arm();
  }

  #segment(index: number): void {
    this.#state[index] = 1;
    this.#sentAt[index] = this.#link.clock.monotonicMs();
    const order = ++this.#orders;
    this.#order[index] = order;
    this.#underWay++;
    this.#packet(index === this.#count - 1 ? this.#lastBytes : segmentBytes, () => {
      if (this.#arrived[index] === 0) {
        this.#arrived[index] = 1;
        this.#arrivedCount++;
      }
      if (this.#arrivedCount === this.#count) return this.#finish();
      this.#packet(0, () => this.#acknowledge(order));
    });
  }

  /** An acknowledgement tells of everything that has arrived by now, so it doesn't matter which was lost. */
  #acknowledge(order: number): void {
    if (this.#isDone) return;
    this.#newestAcknowledged = Math.max(this.#newestAcknowledged, order);
    let news = 0;
    let isLost = false;
    for (let index = 0; index < this.#next; index++) {
      if (this.#state[index] === 2) continue;
      if (this.#arrived[index] === 1) {
        if (this.#state[index] === 1) this.#underWay--;
        this.#state[index] = 2;
        news++;
      } else if (this.#state[index] === 1 && this.#newestAcknowledged - this.#order[index]! >= reordering) {
        this.#state[index] = 3;
        this.#underWay--;
        isLost ||= this.#order[index]! > this.#recoveryOrder;
      }
    }
    if (isLost) this.#shrink(0.5);
    else if (news > 0) this.#window += this.#window < this.#threshold ? news : news / this.#window;
    if (news > 0) this.#timeoutMs = Math.max(leastTimeoutMs, this.#link.roundTripMs * 1.5);
    this.#send();
  }

  #shrink(by: number): void {
    this.#threshold = Math.max(2, this.#window / 2);
    this.#window = by === 0 ? 1 : this.#threshold;
    this.#recoveryOrder = this.#orders;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = this.#link.clock.after(this.#timeoutMs, () => {
      if (this.#isDone) return;
      this.#shrink(0);
      for (let index = 0; index < this.#next; index++) if (this.#state[index] === 1) this.#state[index] = 3;
      this.#underWay = 0;
      this.#timeoutMs = Math.min(this.#timeoutMs * 2, mostTimeoutMs);
      this.#send();
    });
  }

  #finish(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer?.cancel();
    this.#done(this.#bytes);
  }
}
