import { join } from "node:path";
import type { Clock } from "../kernel/clock.ts";
import type { Entropy } from "../kernel/entropy.ts";
import type { Part } from "../kernel/lifecycle.ts";
import type { Log } from "../kernel/log.ts";
import { PasswordHashes } from "../kernel/system/password-hashes.ts";
import type { Broker } from "../mqtt/broker.ts";
import type { SiteLink } from "../schemas/generated/types.ts";
import { ControlSocket } from "./adapters/http/control-socket.ts";
import { SiteFollower } from "./adapters/http/site-follower.ts";
import { PhoneLogins } from "./adapters/mqtt/phone-logins.ts";
import { SiteBridge } from "./adapters/mqtt/site-bridge.ts";
import { jsonRecords } from "./adapters/storage/json-records.ts";
import { SiteAuthority } from "./adapters/storage/site-authority.ts";
import { PhoneBook } from "./app/phone-book.ts";
import { phoneControl } from "./app/phone-control.ts";

export interface HouseholdPartOptions {
  readonly site: string;
  readonly title: string;
  /** Phones, the household's CA and the control socket are kept here, for their owner alone. */
  readonly folder: string;
  /** As `coxswain site link` wrote it; undefined: a household without a manager. */
  readonly link?: SiteLink | undefined;
  /** The local broker. */
  readonly broker: Pick<Broker, "setCredentials" | "removeCredentials">;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Where phones find the app at home, best first: `https://192.168.1.5:8443`. Asked whenever it is told. */
  home(): readonly string[];
  /** A phone that is away asks for something, by the server broker. */
  asked(topic: string, payload: Uint8Array): void;
  onLink?(isUp: boolean): void;
}

/**
 * Who belongs to the household, at its gateway: phones of the manager and of its own, the CA by which they know the gateway, and the bridge to the server broker. All of it but the
 * bridge does without the internet.
 */
export class HouseholdPart implements Part {
  readonly name = "household";
  readonly phones: PhoneBook;
  readonly #options: HouseholdPartOptions;
  readonly #logins: PhoneLogins;
  readonly #bridge: SiteBridge | undefined;
  #follower: SiteFollower | undefined;
  #control: ControlSocket | undefined;
  #authority: SiteAuthority | undefined;

  constructor(options: HouseholdPartOptions) {
    this.#options = options;
    const { site, link, folder, broker, clock, entropy, log } = options;
    const hashing = new PasswordHashes({ entropy });
    this.#logins = new PhoneLogins({ broker, site, hashing });
    this.phones = new PhoneBook({
      ...{ site, hashing, clock, entropy, log, logins: this.#logins, records: jsonRecords(folder) },
      tookAway: () => this.#follower?.hurry(),
    });
    this.#bridge =
      link?.broker === undefined
        ? undefined
        : new SiteBridge({
            ...{ site, url: link.broker, secret: link.secret, ca: link.ca, clock, entropy, log },
            asked: options.asked,
            retains: () => this.phones.access?.retain === true,
            onLink: (isUp) => options.onLink?.(isUp),
          });
  }

  /** For the local broker, so that an unknown client's password takes as long as a known one's. */
  get checkOfNobody(): (password: Uint8Array) => Promise<boolean> {
    return this.#logins.checkNobody;
  }

  /** The household's CA; there after `start`. */
  get authority(): SiteAuthority {
    if (this.#authority === undefined) throw new Error("The household's CA was asked for before the start.");
    return this.#authority;
  }

  get isBridged(): boolean {
    return this.#bridge?.isUp === true;
  }

  counters(): Readonly<Record<string, number>> {
    return { ...this.#bridge?.counters(), waiting: this.#bridge?.waiting ?? 0 };
  }

  /** What was said on the local broker, by the gateway too. */
  said(topic: string, payload: Uint8Array, isRetained: boolean): void {
    this.#bridge?.said(topic, payload, isRetained);
  }

  /** Where home is has changed: the manager, and with it who is invited, hears of it soon. */
  homeChanged(): void {
    this.#follower?.hurry();
  }

  async start(): Promise<void> {
    const { site, title, folder, link, clock, entropy, log, home } = this.#options;
    const records = jsonRecords(folder);
    const authority = await SiteAuthority.open({ records, title, clock, entropy });
    this.#authority = authority;
    await this.phones.load();
    this.#control = new ControlSocket({
      ...{ path: join(folder, "control.sock"), log },
      answer: (method, path, body) =>
        phoneControl({ site, phones: this.phones, home, ca: authority.fingerprint }, method, path, body),
    });
    await this.#control.start();
    if (link === undefined) return;
    this.#follower = new SiteFollower({
      ...{ link, clock, entropy, log },
      report: () => ({
        revision: this.phones.access?.revision ?? 0,
        home: home().slice(0, 4),
        ca: authority.fingerprint,
        ...(this.phones.removed.length > 0 && { removed: this.phones.removed }),
      }),
      replace: (access) => this.phones.replace(access),
    });
    this.#follower.start();
    this.#bridge?.start();
  }

  async stop(): Promise<void> {
    this.#bridge?.stop();
    await this.#follower?.stop();
    await this.#control?.stop();
  }
}
