import { type Credentials, type Password, type Secret, secretOf } from "./credentials.ts";
import { Rights } from "./rights.ts";
import { filterMatches } from "./topic-filter.ts";

/** One client as the broker knows it: its credentials, and what of its session the engine doesn't keep. */
export class Account {
  readonly clientId: string;
  user = "";
  /** Undefined: it is known by a check. */
  secret: Secret | undefined;
  check: ((password: Uint8Array) => Promise<boolean>) | undefined;
  rights: Rights = new Rights({ publish: [], subscribe: [] });
  isRemoved: boolean = false;
  #ownByBare = new Map<string, string>();
  /** Which of its topics the client subscribed to by their bare name, and gets by it. */
  readonly #bareInUse = new Map<string, string>();
  readonly #subscriptions = new Map<string, 0 | 1 | 2>();

  constructor(credentials: Credentials) {
    this.clientId = credentials.clientId;
    this.update(credentials);
  }

  update({ clientId, user = clientId, password, aliases = [], ...rights }: Credentials): void {
    this.user = user;
    this.secret = secretIn(user, password);
    this.check = typeof password === "object" && "check" in password ? password.check : undefined;
    this.rights = new Rights(rights);
    this.#ownByBare = new Map(aliases.map(({ bare, own }) => [bare, own]));
    for (const [own, bare] of this.#bareInUse) if (this.#ownByBare.get(bare) !== own) this.#bareInUse.delete(own);
  }

  /** A clean session begins. */
  forgetSession(): void {
    this.#bareInUse.clear();
    this.#subscriptions.clear();
  }

  /** The topic that the client means. */
  ownTopic(topic: string): string {
    return this.#ownByBare.get(topic) ?? topic;
  }

  /** As `ownTopic`, for a filter; remembers by which of the two names the client subscribed last. */
  ownFilter(filter: string, isSubscribe: boolean): string {
    const own = this.#ownByBare.get(filter);
    if (own === undefined) {
      if (isSubscribe) this.#bareInUse.delete(filter);
      return filter;
    }
    if (isSubscribe) this.#bareInUse.set(own, filter);
    else this.#bareInUse.delete(own);
    return own;
  }

  /** The name under which the client is to get a message on `topic`. */
  topicToClient(topic: string): string {
    return this.#bareInUse.get(topic) ?? topic;
  }

  /** False when the filter isn't within its rights or there are `limit` others already. */
  subscribe(filter: string, qos: 0 | 1 | 2, limit: number): boolean {
    if (!this.rights.maySubscribe(filter)) return false;
    if (!this.#subscriptions.has(filter) && this.#subscriptions.size >= limit) return false;
    this.#subscriptions.set(filter, qos);
    return true;
  }

  unsubscribe(filter: string): void {
    this.#subscriptions.delete(filter);
  }

  /** Its subscriptions that its rights no longer include. */
  subscriptionsBeyondRights(): string[] {
    return [...this.#subscriptions.keys()].filter((filter) => !this.rights.maySubscribe(filter));
  }

  /** The highest QoS it subscribed to `topic` with. */
  subscribedQos(topic: string): 0 | 1 | 2 {
    const levels = topic.split("/");
    let highest: 0 | 1 | 2 = 0;
    for (const [filter, qos] of this.#subscriptions) {
      if (qos > highest && filterMatches(filter.split("/"), levels)) highest = qos;
    }
    return highest;
  }
}

function secretIn(user: string, password: Password): Secret | undefined {
  if (typeof password === "string" || password instanceof Uint8Array) return secretOf(user, password);
  return "secret" in password ? password.secret : undefined;
}
