import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import { faults } from "../faults.ts";
import { type Addon, type LoadedAddon, loadAddon, type NativeDtls } from "../native/addon.ts";
import type { PeerIdentity } from "../route.ts";
import { ipv6KeyBase, type RemoteAddress } from "../transport/remote-address.ts";
import { DtlsHandshakes } from "./dtls-handshakes.ts";
import { type DtlsLimits, dtlsLimits } from "./dtls-limits.ts";
import { DtlsSession } from "./dtls-session.ts";
import { DtlsSessions } from "./dtls-sessions.ts";
import type { DatagramSender, MessageReceiver, Security } from "./security.ts";

/** What a client proved: that it has the key of a PSK identity, or a certificate of a CA we trust. */
export type DtlsCredential =
  | { readonly scheme: "psk"; readonly identity: string }
  /** URIs and DNS names of the certificate's subjectAltName. */
  | { readonly scheme: "x509"; readonly uris: readonly string[]; readonly names: readonly string[] };

export interface DtlsTrust {
  /** PEM: certificates of the CAs whose peers are let in. */
  readonly ca?: string | undefined;
  /** PEM: revocation lists. When there is one, each CA needs its own. */
  readonly crl?: string | undefined;
}

export interface DtlsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Lets clients in. `pskOf` answers at once, so keys are in memory; an unknown identity looks like a wrong key to the client. */
  readonly server?:
    | {
        pskOf?(identity: string): Uint8Array | undefined;
        /** Who that is; undefined refuses. */
        identityOf(credential: DtlsCredential): PeerIdentity | undefined;
      }
    | undefined;
  /** Opens a session when a message goes to somebody without one. */
  readonly client?:
    | {
        readonly psk?: { readonly identity: string; readonly key: Uint8Array } | undefined;
        /** What the server's certificate must be for; default its IP address. */
        serverName?(server: RemoteAddress): string;
      }
    | undefined;
  /** PEM; the chain behind the own certificate in `cert`. ECDSA with P-256. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  readonly trust?: DtlsTrust | undefined;
  /** OpenSSL's names, best first. */
  readonly ciphers?: string | undefined;
  readonly limits?: { readonly [Name in keyof DtlsLimits]?: number | undefined } | undefined;
  /** Default what `loadAddon` finds. */
  readonly addon?: LoadedAddon | undefined;
}

export interface DtlsSecurity extends Security {
  /** Closes every session of the identity, so that it is refused from the next datagram on; returns how many there were. */
  revoke(identityId: string): number;
  /** Other CAs and revocation lists, for handshakes from now on. Throws `coap.dtls-credentials`. */
  trust(trust: DtlsTrust): void;
  counters(): Readonly<Record<string, number>>;
}

/**
 * Suites of RFC 7252 section 9 first. ECDHE-PSK comes with ChaCha20 (RFC 7905): OpenSSL has it with neither CCM nor GCM, and the
 * record layer knows AEAD alone.
 */
export const dtlsCiphers = [
  "ECDHE-ECDSA-AES128-CCM8",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-PSK-CHACHA20-POLY1305",
  "PSK-AES128-CCM8",
  "PSK-AES128-GCM-SHA256",
].join(":");

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

