import type { Clock, Timer } from "../../../kernel/clock.ts";
import type { Entropy } from "../../../kernel/entropy.ts";
import { defineFaults } from "../../../kernel/fault.ts";
import type { Log } from "../../../kernel/log.ts";
import { Broker as MqttBroker } from "../../../mqtt/broker.ts";
import { type Credentials, secretOf } from "../../../mqtt/credentials.ts";
import type { PublishedMessage as MqttMessage } from "../../../mqtt/published-batch.ts";
import { TcpListener } from "../../../mqtt/tcp-listener.ts";
import { TlsListener, type TlsMaterial } from "../../../mqtt/tls-listener.ts";
import { type NodeId, nodeId } from "../../../schemas/wire/node-id.ts";
import { SiteTopics, siteId } from "../../../schemas/wire/site-topics.ts";
import { earlyTopics, Topics } from "../../../schemas/wire/topics.ts";
import type { Keyring } from "../../app/api/credentials.ts";
import { certifiedNode } from "../../app/certified-node.ts";
import type {
  Broker,
  BrokerAccount,
  BrokerEvents,
  OutgoingMessage,
  PublishedMessage,
  SiteAccount,
} from "../../ports/broker.ts";
import { clientCertificate } from "./client-certificate.ts";

export const brokerFaults = defineFaults({
  "broker.unavailable": {
    fault: "environment",
    message: 'The MQTT broker did not take the message on "{topic}" ({reason}). It is tried again when there is news.',
  },
});

/** Live certificates are looked at so often for their end. */
const recheckMs = 60_000;

/** Reads everything, writes nothing. No node can have this name, since node ids begin with a letter or digit. */
export const observerName = "_observer";

export interface BrokerTls {
  readonly host: string;
  readonly port: number;
  readonly material: TlsMaterial;
  /** The CA whose clients are let in is the manager's own. */
  readonly isOwnCa: boolean;
}

export interface EmbeddedBrokerOptions {
  /** Absent: it listens nowhere, and streams come by `attach` alone. */
  readonly host?: string;
  readonly port?: number;
  /** Listens for TLS too; undefined: it doesn't. */
  readonly tls?: BrokerTls | undefined;
  /** First levels of all topics. */
  readonly rootTopic: string;
  /** Empty: there is no observer. */
  readonly observerPassword: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

/**
 * The MQTT broker inside this process, as the port that the use cases know: accounts of nodes become rights on their own topics, and
 * what passed access control comes out in batches, told apart by the node that it is about.
 */
export class EmbeddedBroker implements Broker {
  readonly #broker: MqttBroker;
  readonly #listener: TcpListener | undefined;
  readonly #topics: Topics;
  readonly #siteTopics = new SiteTopics();
  readonly #observerPassword: string;
  readonly #tls: TlsListener | undefined;
  readonly #clock: Clock;
  #material: TlsMaterial | undefined;
  #listed: ReadonlySet<string> = new Set();
  #events: BrokerEvents | undefined;
  #keyring: Keyring | undefined;
  #recheck: Timer | undefined;

