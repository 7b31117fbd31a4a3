import type { Clock, Timer } from "../../kernel/clock.ts";
import { faults } from "../faults.ts";
import { type Addon, loadAddon, type NativeDtls } from "../native/addon.ts";
import type { PeerIdentity } from "../route.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import { dtlsFailures, newDtlsCounts } from "./dtls-counts.ts";
import { DtlsHandshakes } from "./dtls-handshakes.ts";
import { DtlsHellos } from "./dtls-hellos.ts";
import { type DtlsLimits, dtlsLimits } from "./dtls-limits.ts";
import { type DtlsOptions, type DtlsTrust, dtlsCiphers } from "./dtls-options.ts";
import { DtlsResumptions } from "./dtls-resumptions.ts";
import { DtlsSession } from "./dtls-session.ts";
import { DtlsSessions } from "./dtls-sessions.ts";
import type { DatagramSender, MessageReceiver, Security } from "./security.ts";

export interface DtlsSecurity extends Security {
  /**
   * Closes every session of the identity, so that it is refused from the next datagram on; returns how many there were. `kind`: of those with
   * that id only nodes, or only operators.
   */
  revoke(identityId: string, kind?: "node" | "operator"): number;
  /** Who has a session at that address; undefined: nobody. */
  identityAt(address: RemoteAddress): PeerIdentity | undefined;
  /** Other CAs and revocation lists, for handshakes from now on. Throws `coap.dtls-credentials`. */
  trust(trust: DtlsTrust): void;
  /** Another certificate of ours, for handshakes from now on; sessions go on. Throws `coap.dtls-credentials`, and the one before stays. */
  certificate(certificate: NonNullable<DtlsOptions["certificate"]>): void;
  counters(): Readonly<Record<string, number>>;
}

/**
 * DTLS 1.2 (RFC 6347) between transport and message layer, server and client on one socket. Throws `coap.dtls-unavailable` without
 * the native addon, `coap.dtls-credentials` when keys or certificates can't be used.
 */
export function dtlsSecurity(options: DtlsOptions): DtlsSecurity {
  const found = options.addon ?? loadAddon();
  if (!found.isThere) throw faults("coap.dtls-unavailable", { reason: found.reason });
  return new Dtls(options, found.addon);
}

const finished = 1;
const closed = 2;
const failed = 4;
const resumed = 8;
const newer = 16;

const handshakeType = 22;
const connectionIdType = 25;
const changeCipherSpec = 20;
const clientHello = 1;
const randomStart = 13 + 12 + 2;
const randomEnd = randomStart + 32;

const handshakesUntilTrim = 256;
const trimAfterMs = 5000;

const nobody: PeerIdentity = { kind: "none" };

class Dtls implements DtlsSecurity {
  readonly #options: DtlsOptions;
  readonly #clock: Clock;
  readonly #limits: DtlsLimits;
  readonly #native: NativeDtls;
  readonly #established = new DtlsSessions();
  readonly #handshakes: DtlsHandshakes;
  readonly #freeRows: number[] = [];
  readonly #byRow: (DtlsSession | undefined)[] = [];
  readonly #hellos: DtlsHellos;
  readonly #resumptions: DtlsResumptions;
  readonly #counts = newDtlsCounts();
  #up: MessageReceiver | undefined;
  #down: DatagramSender | undefined;
  #sweepTimer: Timer | undefined;
  #trimTimer: Timer | undefined;
  #freedHandshakes = 0;

