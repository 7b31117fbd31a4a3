import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** One socket of the addon: typed arrays over memory that C fills and reads. `udp.c` describes the rows. */
export interface NativeUdp {
  readonly port: number;
  readonly rx: Uint8Array;
  readonly rxRows: Int32Array;
  readonly rxAddresses: Int32Array;
  readonly tx: Uint8Array;
  readonly txRows: Int32Array;
  readonly txAddresses: Int32Array;
  readonly stats: Float64Array;
  /** Sends the first `rows` rows. */
  send(rows: number): void;
  close(): void;
  /** Text of the IPv6 address of a received row. */
  text(row: number): string;
  /** Writes an IPv6 address into row `row` of what is sent; false when it is none. */
  aim(address: string, row: number): boolean;
  /** Throws an Error with a system code. */
  join(group: string, interfaceName: string): void;
}

export interface NativeUdpOptions {
  readonly address: string;
  readonly port: number;
  /** Others may bind the same address and port, and the kernel shares datagrams out between them. */
  readonly sharesPort: boolean;
  /** Group sockets: everyone who binds the group's address gets every datagram. */
  readonly sharesAddress: boolean;
  readonly receiveBuffer: number;
  /** Datagrams read at once, and the room for each. */
  readonly batch: number;
  readonly slotBytes: number;
  /** Datagrams sent at once, and the room for all. */
  readonly queue: number;
  readonly queueBytes: number;
}

/** DTLS without a socket. Every call leaves what is to be sent in `out` and what came in `plain`; `dtls.h` describes the tables. */
export interface NativeDtls {
  readonly out: Uint8Array;
  /** [offset, length] of each datagram. */
  readonly outRows: Int32Array;
  readonly plain: Uint8Array;
  readonly plainRows: Int32Array;
  /** [datagrams, messages, forged records, replayed records, milliseconds until `tick` or -1, why a handshake failed: 0 other, 1 the certificate, 2 no suite in common, 3 an alert]. */
  readonly counts: Int32Array;
  /** Where the caller writes what a cookie is bound to. */
  readonly address: Uint8Array;
  /** 0 no ClientHello, 1 a HelloVerifyRequest is in `out`, 2 the cookie is good. */
  challenge(bytes: Uint8Array, start: number, end: number, addressLength: number): 0 | 1 | 2;
  /** A new secret for cookies; the one before stays good until the next. */
  rotate(): void;
  /** With a shared secret the keys of tickets are made of `period` and it; else a random key takes the place of the one before. */
  rotateTickets(period: number): void;
  /** The session whose connection ID the datagram carries, or -1; that it is authentic only `feed` says. */
  sessionOf(bytes: Uint8Array, start: number, end: number): number;
  /**
   * Each returns bits: 1 the handshake finished, 2 the peer closed the session, 4 it failed, 8 it was resumed, 16 a record was
   * authentic and newer than all before.
   */
  accept(session: number, bytes: Uint8Array, start: number, end: number): number;
  /** `earlier` is what `resumable` gave for a session with this server. */
  connect(session: number, serverName: string, earlier?: Uint8Array): number;
  feed(session: number, bytes: Uint8Array, start: number, end: number): number;
  tick(session: number): number;
  seal(session: number, bytes: Uint8Array, start: number, end: number): boolean;
  shut(session: number): void;
  drop(session: number): void;
  /** Gives freed memory back to the system; takes milliseconds. */
  trim(): void;
  /** Only in the turn in which the handshake finished. */
  peer(session: number): NativePeer | undefined;
  /** What `connect` needs to resume this session, its keys among it; in the same turn. Undefined when the server gave no ticket. */
  resumable(session: number): Uint8Array | undefined;
  /** Shown in handshakes from now on. Throws, and leaves the one before, when they don't belong together. */
  certificate(certificate: { readonly cert: string; readonly key: string }): void;
  trust(trust: { readonly ca?: string | undefined; readonly crl?: string | undefined }): void;
}

export interface NativePeer {
  readonly cipher: string;
  readonly psk?: string;
  /** Of the certificate's subjectAltName. */
  readonly uris?: readonly string[];
  readonly serial?: Uint8Array;
  readonly names?: readonly string[];
}

export interface NativeDtlsOptions {
  /** Rows for sessions. */
  readonly sessions: number;
  readonly mtu: number;
  readonly retransmitMs: number;
  /** Connection IDs are agreed on with those who know them. */
  readonly connectionId: boolean;
  readonly ciphers: string;
  readonly server: boolean;
  /** A server with pre-shared keys. */
  readonly takesPsk: boolean;
  readonly client: boolean;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly crl?: string | undefined;
  readonly pskIdentity?: string | undefined;
  readonly pskKey?: Uint8Array | undefined;
  /** How long a session may be resumed; 0 for never. */
  readonly ticketSeconds: number;
  /** 32 bytes. */
  readonly ticketSecret?: Uint8Array | undefined;
}

/** An AEAD over bytes that both sides see; `oscore.c` says what is where. Called on the object. */
export interface NativeAead {
  readonly bytes: Uint8Array;
  /** `length` counts the plaintext; the tag goes behind the ciphertext. */
  seal(cipher: number, aadLength: number, length: number): boolean;
  /** `length` counts the ciphertext with its tag. */
  open(cipher: number, aadLength: number, length: number): boolean;
}

export interface Addon {
  readonly version: number;
  /** `onBatch` is told how many rows came. Throws an Error with a system code. */
  openUdp(options: NativeUdpOptions, onBatch: (received: number) => void): NativeUdp;
  /** Throws an Error with code EINVAL that says what can't be used. */
  createDtls(options: NativeDtlsOptions, keyOf: (identity: string) => Uint8Array | undefined): NativeDtls;
  /** With room for so many bytes of text and tag. */
  createAead(maxText: number): NativeAead;
}

const addonVersion = 8;
/** In the package, built there or brought along; in a checkout, where `coap/native/build.mjs` puts it. */
const places = ["./coap.node", `./coap-${process.platform}-${process.arch}.node`, "../../.setup/build/coap.node"];

export type LoadedAddon =
  | { readonly isThere: true; readonly addon: Addon }
  | { readonly isThere: false; readonly reason: string };

let loaded: LoadedAddon | undefined;

/** The native addon, or why there is none on this machine: not built, built for another version, or not for this system. */
export function loadAddon(): LoadedAddon {
  loaded ??= tryPlaces();
  return loaded;
}

function tryPlaces(): LoadedAddon {
  if (process.platform !== "linux") return { isThere: false, reason: `it is for Linux, this is ${process.platform}` };
  let reason = "it is not built";
  const require = createRequire(import.meta.url);
  for (const place of places) {
    try {
      const addon = require(fileURLToPath(new URL(place, import.meta.url))) as Addon;
      if (addon.version === addonVersion) return { isThere: true, addon };
      reason = `it is of version ${addon.version}, version ${addonVersion} is needed`;
    } catch (error) {
      const isAbsent = error instanceof Error && "code" in error && error.code === "MODULE_NOT_FOUND";
      if (!isAbsent) reason = error instanceof Error ? error.message : String(error);
    }
  }
  return { isThere: false, reason };
}
