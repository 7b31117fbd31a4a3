import type { RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsSession } from "./dtls-session.ts";

/** Established sessions by address, in the order in which they were last heard. */
export class DtlsSessions {
  readonly #byKey = new Map<number, DtlsSession>();
  #oldest: DtlsSession | undefined;
  #newest: DtlsSession | undefined;

  get size(): number {
    return this.#byKey.size;
  }

  get longestSilent(): DtlsSession | undefined {
    return this.#oldest;
  }

  find(address: RemoteAddress): DtlsSession | undefined {
    const session = this.#byKey.get(address.key);
    // Keys of IPv6 addresses are hashes: a session of another address is none.
    return session?.address.isSame(address) === true ? session : undefined;
  }

  /** False when the key of the address is another one's. */
  add(session: DtlsSession): boolean {
    if (this.#byKey.has(session.address.key)) return false;
    this.#byKey.set(session.address.key, session);
    this.#append(session);
    return true;
  }

  heard(session: DtlsSession, nowMs: number): void {
    session.lastHeardMs = nowMs;
    if (session === this.#newest) return;
    this.#unlink(session);
    this.#append(session);
  }

  remove(session: DtlsSession): boolean {
    if (this.#byKey.get(session.address.key) !== session) return false;
    this.#byKey.delete(session.address.key);
    this.#unlink(session);
    return true;
  }

  all(): DtlsSession[] {
    return [...this.#byKey.values()];
  }

  #append(session: DtlsSession): void {
    session.before = this.#newest;
    session.after = undefined;
    if (this.#newest === undefined) this.#oldest = session;
    else this.#newest.after = session;
    this.#newest = session;
  }

  #unlink(session: DtlsSession): void {
    if (session.before === undefined) this.#oldest = session.after;
    else session.before.after = session.after;
    if (session.after === undefined) this.#newest = session.before;
    else session.after.before = session.before;
  }
}