  constructor(options: DtlsOptions, addon: Addon) {
    this.#options = options;
    this.#clock = options.clock;
    this.#limits = dtlsLimits.resolve(options.limits);
    this.#handshakes = new DtlsHandshakes(this.#limits);
    const { sessions, handshakes, mtu, retransmitMs, ticketMs } = this.#limits;
    const rows = sessions + handshakes;
    for (let row = rows - 1; row >= 0; row--) this.#freeRows.push(row);
    const { server, client, certificate, trust, tickets = {} } = options;
    const secret = tickets === false ? undefined : tickets.secret;
    try {
      this.#native = addon.createDtls(
        {
          ...{ sessions: rows, mtu, retransmitMs, ciphers: options.ciphers ?? dtlsCiphers },
          connectionId: options.connectionId !== false,
          ...{ server: server !== undefined, takesPsk: server?.pskOf !== undefined, client: client !== undefined },
          ...{ cert: certificate?.cert, key: certificate?.key, ca: trust?.ca, crl: trust?.crl },
          ...{ pskIdentity: client?.psk?.identity, pskKey: client?.psk?.key },
          ...{ ticketSeconds: tickets === false ? 0 : Math.ceil(ticketMs / 1000), ticketSecret: secret },
        },
        (identity) => server?.pskOf?.(identity),
      );
    } catch (error) {
      throw unusable(error);
    }
    const sharing = { hasTickets: tickets !== false, sharesTickets: secret !== undefined };
    this.#hellos = new DtlsHellos({ native: this.#native, clock: this.#clock, limits: this.#limits, ...sharing });
    this.#resumptions = new DtlsResumptions(this.#limits.resumable);
  }

  start(up: MessageReceiver, down: DatagramSender): void {
    this.#up = up;
    this.#down = down;
  }

  stop(): void {
    for (const session of this.#handshakes.all()) this.#drop(session);
    for (const session of this.#established.all()) this.#shut(session);
    this.#sweepTimer?.cancel();
    this.#sweepTimer = undefined;
    this.#trimTimer?.cancel();
    this.#trimTimer = undefined;
    this.#resumptions.clear();
    this.#up = undefined;
    this.#down = undefined;
  }

  datagram(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void {
    if (source.isMulticast || source.port === 0 || end - start < 14) {
      this.#counts.notDtls++;
      return;
    }
    const type = bytes[start]!;
    const isPlain = bytes[start + 3] === 0 && bytes[start + 4] === 0;
    if (type === handshakeType && isPlain && bytes[start + 13] === clientHello && this.#options.server !== undefined) {
      this.#hello(bytes, start, end, source);
      return;
    }
    if (type === connectionIdType) {
      this.#identified(bytes, start, end, source);
      return;
    }
    const established = this.#established.find(source);
    const isHandshake = isPlain || type === handshakeType || type === changeCipherSpec;
    const session = (isHandshake ? this.#handshakes.find(source) : undefined) ?? established;
    if (session === undefined) {
      this.#counts.notDtls++;
      return;
    }
    this.#took(session, this.#native.feed(session.row, bytes, start, end), source);
  }

  send(bytes: Uint8Array, start: number, end: number, destination: RemoteAddress): void {
    const session = this.#established.find(destination);
    if (session === undefined) {
      this.#queue(bytes.slice(start, end), destination);
      return;
    }
    if (this.#native.seal(session.row, bytes, start, end)) this.#flush(session.path);
    else this.#counts.sendsDropped++;
  }

  revoke(id: string, only?: "node" | "operator"): number {
    const kinds = only === undefined ? (["node", "operator"] as const) : [only];
    const own = kinds.flatMap((kind) => this.#established.of({ kind, id, scheme: "x509" }));
    for (const session of own) this.#shut(session);
    return own.length;
  }

  identityAt(address: RemoteAddress): PeerIdentity | undefined {
    return this.#established.find(address)?.identity;
  }

  trust(trust: DtlsTrust): void {
    this.#use(() => this.#native.trust(trust));
  }

  certificate(certificate: NonNullable<DtlsOptions["certificate"]>): void {
    this.#use(() => this.#native.certificate(certificate));
  }

  #use(credentials: () => void): void {
    try {
      credentials();
    } catch (error) {
      throw unusable(error);
    }
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counts, sessions: this.#established.size, handshakes: this.#handshakes.size };
  }

  /** A record with a connection ID of ours may come from anywhere; the session follows only one that is authentic and newer (RFC 9146 section 6). */
  #identified(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void {
    const session = this.#byRow[this.#native.sessionOf(bytes, start, end)];
    const isElsewhere = session !== undefined && !session.path.isSame(source);
    if (session === undefined || (isElsewhere && this.#established.find(session.address) !== session)) {
      this.#counts.notDtls++;
      return;
    }
    const events = this.#native.feed(session.row, bytes, start, end);
    if (isElsewhere && (events & newer) !== 0) {
      this.#established.move(session, source);
      this.#counts.sessionsMoved++;
    }
    this.#took(session, events, session.address);
  }

  /** Nothing is kept for a stranger: the cookie it brings back proves its address, and only then there is a handshake. */
  #hello(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void {
    const verdict = this.#hellos.judge(bytes, start, end, source);
    if (verdict === 0) {
      this.#counts.notDtls++;
      return;
    }
    if (verdict === 1) {
      this.#counts.challenged++;
      this.#flush(source);
      return;
    }
    const clientRandom = bytes.slice(start + randomStart, start + randomEnd);
    const before = this.#handshakes.find(source);
    if (before !== undefined) {
      if (before.clientRandom !== undefined && isSame(before.clientRandom, clientRandom)) {
        this.#took(before, this.#native.feed(before.row, bytes, start, end), source);
        return;
      }
      this.#drop(before);
    }
    const session = this.#begin(source, clientRandom);
    if (session !== undefined) this.#took(session, this.#native.accept(session.row, bytes, start, end), source);
  }

  #begin(address: RemoteAddress, clientRandom?: Uint8Array): DtlsSession | undefined {
    const isServer = clientRandom !== undefined;
    const row = this.#handshakes.hasRoomFor(address, isServer) ? this.#freeRows.pop() : undefined;
    if (row === undefined) {
      this.#counts.handshakesRefused++;
      return undefined;
    }
    const nowMs = this.#clock.monotonicMs();
    const deadlineMs = nowMs + this.#limits.handshakeMs;
    const session = new DtlsSession({ row, address, isServer, clientRandom, nowMs, deadlineMs });
    this.#handshakes.add(session);
    this.#byRow[row] = session;
    return session;
  }

  /** A message of ours to somebody without a session. */
  #queue(message: Uint8Array, destination: RemoteAddress): void {
    const { client } = this.#options;
    const before = this.#handshakes.find(destination);
    const session = before ?? (client === undefined ? undefined : this.#begin(destination));
    if (session === undefined || session.queued.length >= this.#limits.queuedPerHandshake) {
      this.#counts.sendsDropped++;
      return;
    }
    session.queued.push(message);
    if (before !== undefined) return;
    const name = this.#nameOf(destination);
    const earlier = this.#resumptions.find(destination, name);
    this.#took(session, this.#native.connect(session.row, name, earlier), destination);
  }

  #nameOf(server: RemoteAddress): string {
    return this.#options.client?.serverName?.(server) ?? server.text().split("%", 1)[0]!;
  }

  /** What a call of the addon left: datagrams to send, then the session's new state, then messages that came. */
  #took(session: DtlsSession, events: number, source: RemoteAddress): void {
    const { counts, plain, plainRows } = this.#native;
    const messages = counts[1]!;
    const timeoutMs = counts[4]!;
    this.#counts.recordsForged += counts[2]!;
    this.#counts.recordsReplayed += counts[3]!;
    this.#flush(session.path);
    if ((events & failed) !== 0) {
      this.#counts.handshakesFailed++;
      const why = dtlsFailures[counts[5]!];
      if (why !== undefined) this.#counts[why]++;
      this.#gaveUp(session);
      return;
    }
    if ((events & finished) !== 0) {
      if (!this.#establish(session, source, (events & resumed) !== 0)) return;
    } else if (this.#handshakes.find(source) === session) {
      this.#arm(session, timeoutMs);
    }
    if (messages > 0) this.#established.heard(session, this.#clock.monotonicMs());
    // A message may end its own session: a revocation, a stop.
    for (let i = 0; i < messages && !session.isOver; i++) {
      const offset = plainRows[2 * i]!;
      this.#up?.message(plain, offset, offset + plainRows[2 * i + 1]!, source, session.identity);
    }
    if ((events & closed) !== 0) {
      this.#counts.sessionsClosed++;
      this.#shut(session);
    }
  }

  /** The handshake finished: only now an older session of the same address goes. */
  #establish(session: DtlsSession, source: RemoteAddress, isResumed: boolean): boolean {
    const identity = session.isServer ? this.#identityOf(session) : nobody;
    this.#handshakes.remove(session);
    this.#freedHandshakes++;
    this.#trimLater();
    session.timer?.cancel();
    session.timer = undefined;
    if (identity === undefined) {
      this.#counts.identitiesRefused++;
      this.#shut(session);
      return false;
    }
    session.identity = identity;
    for (const older of [this.#established.find(source), this.#established.findAt(source)]) {
      if (older !== undefined) this.#drop(older);
    }
    this.#makeRoom(identity);
    if (!this.#established.add(session)) {
      this.#counts.handshakesRefused++;
      this.#shut(session);
      return false;
    }
    this.#counts.handshakesFinished++;
    if (isResumed) this.#counts.handshakesResumed++;
    if (!session.isServer) this.#keepToResume(session, isResumed);
    this.#established.heard(session, this.#clock.monotonicMs());
    this.#sweepTimer ??= this.#clock.after(this.#sweepMs(), this.#sweep);
    for (const message of session.queued.splice(0)) this.send(message, 0, message.length, session.address);
    return true;
  }

  /** Nobody takes the room of all with one key. */
  #makeRoom(identity: PeerIdentity): void {
    const { sessions, sessionsPerIdentity } = this.#limits;
    let longestSilent: DtlsSession | undefined;
    if (identity.kind !== "none" && this.#established.countOf(identity) >= sessionsPerIdentity) {
      const own = this.#established.of(identity);
      longestSilent = own.reduce((a, b) => (b.lastHeardMs < a.lastHeardMs ? b : a));
    } else if (this.#established.size >= sessions) {
      longestSilent = this.#established.longestSilent;
    }
    if (longestSilent === undefined) return;
    this.#counts.sessionsEvicted++;
    this.#shut(longestSilent);
  }

  #keepToResume(session: DtlsSession, isResumed: boolean): void {
    const name = this.#nameOf(session.address);
    const resumable = this.#native.resumable(session.row);
    if (resumable !== undefined) this.#resumptions.keep(session.address, name, resumable);
    else if (!isResumed) this.#resumptions.forget(session.address, name);
  }

  /** A handshake of ours that came to nothing must not be tried in the same way again. */
  #gaveUp(session: DtlsSession): void {
    if (!session.isServer) this.#resumptions.forget(session.address, this.#nameOf(session.address));
    this.#drop(session);
  }

  #identityOf(session: DtlsSession): PeerIdentity | undefined {
    const { server, log } = this.#options;
    const peer = this.#native.peer(session.row);
    if (peer === undefined || server === undefined) return undefined;
    try {
      if (peer.psk !== undefined) return server.identityOf({ scheme: "psk", identity: peer.psk });
      const { uris = [], names = [], serial } = peer;
      if (serial === undefined) return undefined;
      return server.identityOf({ scheme: "x509", uris, names, serial });
    } catch (error) {
      log.error("coap-identity-failed", { message: error instanceof Error ? error.message : String(error) });
      return undefined;
    }
  }

  #arm(session: DtlsSession, timeoutMs: number): void {
    const left = session.deadlineMs - this.#clock.monotonicMs();
    session.timer?.cancel();
    session.timer = this.#clock.after(Math.max(0, timeoutMs < 0 ? left : Math.min(left, timeoutMs)), () => {
      if (this.#clock.monotonicMs() >= session.deadlineMs) {
        this.#counts.handshakesTimedOut++;
        this.#gaveUp(session);
      } else {
        this.#took(session, this.#native.tick(session.row), session.address);
      }
    });
  }

  #sweepMs(): number {
    return Math.ceil(this.#limits.sessionIdleMs / 8);
  }

  /** The handshakes of a reconnecting fleet cost 90 KB each while they last; that memory goes back once they are over. */
  #trimLater(): void {
    if (this.#freedHandshakes < handshakesUntilTrim || this.#trimTimer !== undefined) return;
    this.#trimTimer = this.#clock.after(trimAfterMs, () => {
      this.#trimTimer = undefined;
      this.#freedHandshakes = 0;
      this.#native.trim();
    });
  }

  readonly #sweep = (): void => {
    const before = this.#clock.monotonicMs() - this.#limits.sessionIdleMs;
    for (let session = this.#established.longestSilent; session !== undefined && session.lastHeardMs <= before; ) {
      this.#counts.sessionsExpired++;
      this.#shut(session);
      session = this.#established.longestSilent;
    }
    this.#sweepTimer = this.#established.size === 0 ? undefined : this.#clock.after(this.#sweepMs(), this.#sweep);
  };

  /** With close_notify. */
  #shut(session: DtlsSession): void {
    if (session.isOver) return;
    this.#native.shut(session.row);
    this.#flush(session.path);
    this.#forget(session);
  }

  #drop(session: DtlsSession): void {
    if (session.isOver) return;
    this.#native.drop(session.row);
    this.#forget(session);
  }

  #forget(session: DtlsSession): void {
    session.isOver = true;
    session.timer?.cancel();
    session.timer = undefined;
    this.#counts.sendsDropped += session.queued.splice(0).length;
    this.#handshakes.remove(session);
    const wasEstablished = this.#established.remove(session);
    this.#byRow[session.row] = undefined;
    this.#freeRows.push(session.row);
    if (wasEstablished) this.#up?.ended?.(session.address);
  }

  #flush(destination: RemoteAddress): void {
    const { counts, out, outRows } = this.#native;
    const datagrams = counts[0]!;
    for (let i = 0; i < datagrams; i++) {
      const offset = outRows[2 * i]!;
      this.#down?.send(out, offset, offset + outRows[2 * i + 1]!, destination);
    }
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function unusable(error: unknown): Error {
  return faults("coap.dtls-credentials", { reason: error instanceof Error ? error.message : String(error) }, error);
}
