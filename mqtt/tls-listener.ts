import { constants, type X509Certificate } from "node:crypto";
import { createServer, type Server, type TLSSocket } from "node:tls";
import type { Log } from "../kernel/log.ts";
import { mqttFaults } from "./faults.ts";
import { listenOn } from "./listen-on.ts";

/** What the listener shows, and whom it trusts. All PEM. */
export interface TlsMaterial {
  /** The certificate and its chain. */
  readonly cert: string;
  readonly key: string;
  /** CAs whose clients are let in by their certificate; undefined: no client is asked for one. */
  readonly ca?: string | undefined;
  /** Revocation lists of those CAs, one of each. */
  readonly crl?: string | undefined;
}

export interface TlsListenerOptions {
  host: string;
  /** 0: any free port. */
  port: number;
  /** What to choose where the port is taken, for the fault. */
  portSetting?: string;
  log: Log;
  material: TlsMaterial;
  maxConnections: number;
  /** Who a certificate is of; undefined: nobody that is let in. Asked at each handshake, and of live connections by `recheck`. */
  clientOf(certificate: X509Certificate): string | undefined;
  /** Takes each connection. `client` is whom its certificate proved it to be; undefined: it showed none. */
  attach(socket: TLSSocket, client: string | undefined): void;
}

const handshakeMs = 10_000;

interface Proven {
  readonly certificate: X509Certificate;
  readonly client: string;
}

/**
 * Listens for MQTT over TLS 1.2 and 1.3. A client may show a certificate; one that isn't good ends the connection, and isn't taken for none. Nothing is
 * resumed: a ticket would carry a certificate past its revocation. Stopping it frees the port; connections are the broker's to close.
 */
export class TlsListener {
  readonly counters = { tlsConnections: 0, tlsFailed: 0, certificatesRefused: 0, certificatesAccepted: 0 };
  readonly #options: TlsListenerOptions;
  readonly #proven = new Map<TLSSocket, Proven>();
  #material: TlsMaterial;
  #server: Server | undefined;

  constructor(options: TlsListenerOptions) {
    this.#options = options;
    this.#material = options.material;
  }

  /** Rejects with a Fault when the port can't be had or the material can't be used. */
  async start(): Promise<void> {
    const { host, port, portSetting, log } = this.#options;
    let server: Server;
    try {
      server = createServer({ ...contextOf(this.#material), ...asking(this.#material), handshakeTimeout: handshakeMs });
    } catch (error) {
      throw unusable(error);
    }
    server.maxConnections = this.#options.maxConnections;
    server.on("secureConnection", this.#onSecure);
    server.on("tlsClientError", (error, socket) => {
      this.counters.tlsFailed++;
      log.debug("mqtt-tls-failed", { reason: "code" in error ? String(error.code) : error.message });
      socket.destroy();
    });
    await listenOn(server, { host, port, log, portSetting });
    this.#server = server;
  }

  stop(): void {
    this.#server?.close();
    this.#server = undefined;
    this.#proven.clear();
  }

  /** Another certificate, CA or list, from now on; live connections whose certificate isn't good any more are closed. Throws a Fault and stays as it was. */
  use(material: TlsMaterial): void {
    try {
      this.#server?.setSecureContext(contextOf(material));
    } catch (error) {
      throw unusable(error);
    }
    this.#material = material;
  }

  /** Closes connections whose certificate is of nobody any more, or too old: of one client, or of all. */
  recheck(nowMs: number, only?: string): void {
    for (const [socket, { certificate, client }] of this.#proven) {
      if (only !== undefined && only !== client) continue;
      const isOver = certificate.validToDate.getTime() < nowMs;
      if (!isOver && this.#options.clientOf(certificate) === client) continue;
      this.counters.certificatesRefused++;
      this.#options.log.info("mqtt-certificate-ended", { client, reason: isOver ? "expired" : "revoked" });
      socket.destroy();
    }
  }

  /** Where it listens; throws when it doesn't. */
  address(): { host: string; port: number } {
    const address = this.#server?.address();
    if (address === null || address === undefined || typeof address === "string") {
      throw mqttFaults("mqtt.not-running", { operation: "asking for its address" });
    }
    return { host: address.address, port: address.port };
  }

  readonly #onSecure = (socket: TLSSocket): void => {
    socket.setNoDelay(true);
    socket.on("error", () => {});
    const certificate = socket.getPeerX509Certificate();
    this.counters.tlsConnections++;
    if (certificate === undefined) {
      this.#options.attach(socket, undefined);
      return;
    }
    const client = socket.authorized ? this.#options.clientOf(certificate) : undefined;
    if (client === undefined) {
      this.counters.certificatesRefused++;
      const reason = socket.authorized ? "not a client's" : String(socket.authorizationError);
      this.#options.log.info("mqtt-certificate-refused", { reason, serial: certificate.serialNumber });
      socket.destroy();
      return;
    }
    this.counters.certificatesAccepted++;
    this.#proven.set(socket, { certificate, client });
    socket.once("close", () => this.#proven.delete(socket));
    this.#options.attach(socket, client);
  };
}

function contextOf({ cert, key, ca, crl }: TlsMaterial): object {
  return {
    ...{ cert, key, minVersion: "TLSv1.2", secureOptions: constants.SSL_OP_NO_TICKET },
    ...(ca !== undefined && { ca }),
    ...(crl !== undefined && { crl }),
  };
}

/** A certificate that isn't good is looked at by us, so that it can be counted and told from none. */
function asking({ ca }: TlsMaterial): object {
  return { requestCert: ca !== undefined, rejectUnauthorized: false };
}

function unusable(error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return mqttFaults("mqtt.bad-certificate", { reason }, error);
}
