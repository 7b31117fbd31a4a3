import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { defineFaults } from "../../kernel/fault.ts";
import type { Log } from "../../kernel/log.ts";
import type { SiteAccess } from "../../schemas/generated/types.ts";
import { toBase64Url } from "../../schemas/wire/base64url.ts";
import { admit } from "../../schemas/wire/codec.ts";
import { newPhoneId, phoneIdLength, phoneUser } from "../../schemas/wire/site-users.ts";
import type { HouseLogin, HouseLogins } from "../ports/house-logins.ts";
import type { PasswordHashing } from "../ports/password-hashing.ts";

export const phoneBookFaults = defineFaults({
  "gateway.phones-unreadable": {
    fault: "environment",
    message:
      "The list of phones in the gateway's data folder can't be read ({reason}). Put it back from a backup, or take phones.json away and invite the phones anew.",
  },
});

export interface PhoneBookOptions {
  readonly site: string;
  readonly records: { load(name: string): Promise<unknown>; store(name: string, value: unknown): Promise<void> };
  readonly logins: HouseLogins;
  readonly hashing: PasswordHashing;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** A phone was taken away here: the manager should know. */
  tookAway?(): void;
}

/** As the file `phones` has it. */
interface PhoneFile {
  readonly version: 1;
  readonly site: string;
  /** What the manager said last: its phones among them. */
  readonly access?: SiteAccess;
  /** Invited here. */
  readonly own: readonly OwnPhone[];
  /** The manager's phones that were taken away here, as long as it still lists them. */
  readonly removed: readonly string[];
}

interface OwnPhone {
  readonly phone: string;
  readonly name: string;
  readonly hash: string;
  readonly addedAtMs: number;
}

export interface PhoneEntry {
  readonly phone: string;
  readonly name: string;
  /** Where it was invited: one that was invited here has no account at the server. */
  readonly from: "here" | "manager";
}

export interface AddedPhone extends PhoneEntry {
  /** Told this once. */
  readonly password: string;
}

const record = "phones";
const mostPhones = 64;
const passwordBytes = 16;

/**
 * Whose phones may come in at the local broker: those that were invited at the manager, as it said last, and those that were invited here. What is said here counts
 * although the manager can't be reached; who is taken away is off before anything is written.
 */
