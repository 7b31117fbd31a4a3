import type { Duplex } from "node:stream";
import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import type { ManagerApp } from "../../app/api/manager-app.ts";
import type { OperatorTokens } from "../../ports/operator-tokens.ts";

export interface HttpServerOptions {
  readonly app: ManagerApp;
  /** Absent: it listens nowhere, and connections come by `attach` alone. */
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port?: number | undefined;
  /** Listens for TLS too; undefined: it doesn't. */
  readonly https?:
    | {
        readonly host: string;
        readonly port: number;
        readonly material: { readonly cert: string; readonly key: string };
      }
    | undefined;
  readonly isInsecure: boolean;
  /** Who may act on the manager; undefined: nobody but, under `--insecure`, whoever sits at this machine. */
  readonly tokens?: OperatorTokens | undefined;
  /** `http://HOST:PORT` as people reach it. */
  baseUrl(): string;
  coapUrls(): CoapUrls;
  siteUrls(): SiteUrls;
  /** `https://HOST:PORT` as people reach it; undefined: there is no TLS. */
  httpsUrl(): string | undefined;
  /** Takes MQTT over WebSocket; undefined: there is none. */
  readonly attachMqtt?: ((stream: Duplex) => void) | undefined;
  /** Names besides loopback under which the manager may be asked. */
  readonly ownHosts: readonly string[];
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly limits: HttpLimits;
  /** What `GET /api/v1/system` says beside the app's own status; called per request, since ports are known after the start. */
  describe(): Readonly<Record<string, unknown>>;
  /** Asks the process to end; undefined where that isn't offered. */
  readonly shutdown?: (() => void) | undefined;
  /** Asks for a stop and a new start; undefined where that isn't offered. */
  readonly restart?: (() => void) | undefined;
}

/** As households' gateways and phones reach the manager and its broker. */
export interface SiteUrls {
  /** `https://HOST:PORT` */
  readonly manager: string;
  /** `mqtts://HOST:PORT` */
  readonly gateway: string;
  /** `wss://HOST:PORT/mqtt` */
  readonly phones: string;
  /** PEM of the CA that made their certificates; undefined: there is no TLS, or the certificate was given. */
  readonly ca?: string | undefined;
}

/** As nodes reach the manager. */
export interface CoapUrls {
  /** `coap://HOST:PORT` */
  readonly coap: string;
  /** `coaps://HOST:PORT`; undefined: the manager doesn't speak DTLS. */
  readonly coaps: string | undefined;
  /** PEM of the CA that nodes check MQTT over TLS and HTTPS against; undefined: there is no TLS, or its certificate was given, of a CA that isn't known here. */
  readonly ca?: string | undefined;
}

export interface HttpLimits {
  /** Largest JSON body in bytes; more is 413. */
  readonly jsonBytes: number;
  /** Largest artifact in bytes; more is 413, and nothing of it is kept. */
  readonly artifactBytes: number;
  /** Bytes of all artifacts together; an upload that would go beyond is 507, and nothing of it is kept. */
  readonly storedBytes: number;
  /** Connections of one listener at the same time, in the open or by TLS; one more is closed at once, and counted. */
  readonly connections: number;
  /** Followers of the events at the same time; one more is answered 503. */
  readonly eventClients: number;
  /** Of them those of one operator; one more is answered 503. */
  readonly eventClientsEach: number;
  /** Events kept for those who were cut off; who missed more is told to load everything anew. */
  readonly eventsKept: number;
  /** Bytes that may wait for a follower that doesn't read; over it the connection is closed. */
  readonly eventBacklogBytes: number;
  /** Largest WebSocket message in bytes; more ends the connection. */
  readonly webSocketBytes: number;
  /** A connection on which nothing moves for so long is closed. */
  readonly idleMs: number;
  /** A request that isn't whole after so long is answered 408 and its connection closed: time for the largest artifact over 1 Mbit/s. */
  readonly requestMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  jsonBytes: 65_536,
  artifactBytes: 268_435_456,
  storedBytes: 8_589_934_592,
  connections: 4_096,
  eventClients: 64,
  eventClientsEach: 16,
  eventsKept: 1_024,
  eventBacklogBytes: 1_048_576,
  webSocketBytes: 1_048_576,
  idleMs: 120_000,
  requestMs: 3_600_000,
};
