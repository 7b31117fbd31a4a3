import type { Broker } from "../../../mqtt/broker.ts";
import { isSecretOf, type Secret, secretOf } from "../../../mqtt/credentials.ts";
import { SiteTopics, siteId } from "../../../schemas/wire/site-topics.ts";
import type { HouseLogin, HouseLogins } from "../../ports/house-logins.ts";
import type { PasswordHashing } from "../../ports/password-hashing.ts";

export interface PhoneLoginsOptions {
  readonly broker: Pick<Broker, "setCredentials" | "removeCredentials">;
  readonly site: string;
  /** First level of the household's topics; default `alfaspark`. */
  readonly root?: string;
  readonly hashing: PasswordHashing;
}

/** Phones as accounts of the local broker, with the same rights as at the server. */
export class PhoneLogins implements HouseLogins {
  readonly #options: PhoneLoginsOptions;
  readonly #topics: SiteTopics;
  /** Of those that came in since the start: a phone that comes back needn't be hashed slowly, and a flood of guesses doesn't keep it out. */
  readonly #known = new Map<string, { readonly hash: string; readonly secret: Secret }>();

  constructor(options: PhoneLoginsOptions) {
    this.#options = options;
    this.#topics = new SiteTopics(options.root);
  }

  set(logins: readonly HouseLogin[]): void {
    const { broker, site } = this.#options;
    const rights = this.#topics.rightsOfPhone(siteId(site));
    broker.setCredentials(
      logins.map((login) => ({
        clientId: login.user,
        password: { check: (password) => this.#check(login, password) },
        ...rights,
        // Nobody leaves a command lying about for the next subscriber.
        retained: "refused",
      })),
    );
  }

  async remove(users: readonly string[]): Promise<void> {
    for (const user of users) this.#known.delete(user);
    await this.#options.broker.removeCredentials(users);
  }

  /** For the broker's `checkOfNobody`: as long as a check of somebody. */
  readonly checkNobody = (password: Uint8Array): Promise<boolean> =>
    this.#options.hashing.verify(textOf(password), undefined);

  async #check({ user, hash }: HouseLogin, password: Uint8Array): Promise<boolean> {
    const known = this.#known.get(user);
    if (known?.hash === hash) return isSecretOf(known.secret, user, password);
    const isRight = await this.#options.hashing.verify(textOf(password), hash);
    if (isRight) this.#known.set(user, { hash, secret: secretOf(user, password) });
    return isRight;
  }
}

function textOf(password: Uint8Array): string {
  return new TextDecoder().decode(password);
}