export class PhoneBook {
  readonly #options: PhoneBookOptions;
  #file: PhoneFile;
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: PhoneBookOptions) {
    this.#options = options;
    this.#file = { version: 1, site: options.site, own: [], removed: [] };
  }

  /** Rejects with a Fault when there is a list that can't be read: nobody is let in by guessing. */
  async load(): Promise<void> {
    const { records, logins, site } = this.#options;
    let stored: unknown;
    try {
      stored = await records.load(record);
    } catch (error) {
      throw phoneBookFaults("gateway.phones-unreadable", { reason: String(error) }, error);
    }
    const file = stored === undefined ? this.#file : read(stored);
    // A gateway that was given to another household keeps nobody of the one before.
    if (file.site === site) this.#file = file;
    logins.set(this.#logins(this.#file));
  }

  /** What the manager said last of the site; undefined: nothing yet. */
  get access(): SiteAccess | undefined {
    return this.#file.access;
  }

  /** For the manager: phones of its list that were taken away here. */
  get removed(): readonly string[] {
    return this.#file.removed;
  }

  list(): readonly PhoneEntry[] {
    const { access, own, removed } = this.#file;
    const managers = (access?.phones ?? []).filter(({ phone }) => !removed.includes(phone));
    return [
      ...managers.map(({ phone, name }) => ({ phone: String(phone), name, from: "manager" as const })),
      ...own.map(({ phone, name }) => ({ phone, name, from: "here" as const })),
    ];
  }

  /** Durable when it resolves. The password is told this once. */
  add(name: string): Promise<AddedPhone | "name-taken" | "full"> {
    const { hashing, entropy, clock, logins, site } = this.#options;
    return this.#next(async () => {
      const phones = this.list();
      if (phones.some((each) => each.name === name)) return "name-taken";
      if (phones.length >= mostPhones) return "full";
      const phone = newPhoneId(entropy.bytes(phoneIdLength));
      const password = toBase64Url(entropy.bytes(passwordBytes));
      const hash = await hashing.hash(password);
      const file = { ...this.#file, own: [...this.#file.own, { phone, name, hash, addedAtMs: clock.wallMs() }] };
      await this.#write(file);
      logins.set([{ user: phoneUser(site, phone), hash }]);
      return { phone, name, from: "here", password };
    });
  }

  /** Off before it is written; durable when it resolves. `phone`: its id or its name. */
  remove(phone: string): Promise<PhoneEntry | "unknown-phone"> {
    const { logins, site } = this.#options;
    return this.#next(async () => {
      const phones = this.list();
      const found = phones.find((each) => each.phone === phone) ?? phones.find((each) => each.name === phone);
      if (found === undefined) return "unknown-phone";
      await logins.remove([phoneUser(site, found.phone)]);
      const { own, removed } = this.#file;
      const isOwn = found.from === "here";
      await this.#write({
        ...this.#file,
        own: own.filter((each) => each.phone !== found.phone),
        removed: isOwn ? removed : [...removed, found.phone],
      });
      if (!isOwn) this.#options.tookAway?.();
      return found;
    });
  }

  /** What the manager says now. Who isn't in it any more is off before it is written. */
  replace(access: SiteAccess): Promise<void> {
    const { logins, site, log } = this.#options;
    return this.#next(async () => {
      const listed = new Set(access.phones.map(({ phone }) => String(phone)));
      const before = this.#file;
      const gone = (before.access?.phones ?? []).filter(({ phone }) => !listed.has(phone)).map(({ phone }) => phone);
      await logins.remove(gone.map((phone) => phoneUser(site, phone)));
      const file = { ...before, access, removed: before.removed.filter((phone) => listed.has(phone)) };
      // Those who are new come in at once, too; should the disk fail they do until the next start.
      logins.set(this.#logins(file));
      await this.#write(file);
      log.info("phones-of-manager", { phones: listed.size, gone: gone.length, revision: access.revision });
    });
  }

  #logins({ access, own, removed }: PhoneFile): HouseLogin[] {
    const { site } = this.#options;
    const managers = (access?.phones ?? []).filter(({ phone }) => !removed.includes(phone));
    return [...managers, ...own].map(({ phone, hash }) => ({ user: phoneUser(site, phone), hash }));
  }

  async #write(file: PhoneFile): Promise<void> {
    // In memory first: who was taken away isn't let in again because the disk is full.
    const before = this.#file;
    this.#file = file;
    try {
      await this.#options.records.store(record, file);
    } catch (error) {
      const isMore = file.own.length > before.own.length;
      if (isMore) this.#file = before;
      throw error;
    }
  }

  /** One change after the other. */
  #next<T>(work: () => Promise<T>): Promise<T> {
    const own = this.#work.then(work);
    this.#work = own.catch(() => undefined);
    return own;
  }
}

function read(stored: unknown): PhoneFile {
  const fail = (reason: string): never => {
    throw phoneBookFaults("gateway.phones-unreadable", { reason });
  };
  if (typeof stored !== "object" || stored === null) return fail("it is no object");
  const { version, site, access, own, removed } = stored as Readonly<Record<string, unknown>>;
  if (version !== 1 || typeof site !== "string" || !Array.isArray(own) || !Array.isArray(removed)) {
    return fail("it is of another version");
  }
  const isPhone = (each: unknown): each is OwnPhone => {
    const { phone, name, hash } = (each ?? {}) as Partial<Record<string, unknown>>;
    return [phone, name, hash].every((text) => typeof text === "string");
  };
  if (!own.every(isPhone) || !removed.every((each) => typeof each === "string")) return fail("a phone in it is none");
  if (access === undefined) return { version, site, own, removed };
  const admitted = admit("site-access", access);
  if (!admitted.ok) return fail(`${admitted.fault.path} ${admitted.fault.rule}`);
  return { version, site, access: admitted.value, own, removed };
}