  constructor(options: EmbeddedBrokerOptions) {
    const { clock, entropy, log, host, port } = options;
    this.#clock = clock;
    this.#topics = new Topics(options.rootTopic);
    this.#observerPassword = options.observerPassword;
    this.#broker = new MqttBroker({
      clock,
      entropy,
      log,
      onPublished: (batch) => this.#published(batch),
      onPresence: ({ clientId, event }) => {
        // Neither the observer nor a household's clients are nodes.
        if (!clientId.startsWith("_")) this.#events?.connection(clientId, event);
      },
    });
    this.#listener =
      host === undefined
        ? undefined
        : new TcpListener({
            host,
            port: port ?? 0,
            portSetting: "another port with --mqtt-port",
            log,
            attach: (socket) => this.#broker.attach(socket),
          });
    this.#tls = options.tls && this.#secured(options.tls, log);
  }

  /** Whose certificates are good; the use cases are made after the broker. */
  bindKeyring(keyring: Keyring): void {
    this.#keyring = keyring;
    keyring.onRevoked((_kid, node) => this.#tls?.recheck(this.#clock.wallMs(), node));
  }

  /** Another certificate for TLS, from the next connection on. */
  useCertificate(shown: { readonly cert: string; readonly key: string }): void {
    if (this.#material === undefined) return;
    this.#material = { ...this.#material, ...shown };
    this.#tls?.use(this.#material);
  }

  /** Other revocation lists of the CA, and the serial numbers in them: whom they name is gone at once. */
  useRevocations(crl: string, revoked: ReadonlySet<string>): void {
    if (this.#material === undefined) return;
    const material = { ...this.#material, crl };
    this.#tls?.use(material);
    this.#material = material;
    this.#listed = revoked;
    this.#tls?.recheck(this.#clock.wallMs());
  }

  /** Where events go; the use cases are made after the broker that they publish to. */
  bind(events: BrokerEvents): void {
    this.#events = events;
  }

  async start(): Promise<void> {
    if (this.#observerPassword !== "") {
      const subscribe = [`${this.#topics.root}/#`];
      this.#broker.setCredentials([
        { clientId: observerName, password: this.#observerPassword, publish: [], subscribe },
      ]);
    }
    await this.#broker.start();
    try {
      await this.#listener?.start();
      await this.#tls?.start();
      if (this.#tls !== undefined) this.#recheckLater();
    } catch (error) {
      this.#listener?.stop();
      await this.#broker.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    // That every node lost its connection is our doing and no news of theirs.
    this.#events = undefined;
    this.#recheck?.cancel();
    this.#listener?.stop();
    this.#tls?.stop();
    await this.#broker.stop();
  }

  /** Valid after `start`; undefined when it listens nowhere. */
  address(): { readonly host: string; readonly port: number } | undefined {
    return this.#listener?.address();
  }

  /** Takes over a connection that somebody else accepted. */
  attach(stream: Parameters<MqttBroker["attach"]>[0]): void {
    this.#broker.attach(stream);
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#broker.counters(), ...this.#tls?.counters };
  }

  setAccounts(accounts: readonly BrokerAccount[]): Promise<void> {
    try {
      this.#broker.setCredentials(accounts.map((each) => this.#credentials(each)));
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  secretOf(user: string, password: string): Uint8Array {
    return secretOf(user, password);
  }

  setSiteAccounts(accounts: readonly SiteAccount[]): Promise<void> {
    const list = accounts.map(({ user, secret, site, kind, retains }): Credentials => {
      const id = siteId(site);
      const rights = kind === "phone" ? this.#siteTopics.rightsOfPhone(id) : this.#siteTopics.rightsOfGateway(id);
      const retained = kind === "phone" ? "refused" : retains ? "kept" : "passed";
      return { clientId: user, password: { secret }, ...rights, retained };
    });
    try {
      this.#broker.setCredentials(list);
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  forgetRetained(site: string): Promise<void> {
    this.#broker.forgetRetained(`${this.#siteTopics.root}/${siteId(site)}/#`);
    return Promise.resolve();
  }

  async removeAccounts(users: readonly string[]): Promise<void> {
    await this.#broker.removeCredentials(users);
  }

  async publish(message: OutgoingMessage): Promise<void> {
    try {
      await this.#broker.publish(message);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw brokerFaults("broker.unavailable", { topic: message.topic, reason }, error);
    }
  }

  isConnected(node: string): boolean {
    return this.#broker.isConnected(node);
  }

  #secured({ host, port, material, isOwnCa }: BrokerTls, log: Log): TlsListener {
    this.#material = material;
    return new TlsListener({
      ...{ host, port, material, log, maxConnections: this.#broker.limits.maxConnections },
      portSetting: "another port with --mqtts-port",
      clientOf: (certificate) => {
        const keyring = this.#keyring;
        if (this.#listed.has(certificate.serialNumber.toLowerCase().replace(/^0+(?=.)/, ""))) return undefined;
        const entry = keyring && certifiedNode(keyring, clientCertificate(certificate), isOwnCa);
        return entry !== undefined && keyring?.used(entry.kid) === true ? entry.node : undefined;
      },
      attach: (socket, client) => this.#broker.attach(socket, client),
    });
  }

  /** Certificates grow too old while their clients are connected. */
  #recheckLater(): void {
    this.#recheck = this.#clock.after(recheckMs, () => {
      this.#recheckLater();
      this.#tls?.recheck(this.#clock.wallMs());
    });
  }

  #credentials({ user, password, nodes }: BrokerAccount): Credentials {
    const [own, ...children] = nodes.map((each) => nodeId(each)) as [NodeId, ...NodeId[]];
    const { publish, subscribe } = this.#topics.rightsOf(own, children);
    const aliases = [
      { bare: earlyTopics.updateStart, own: this.#topics.of("update-start", own) },
      { bare: earlyTopics.updateProgress, own: this.#topics.of("update-progress", own) },
    ];
    return { clientId: user, password, publish, subscribe, aliases };
  }

  #published(batch: readonly MqttMessage[]): void {
    const messages = batch.flatMap((each) => this.#ofNode(each));
    if (messages.length > 0) this.#events?.published(messages);
  }

  #ofNode({ topic, payload, retain, receivedWallMs, isWill }: MqttMessage): PublishedMessage[] {
    const parsed = this.#topics.parse(topic);
    if (parsed === undefined || parsed.kind === "fleet") return [];
    return [{ node: parsed.node, topic, payload, retain, receivedWallMs, isWill }];
  }
}
