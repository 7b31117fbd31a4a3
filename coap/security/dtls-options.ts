import type { Clock } from "../../kernel/clock.ts";
import type { Log } from "../../kernel/log.ts";
import type { LoadedAddon } from "../native/addon.ts";
import type { PeerIdentity } from "../route.ts";
import type { RemoteAddress } from "../transport/remote-address.ts";
import type { DtlsLimits } from "./dtls-limits.ts";

/** What a client proved: that it has the key of a PSK identity, or a certificate of a CA we trust. */
export type DtlsCredential =
  | { readonly scheme: "psk"; readonly identity: string }
  /** URIs and DNS names of the certificate's subjectAltName, and its serial number as big-endian bytes. */
  | {
      readonly scheme: "x509";
      readonly uris: readonly string[];
      readonly names: readonly string[];
      readonly serial: Uint8Array;
    };

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
        /** Who that is; undefined refuses. Asked for resumed sessions too. */
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
  /**
   * Resumption by tickets (RFC 5077), which a server gives and a client keeps. Processes with the same `secret` of 32 bytes take
   * each other's tickets; without one, keys are random and die with the process. `false`: every handshake is a whole one.
   */
  readonly tickets?: { readonly secret?: Uint8Array | undefined } | false | undefined;
  /**
   * Connection IDs (RFC 9146), default on: a session follows its peer to another address. A server gives one to clients that know them, a
   * client of ours uses its server's.
   */
  readonly connectionId?: boolean | undefined;
  /** OpenSSL's names, best first. */
  readonly ciphers?: string | undefined;
  readonly limits?: { readonly [Name in keyof DtlsLimits]?: number | undefined } | undefined;
  /** Default what `loadAddon` finds. */
  readonly addon?: LoadedAddon | undefined;
}

/**
 * Who has both a key and a certificate uses ECDHE-PSK (RFC 7252 section 9.1.3.3), which comes with ChaCha20 (RFC 7905): OpenSSL has it with
 * neither CCM nor GCM, and the record layer knows AEAD alone.
 */
export const dtlsCiphers = [
  "ECDHE-PSK-CHACHA20-POLY1305",
  "ECDHE-ECDSA-AES128-CCM8",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "PSK-AES128-CCM8",
  "PSK-AES128-GCM-SHA256",
].join(":");
