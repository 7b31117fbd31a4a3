import { Tally } from "../../kernel/tally.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsLimits } from "./dtls-limits.ts";
import type { DtlsSession } from "./dtls-session.ts";

/** Handshakes under way by address, with their caps in all and for each source. */
export class DtlsHandshakes {
  readonly #limits: DtlsLimits;
  readonly #byKey = new Map<number, DtlsSession>();
  readonly #perSource = new Tally<string>();

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

  hasRoomFor(address: RemoteAddress, isServer: boolean): boolean {
    if (this.#byKey.size >= this.#limits.handshakes || this.#byKey.has(address.key)) return false;
    return this.#perSource.of(sourceOf(address, isServer)) < this.#limits.handshakesPerSource;
  }

  add(session: DtlsSession): void {
    const source = sourceOf(session.address, session.isServer);
    this.#byKey.set(session.address.key, session);
    this.#perSource.add(source, 1);
  }

  remove(session: DtlsSession): boolean {
    if (this.#byKey.get(session.address.key) !== session) return false;
    const source = sourceOf(session.address, session.isServer);
    this.#byKey.delete(session.address.key);
    this.#perSource.add(source, -1);
    return true;
  }

  all(): DtlsSession[] {
    return [...this.#byKey.values()];
  }
}

/**
 * Who has one IPv6 address has its network's other 2^64 as well. On a link each neighbour counts for itself, they are of one site; and
 * so does each server that we ask.
 */
function sourceOf(address: RemoteAddress, isServer: boolean): string {
  const text = address.text();
  if (!isServer || address.family === 4 || /^fe80:/i.test(text)) return text;
  const [front = "", back] = text.split("::");
  const groups = front === "" ? [] : front.split(":");
  const behind = back === undefined || back === "" ? [] : back.split(":");
  while (groups.length + behind.length < 8) groups.push("0");
  return [...groups, ...behind].slice(0, 4).join(":");
}
