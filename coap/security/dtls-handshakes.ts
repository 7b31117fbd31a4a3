import type { RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsLimits } from "./dtls-limits.ts";
import type { DtlsSession } from "./dtls-session.ts";

/** Handshakes under way by address, with their caps in all and for each IP address. */
export class DtlsHandshakes {
  readonly #limits: DtlsLimits;
  readonly #byKey = new Map<number, DtlsSession>();
  readonly #perSource = new Map<string, number>();

  constructor(limits: DtlsLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#byKey.size;
  }

  find(address: RemoteAddress): DtlsSession | undefined {
    const session = this.#byKey.get(address.key);
    return session?.address.isSame(address) === true ? session : undefined;
  }

  hasRoomFor(address: RemoteAddress): boolean {
    if (this.#byKey.size >= this.#limits.handshakes || this.#byKey.has(address.key)) return false;
    return (this.#perSource.get(address.text()) ?? 0) < this.#limits.handshakesPerSource;
  }

  add(session: DtlsSession): void {
    const source = session.address.text();
    this.#byKey.set(session.address.key, session);
    this.#perSource.set(source, (this.#perSource.get(source) ?? 0) + 1);
  }

  remove(session: DtlsSession): boolean {
    if (this.#byKey.get(session.address.key) !== session) return false;
    const source = session.address.text();
    const left = (this.#perSource.get(source) ?? 1) - 1;
    this.#byKey.delete(session.address.key);
    if (left === 0) this.#perSource.delete(source);
    else this.#perSource.set(source, left);
    return true;
  }

  all(): DtlsSession[] {
    return [...this.#byKey.values()];
  }
}
