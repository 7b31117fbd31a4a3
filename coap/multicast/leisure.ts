import type { Clock } from "../../kernel/clock.ts";
import { RowTable } from "../../kernel/row-table.ts";
import { TimerWheel } from "../../kernel/timer-wheel.ts";
import type { Link } from "../exchange/link.ts";
import { RemoteAddress } from "../transport/remote-address.ts";

const columns = {} as const;

/** Answers to multicast, each after a random part of the leisure (RFC 7252 section 8.2), one for each request. */
export class Leisure {
  readonly #link: Link;
  readonly #table: RowTable<typeof columns>;
  readonly #wheel: TimerWheel;
  readonly #waiting: ({ readonly bytes: Uint8Array; readonly to: RemoteAddress } | undefined)[] = [];

  constructor(link: Link, clock: Clock) {
    this.#link = link;
    const capacity = link.limits.leisurely;
    this.#table = new RowTable({ capacity, columns });
    this.#wheel = new TimerWheel({ clock, capacity, onDue: (row) => this.#due(row) });
  }

  /** Takes the answer that stands in the writer. A repeat of a request that already waits is answered once. */
  send(peer: number, messageId: number, source: RemoteAddress): void {
    const { counters, entropy, limits, writer } = this.#link;
    const key = peer * 65_536 + messageId;
    if (this.#table.find(key) >= 0) {
      counters.duplicates++;
      return;
    }
    const row = this.#table.insert(key);
    if (row < 0) {
      counters.overLimit++;
      counters.multicastSilent++;
      return;
    }
    const to = new RemoteAddress();
    to.copyFrom(source);
    to.isMulticast = false;
    this.#waiting[row] = { bytes: writer.copy(), to };
    this.#wheel.arm(row, entropy.fraction() * limits.leisureMs);
  }

  stop(): void {
    this.#wheel.clear();
    this.#waiting.length = 0;
  }

  #due(row: number): void {
    const answer = this.#waiting[row];
    this.#waiting[row] = undefined;
    this.#table.removeRow(row);
    if (answer !== undefined) this.#link.sendTo(answer.bytes, answer.bytes.length, answer.to);
  }
}
