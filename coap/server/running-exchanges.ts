import type { Clock } from "../../kernel/clock.ts";
import { RowTable } from "../../kernel/row-table.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import type { Link } from "../exchange/link.ts";
import type { OnceExchanges } from "../exchange/once-exchanges.ts";
import { MessageType } from "../message.ts";
import type { OscoreContext } from "../security/oscore/oscore-context.ts";
import type { RequestView } from "./request-view.ts";

/** A request whose answer takes longer than its turn. */
export interface RunningExchange {
  readonly row: number;
  readonly peer: number;
  readonly request: RequestView;
  readonly abort: AbortController;
  /** Row of the `once` exchange, -1 without. */
  once: number;
  readonly block1: number;
  /** The empty ACK is out: the answer will be a message of its own. */
  isAcknowledged: boolean;
}

export interface RunningExchangesOptions {
  readonly link: Link;
  readonly clock: Clock;
  readonly once: OnceExchanges;
  /** The deadline passed: answer 5.04. */
  readonly tooLate: (exchange: RunningExchange) => void;
}

const columns = {} as const;

/** Handlers that have not finished: found again by duplicates, acknowledged after a while, ended at their deadline. */
export class RunningExchanges {
  readonly #link: Link;
  readonly #once: OnceExchanges;
  readonly #table: RowTable<typeof columns>;
  readonly #exchanges: (RunningExchange | undefined)[] = [];
  /** Id `row`: time for the empty ACK; id `capacity + row`: the deadline. */
  readonly #wheel: TimerWheel;
  readonly #tooLate: (exchange: RunningExchange) => void;

  constructor({ link, clock, once, tooLate }: RunningExchangesOptions) {
    this.#link = link;
    this.#once = once;
    this.#tooLate = tooLate;
    const capacity = link.limits.running;
    this.#table = new RowTable({ capacity, columns, hashSeed: link.entropy.uint32() });
    this.#wheel = new TimerWheel({ clock, capacity: capacity * 2, onDue: (id) => this.#due(id) });
  }

  get size(): number {
    return this.#table.size;
  }

  get isFull(): boolean {
    return this.#table.isFull;
  }

  find(peer: number, messageId: number): RunningExchange | undefined {
    if (this.#table.size === 0) return undefined;
    const row = this.#table.find(peer * 65_536 + messageId);
    return row < 0 ? undefined : this.#exchanges[row];
  }

  /** The caller has asked `isFull` and the peer's quota. */
  begin(request: RequestView, peer: number, once: number, block1: number): RunningExchange {
    const { peers, limits } = this.#link;
    const row = this.#table.insert(peer * 65_536 + request.view.messageId);
    const exchange: RunningExchange = {
      row,
      peer,
      request,
      abort: new AbortController(),
      once,
      block1,
      isAcknowledged: false,
    };
    this.#exchanges[row] = exchange;
    peers.columns.running[peer]!++;
    peers.pin(peer);
    if (request.isConfirmable) this.#wheel.arm(row, limits.separateAfterMs);
    this.#wheel.arm(limits.running + row, limits.laterDeadlineMs);
    return exchange;
  }

  /** Whether the exchange still waits for its answer. */
  isLive(exchange: RunningExchange): boolean {
    return this.#exchanges[exchange.row] === exchange;
  }

  /**
   * The empty ACK, now: the time is up, or a duplicate shows that the peer waits. It is what every later duplicate gets, also after the
   * response (RFC 7252 sections 4.2, 5.2.2); without room to remember that there is no ACK, and the client asks on.
   */
  acknowledge(exchange: RunningExchange): void {
    if (!exchange.request.isConfirmable) return;
    if (exchange.once < 0) exchange.once = this.#once.begin(exchange.peer, exchange.request.view.messageId);
    if (exchange.once < 0) {
      this.#link.counters.overLimit++;
      return;
    }
    exchange.isAcknowledged = true;
    this.#wheel.cancel(exchange.row);
    this.#link.sendEmptyToPeer(MessageType.acknowledgement, exchange.request.view.messageId, exchange.peer);
  }

  end(exchange: RunningExchange): void {
    const { peers, limits } = this.#link;
    this.#wheel.cancel(exchange.row);
    this.#wheel.cancel(limits.running + exchange.row);
    this.#exchanges[exchange.row] = undefined;
    this.#table.removeRow(exchange.row);
    peers.columns.running[exchange.peer]!--;
    peers.unpin(exchange.peer);
  }

  /** Ends and aborts those of a peer, or all. */
  abort(peer?: number): void {
    for (const exchange of this.#exchanges) {
      if (exchange === undefined || (peer !== undefined && exchange.peer !== peer)) continue;
      this.end(exchange);
      exchange.abort.abort(new Error("The exchange is over: the endpoint stopped or its peer is gone."));
    }
  }

  /** The same for those under a context of OSCORE. */
  abortContext(context: OscoreContext): void {
    for (const exchange of this.#exchanges) {
      if (exchange?.request.oscore?.context !== context) continue;
      this.end(exchange);
      exchange.abort.abort(new Error("The exchange is over: its OSCORE context was removed."));
    }
  }

  stop(): void {
    this.abort();
    this.#wheel.clear();
  }

  #due(id: number): void {
    const { running } = this.#link.limits;
    const exchange = this.#exchanges[id % running];
    if (exchange === undefined) return;
    if (id < running) this.acknowledge(exchange);
    else this.#tooLate(exchange);
  }
}
