import type { AedesPublishPacket, AuthenticateError, Client, PublishPacket, Subscription } from "aedes";
import type { Log } from "../kernel/log.ts";
import type { Account } from "./account.ts";
import type { Connection } from "./connection.ts";
import type { Counters } from "./counters.ts";
import { isSecretOf } from "./credentials.ts";
import type { MqttLimits } from "./limits.ts";
import { refusedTopic } from "./packet-rewrite.ts";
import type { Takeover } from "./takeover.ts";

export interface AccessControlOptions {
  limits: MqttLimits;
  counters: Counters;
  log: Log;
  takeover: Takeover;
  account(clientId: string): Account | undefined;
  clientIdOfUser(user: string): string | undefined;
  /** For who isn't known, where known clients have checks of their own. */
  checkOfNobody: ((password: Uint8Array) => Promise<boolean>) | undefined;
  connection(client: Client): Connection | undefined;
  isStopping(): boolean;
}

/** CONNACK return codes (MQTT 3.1.1, section 3.2.2.3). */
const identifierRejected = 2 as const;
const serverUnavailable = 3 as const;
const badUserOrPassword = 4 as const;

const nothing = Buffer.alloc(0);

/** aedes' questions, answered from accounts. */
export class AccessControl {
  readonly #options: AccessControlOptions;

  constructor(options: AccessControlOptions) {
    this.#options = options;
  }

  readonly authenticate = (
    client: Client,
    user: string | undefined,
    password: Buffer | undefined,
    done: (error: AuthenticateError | null, isAccepted: boolean | null) => void,
  ): void => {
    const connection = this.#options.connection(client);
    const account = this.#options.account(client.id);
    const proven = connection?.proven;
    if (proven !== undefined) {
      const isProven = proven === client.id && (user === undefined || user === account?.user);
      // Who has a certificate may know that the client id must be the one in it.
      this.#decide(client, account, isProven ? "accepted" : identifierRejected, user, done);
      return;
    }
    const [name, secret] = [user ?? "", password ?? nothing];
    // An unknown client takes as long as a known one.
    const check = account === undefined ? this.#options.checkOfNobody : account.check;
    if (check === undefined) {
      const isProven = isSecretOf(account?.secret, name, secret);
      this.#decide(client, account, isProven ? "accepted" : this.#refusalOf(name, secret), user, done);
      return;
    }
    check(secret).then(
      (isRight) => {
        // It may have been removed or got another password while that was looked at.
        const isProven = isRight && account?.check === check && !account.isRemoved && account.user === name;
        this.#decide(client, account, isProven ? "accepted" : badUserOrPassword, user, done);
      },
      () => this.#decide(client, account, serverUnavailable, user, done),
    );
  };

  #decide(
    client: Client,
    account: Account | undefined,
    verdict: "accepted" | 2 | 3 | 4,
    user: string | undefined,
    done: (error: AuthenticateError | null, isAccepted: boolean | null) => void,
  ): void {
    const { counters, log, takeover } = this.#options;
    const connection = this.#options.connection(client);
    const isGone = connection === undefined || connection.gate.destroyed;
    if (account === undefined || verdict !== "accepted" || isGone) {
      const returnCode = verdict === "accepted" ? badUserOrPassword : verdict;
      counters.connectsRefused++;
      log.info("mqtt-connect-refused", { clientId: client.id.slice(0, 128), user: user?.slice(0, 128), returnCode });
      done(Object.assign(new Error("refused"), { returnCode }), false);
      return;
    }
    connection.account = account;
    takeover.enter(client.id, connection, () => {
      if (client.clean) account.forgetSession();
      done(null, true);
    });
  }

  /**
   * A refused publish goes on as an empty one on a topic that nobody can read: aedes acknowledges it as it does any other,
   * in order, and its error path, which would close the connection, isn't taken.
   */
  readonly authorizePublish = (
    client: Client | null,
    packet: PublishPacket & { clientId?: string },
    done: (error?: Error | null) => void,
  ): void => {
    const account = client === null ? undefined : this.#options.connection(client)?.account;
    const topic = account?.ownTopic(packet.topic) ?? packet.topic;
    const isAllowed =
      account !== undefined &&
      !account.isRemoved &&
      !(packet.retain && account.rights.retained === "refused") &&
      account.rights.mayPublish(topic);
    if (account?.rights.retained !== "kept") packet.retain = false;
    // What a client sends is looked at while it is open, so this is its will.
    if (client?.closed ?? true) {
      this.#authorizeWill(isAllowed, topic, packet, done);
      return;
    }
    if (isAllowed) {
      packet.topic = topic;
      // Tells the persistence whose retained message it is.
      packet.clientId = account.clientId;
    } else {
      // One that the gate refused is counted there.
      if (packet.topic !== refusedTopic) this.#countRefused(account, packet.topic);
      packet.topic = refusedTopic;
      packet.payload = nothing;
      packet.retain = false;
    }
    done(null);
  };

  readonly authorizeSubscribe = (
    client: Client,
    subscription: Subscription,
    done: (error: Error | null, subscription?: Subscription | null) => void,
  ): void => {
    const { counters, limits, log } = this.#options;
    const account = this.#options.connection(client)?.account;
    if (account?.subscribe(subscription.topic, subscription.qos, limits.maxSubscriptions)) {
      done(null, subscription);
      return;
    }
    counters.subscribesRefused++;
    log.debug("mqtt-subscribe-refused", { clientId: client.id, filter: subscription.topic });
    done(null, null);
  };

  readonly authorizeForward = (client: Client, packet: AedesPublishPacket): AedesPublishPacket | null => {
    const { counters, limits } = this.#options;
    const connection = this.#options.connection(client);
    const account = connection?.account;
    if (connection === undefined || account === undefined || !account.rights.mayReceive(packet.topic)) return null;
    const isSlow = connection.gate.outboundBytes * 2 > limits.maxOutboundBytes;
    // aedes lowers the QoS to that of the subscription only later, and not everywhere.
    if (packet.qos > 0 && (isSlow || packet.qos === 2 || packet.retain)) {
      const subscribedQos = account.subscribedQos(packet.topic);
      if (subscribedQos < packet.qos) packet.qos = subscribedQos;
    }
    if (isSlow && packet.qos === 0) {
      counters.droppedToSlowClients++;
      return null;
    }
    packet.topic = account.topicToClient(packet.topic);
    connection.gate.pledge(packet.payload.length + packet.topic.length);
    return packet;
  };

  #refusalOf(user: string, password: Uint8Array): 2 | 4 {
    const clientId = this.#options.clientIdOfUser(user);
    const account = clientId === undefined ? undefined : this.#options.account(clientId);
    // With the right password one may know that it was the client id that was wrong.
    return isSecretOf(account?.secret, user, password) ? identifierRejected : badUserOrPassword;
  }

  #authorizeWill(
    isAllowed: boolean,
    topic: string,
    will: PublishPacket & { clientId?: string },
    done: (error?: Error | null) => void,
  ): void {
    const { counters, isStopping } = this.#options;
    if (isStopping()) {
      done(new Error("The broker stops; the client hasn't gone."));
    } else if (isAllowed) {
      counters.willsPublished++;
      will.topic = topic;
      done(null);
    } else {
      counters.willsRefused++;
      done(new Error("refused"));
    }
  }

  #countRefused(account: Account | undefined, topic: string): void {
    this.#options.counters.publishesRefused++;
    this.#options.log.debug("mqtt-publish-refused", { clientId: account?.clientId, topic });
  }
}
