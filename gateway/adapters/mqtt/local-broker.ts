import type { Clock } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { Log } from "../../../kernel/log.ts";
import { Broker, type BrokerOptions } from "../../../mqtt/broker.ts";
import type { Credentials } from "../../../mqtt/credentials.ts";
import type { PublishedMessage } from "../../../mqtt/published-batch.ts";
import { TcpListener } from "../../../mqtt/tcp-listener.ts";
import { TlsListener, type TlsMaterial } from "../../../mqtt/tls-listener.ts";
import type { OwnMessage, SiteBroker, SiteMessage } from "../../ports/site-broker.ts";

export interface LocalBrokerOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** MQTT in the clear, for smart sockets of the LAN; undefined: none. `mayBePlain`: whether who comes from this address may come so. */
  readonly tcp?:
    | { readonly host: string; readonly port: number; mayBePlain(remoteAddress: string | undefined): boolean }
    | undefined;
  /** The material is asked for at the start: the household's CA makes it. */
  readonly tls?: { readonly host: string; readonly port: number; material(): TlsMaterial } | undefined;
  readonly checkOfNobody?: BrokerOptions["checkOfNobody"];
}

/** A household's devices and phones; more connections are closed at once. */
const limits = { maxConnections: 256, maxRetainedMessages: 4096, maxRetainedBytes: 8_388_608, batchDelayMs: 0 };

/** The household's broker inside this process. Who may come in is pushed in; TCP and TLS have listeners, other transports attach streams. */
export class LocalBroker implements SiteBroker {
  readonly #broker: Broker;
  readonly #listener: TcpListener | undefined;
  readonly #options: LocalBrokerOptions;
  #tls: TlsListener | undefined;
  readonly #log: Log;
  readonly #listeners = new Set<(message: SiteMessage) => void>();
  #failed = 0;

  constructor(options: LocalBrokerOptions) {
    const { clock, entropy, log, tcp, checkOfNobody } = options;
    this.#options = options;
    this.#log = log;
    this.#broker = new Broker({
      ...{ clock, entropy, log, limits, ...(checkOfNobody && { checkOfNobody }) },
      onPublished: (batch) => {
        for (const message of batch) this.#published(message);
      },
    });
    this.#listener =
      tcp &&
      new TcpListener({
        ...tcp,
        log,
        portSetting: "another port with --mqtt-port",
        attach: (socket) => {
          // A password doesn't cross other networks in the clear, as at the door for WebSockets.
          if (tcp.mayBePlain(socket.remoteAddress)) this.attach(socket);
          else socket.on("error", () => {}).destroy();
        },
      });
  }

  /** Rejects with a Fault when a port can't be had; nothing is left running then. */
  async start(): Promise<void> {
    await this.#broker.start();
    try {
      await this.#listener?.start();
      this.#tls = this.#secured();
      await this.#tls?.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#listener?.stop();
    this.#tls?.stop();
    await this.#broker.stop();
  }

  /** Adds clients or replaces their credentials; who is connected stays. */
  setCredentials(list: readonly Credentials[]): void {
    this.#broker.setCredentials(list);
  }

  /** Their connections are closed before it resolves. */
  async removeCredentials(clientIds: readonly string[]): Promise<void> {
    await this.#broker.removeCredentials(clientIds);
  }

  /** Takes over a connection that somebody else accepted. */
  attach(stream: Parameters<Broker["attach"]>[0]): void {
    this.#broker.attach(stream);
  }

  /** Another certificate, from the next connection on. */
  useCertificate(material: TlsMaterial): void {
    this.#tls?.use(material);
  }

  publish({ topic, payload, isRetained }: OwnMessage): void {
    this.#broker.publish({ topic, payload, qos: 1, retain: isRetained }).catch((error: unknown) => {
      this.#failed++;
      this.#log.error("local-publish-failed", { topic, error });
    });
  }

  onMessage(listener: (message: SiteMessage) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#broker.counters(), publishesFailed: this.#failed };
  }

  /** Where MQTT in the clear and over TLS are; valid after `start`. */
  addresses(): {
    readonly mqtt?: { readonly host: string; readonly port: number };
    readonly mqtts?: { readonly host: string; readonly port: number };
  } {
    return {
      ...(this.#listener && { mqtt: this.#listener.address() }),
      ...(this.#tls && { mqtts: this.#tls.address() }),
    };
  }

  #secured(): TlsListener | undefined {
    const { tls, log } = this.#options;
    return (
      tls &&
      new TlsListener({
        ...{ host: tls.host, port: tls.port, material: tls.material(), log, maxConnections: limits.maxConnections },
        portSetting: "another port with --mqtts-port",
        // Phones prove themselves by their password; nobody is asked for a certificate.
        clientOf: () => undefined,
        attach: (socket) => this.attach(socket),
      })
    );
  }

  #published({ topic, payload, retain, clientId }: PublishedMessage): void {
    for (const listener of this.#listeners) {
      try {
        listener({ topic, payload, isRetained: retain, from: clientId });
      } catch (error) {
        this.#log.error("local-listener-failed", { topic, error });
      }
    }
  }
}
