import type { PeerIdentity } from "../route.ts";
import { RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsSession } from "./dtls-session.ts";

/** Established sessions by the address at which they began, in the order in which they were last heard. */
export class DtlsSessions {
  readonly #byKey = new Map<number, DtlsSession>();
  /** Those that were led elsewhere by their connection ID, by where they are. */
  readonly #moved = new Map<number, DtlsSession>();
  /** A set only for those who have several: most have one. */
  readonly #byIdentity = new Map<string, DtlsSession | Set<DtlsSession>>();
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

  /** The one whose datagrams come from there now. */
  findAt(path: RemoteAddress): DtlsSession | undefined {
    const session = this.#moved.get(path.key);
    return session?.path.isSame(path) === true ? session : this.find(path);
  }

  move(session: DtlsSession, path: RemoteAddress): void {
    this.#unmove(session);
    session.path = new RemoteAddress();
    session.path.copyFrom(path);
    this.#moved.set(path.key, session);
  }

  /** False when the key of the address is another one's. */
  add(session: DtlsSession): boolean {
    if (this.#byKey.has(session.address.key)) return false;
    this.#byKey.set(session.address.key, session);
    this.#own(session);
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
    this.#disown(session);
    this.#unmove(session);
    this.#unlink(session);
    return true;
  }

  countOf(identity: PeerIdentity): number {
    const own = this.#byIdentity.get(nameOf(identity));
    return own instanceof Set ? own.size : own === undefined ? 0 : 1;
  }

  of(identity: PeerIdentity): DtlsSession[] {
    const own = this.#byIdentity.get(nameOf(identity));
    return own instanceof Set ? [...own] : own === undefined ? [] : [own];
  }

  all(): DtlsSession[] {
    return [...this.#byKey.values()];
  }

  #own(session: DtlsSession): void {
    if (session.identity.kind === "none") return;
    const name = nameOf(session.identity);
    const own = this.#byIdentity.get(name);
    if (own instanceof Set) own.add(session);
    else this.#byIdentity.set(name, own === undefined ? session : new Set([own, session]));
  }

  #disown(session: DtlsSession): void {
    if (session.identity.kind === "none") return;
    const name = nameOf(session.identity);
    const own = this.#byIdentity.get(name);
    if (own instanceof Set) own.delete(session);
    if (own === session || (own instanceof Set && own.size === 0)) this.#byIdentity.delete(name);
  }

  #unmove(session: DtlsSession): void {
    if (this.#moved.get(session.path.key) === session) this.#moved.delete(session.path.key);
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

/** A node and an operator may have the same name, and neither is to end or push out the other's sessions. */
function nameOf(identity: PeerIdentity): string {
  return identity.kind === "none" ? "" : `${identity.kind} ${identity.id}`;
}