const handshakeType = 22;
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
  readonly #cookieText = new TextEncoder();
  readonly #cookieNumber: DataView;
  readonly #counts = {
    notDtls: 0,
    challenged: 0,
    handshakesFinished: 0,
    handshakesFailed: 0,
    handshakesRefused: 0,
    handshakesTimedOut: 0,
    identitiesRefused: 0,
    recordsForged: 0,
    recordsReplayed: 0,
    sessionsClosed: 0,
    sessionsEvicted: 0,
    sessionsExpired: 0,
    sendsDropped: 0,
  };
  #up: MessageReceiver | undefined;
  #down: DatagramSender | undefined;
  #sweepTimer: Timer | undefined;
  #trimTimer: Timer | undefined;
  #freedHandshakes = 0;
  #rotatedMs: number;

  constructor(options: DtlsOptions, addon: Addon) {
    this.#options = options;
    this.#clock = options.clock;
    this.#limits = dtlsLimits.resolve(options.limits);
    this.#handshakes = new DtlsHandshakes(this.#limits);
    const { sessions, handshakes, mtu } = this.#limits;
    const rows = sessions + handshakes;
    for (let row = rows - 1; row >= 0; row--) this.#freeRows.push(row);
    const { server, client, certificate, trust } = options;
    try {
      this.#native = addon.createDtls(
        {
          ...{ sessions: rows, mtu, ciphers: options.ciphers ?? dtlsCiphers },
          ...{ server: server !== undefined, client: client !== undefined },
          ...{ cert: certificate?.cert, key: certificate?.key, ca: trust?.ca, crl: trust?.crl },
          ...{ pskIdentity: client?.psk?.identity, pskKey: client?.psk?.key },
        },
        (identity) => server?.pskOf?.(identity),
      );
    } catch (error) {
      throw faults("coap.dtls-credentials", { reason: error instanceof Error ? error.message : String(error) }, error);
    }
    this.#cookieNumber = new DataView(this.#native.address.buffer);
    this.#rotatedMs = this.#clock.monotonicMs();
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
    if (this.#native.seal(session.row, bytes, start, end)) this.#flush(destination);
    else this.#counts.sendsDropped++;
  }

  revoke(identityId: string): number {
    let count = 0;
    for (const session of this.#established.all()) {
      if (session.identity.kind === "none" || session.identity.id !== identityId) continue;
      this.#shut(session);
      count++;
    }
    return count;
  }

  trust(trust: DtlsTrust): void {
    try {
      this.#native.trust(trust);
    } catch (error) {
      throw faults("coap.dtls-credentials", { reason: error instanceof Error ? error.message : String(error) }, error);
    }
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#counts, sessions: this.#established.size, handshakes: this.#handshakes.size };
  }

  /** Nothing is kept for a stranger: the cookie it brings back proves its address, and only then there is a handshake. */
  #hello(bytes: Uint8Array, start: number, end: number, source: RemoteAddress): void {
    const now = this.#clock.monotonicMs();
    if (now - this.#rotatedMs >= this.#limits.cookieMs) {
      this.#native.rotate();
      this.#rotatedMs = now;
    }
    const verdict = this.#native.challenge(bytes, start, end, this.#writeAddress(source));
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
    const row = this.#handshakes.hasRoomFor(address) ? this.#freeRows.pop() : undefined;
    if (row === undefined) {
      this.#counts.handshakesRefused++;
      return undefined;
    }
    const nowMs = this.#clock.monotonicMs();
    const isServer = clientRandom !== undefined;
    const deadlineMs = nowMs + this.#limits.handshakeMs;
    const session = new DtlsSession({ row, address, isServer, clientRandom, nowMs, deadlineMs });
    this.#handshakes.add(session);
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
    const name = client?.serverName?.(destination) ?? destination.text().split("%", 1)[0]!;
    this.#took(session, this.#native.connect(session.row, name), destination);
  }

  /** What a call of the addon left: datagrams to send, then the session's new state, then messages that came. */
  #took(session: DtlsSession, events: number, source: RemoteAddress): void {
    const { counts, plain, plainRows } = this.#native;
    const messages = counts[1]!;
    const timeoutMs = counts[4]!;
    this.#counts.recordsForged += counts[2]!;
    this.#counts.recordsReplayed += counts[3]!;
    this.#flush(source);
    if ((events & failed) !== 0) {
      this.#counts.handshakesFailed++;
      this.#drop(session);
      return;
    }
    if ((events & finished) !== 0) {
      if (!this.#establish(session, source)) return;
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
  #establish(session: DtlsSession, source: RemoteAddress): boolean {
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
    const older = this.#established.find(source);
    if (older !== undefined) this.#drop(older);
    const { longestSilent } = this.#established;
    if (this.#established.size >= this.#limits.sessions && longestSilent !== undefined) {
      this.#counts.sessionsEvicted++;
      this.#shut(longestSilent);
    }
    if (!this.#established.add(session)) {
      this.#counts.handshakesRefused++;
      this.#shut(session);
      return false;
    }
    this.#counts.handshakesFinished++;
    this.#established.heard(session, this.#clock.monotonicMs());
    this.#sweepTimer ??= this.#clock.after(this.#sweepMs(), this.#sweep);
    for (const message of session.queued.splice(0)) this.send(message, 0, message.length, session.address);
    return true;
  }

  #identityOf(session: DtlsSession): PeerIdentity | undefined {
    const { server, log } = this.#options;
    const peer = this.#native.peer(session.row);
    if (peer === undefined || server === undefined) return undefined;
    try {
      if (peer.psk !== undefined) return server.identityOf({ scheme: "psk", identity: peer.psk });
      return server.identityOf({ scheme: "x509", uris: peer.uris ?? [], names: peer.names ?? [] });
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
        this.#drop(session);
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
    this.#flush(session.address);
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
    this.#established.remove(session);
    this.#freeRows.push(session.row);
  }

  #flush(destination: RemoteAddress): void {
    const { counts, out, outRows } = this.#native;
    const datagrams = counts[0]!;
    for (let i = 0; i < datagrams; i++) {
      const offset = outRows[2 * i]!;
      this.#down?.send(out, offset, offset + outRows[2 * i + 1]!, destination);
    }
  }

  /** What a cookie is bound to; returns its length. */
  #writeAddress(source: RemoteAddress): number {
    this.#cookieNumber.setFloat64(0, source.key);
    if (source.key < ipv6KeyBase) return 8;
    // The key of an IPv6 address is a hash that others may share.
    this.#cookieNumber.setUint16(8, source.port);
    return 10 + this.#cookieText.encodeInto(source.text(), this.#native.address.subarray(10)).written;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
