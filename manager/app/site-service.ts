import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { SiteReport } from "../../schemas/generated/types.ts";
import { toBase64Url } from "../../schemas/wire/base64url.ts";
import { isSiteId } from "../../schemas/wire/site-topics.ts";
import { gatewayUser, newPhoneId, phoneIdLength, phoneUser } from "../../schemas/wire/site-users.ts";
import { type MosquittoFile, mosquittoAccess } from "../domain/mosquitto-access.ts";
import { type PhoneRecord, phonesOfSite, type ServerLogin, type SiteRecord } from "../domain/site.ts";
import type { Broker, SiteAccount } from "../ports/broker.ts";
import type { MosquittoSecretOf } from "../ports/mosquitto-secrets.ts";
import type { OperatorSecrets } from "../ports/operator-secrets.ts";
import type { Storage } from "../ports/storage.ts";
import type { Audited } from "./api/audit.ts";
import type { Actor } from "./api/registry.ts";
import type {
  FollowFrom,
  FollowOutcome,
  InviteOutcome,
  LinkOutcome,
  PhoneView,
  Sites,
  SiteView,
  SiteWish,
} from "./api/sites.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import { SiteFollowers } from "./site-followers.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface SiteServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly broker: Broker;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly secrets: Pick<OperatorSecrets, "hash">;
  readonly mosquittoSecret: MosquittoSecretOf;
  readonly limits: { readonly sites: number };
}

const table = "site";
/** 128 and 256 bits: an invitation has to fit a QR code, a link is a file. */
const phoneSecretBytes = 16;
const linkSecretBytes = 32;
/** What a gateway says of its home is written down so often at most. */
const reportEveryMs = 10_000;

/** Households, all in memory beside storage. */
export class SiteService implements Sites {
  readonly #options: SiteServiceOptions;
  readonly #sites = new Map<string, SiteRecord>();
  readonly #heardAtMs = new Map<string, number>();
  readonly #reportedAtMs = new Map<string, number>();
  readonly #followers: SiteFollowers;

  constructor(options: SiteServiceOptions) {
    this.#options = options;
    this.#followers = new SiteFollowers(options.clock);
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) this.#sites.set(key, value as SiteRecord);
      const accounts = page.flatMap(({ key, value }) => accountsOf(key, value as SiteRecord));
      if (accounts.length > 0) await this.#options.broker.setSiteAccounts(accounts);
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  /** Whoever waits for news has it: there will be none. */
  stop(): void {
    this.#followers.stop();
  }

  list(): readonly SiteView[] {
    return [...this.#sites]
      .map(([site, record]) => this.#view(site, record))
      .sort((a, b) => (a.site < b.site ? -1 : 1));
  }

  find(site: string): SiteView | undefined {
    const record = this.#sites.get(site);
    return record && this.#view(site, record);
  }

  add(site: string, wish: SiteWish, by: Actor): Promise<SiteView | "exists" | "full"> {
    const { serial, clock, limits } = this.#options;
    if (!isSiteId(site)) throw new TypeError(`not a site id: ${site}`);
    return serial.run("sites", () =>
      serial.run(`site/${site}`, async () => {
        if (this.#sites.has(site)) return "exists";
        if (this.#sites.size >= limits.sites) return "full";
        const now = clock.wallMs();
        // A time, so that it is above what another site of this name had.
        const record: SiteRecord = { ...told(wish), createdAtMs: now, createdBy: by.id, revision: now, phones: [] };
        await this.#write(site, record, { what: "site-added", actor: by, after: told(wish) });
        return this.#view(site, record);
      }),
    );
  }

  change(site: string, wish: Partial<SiteWish>, by: Actor): Promise<SiteView | "unknown-site"> {
    return this.#options.serial.run(`site/${site}`, async () => {
      const before = this.#sites.get(site);
      if (before === undefined) return "unknown-site";
      const { gateway: _gateway, broker: _broker, ...rest } = before;
      const record = this.#changed(rest, told({ ...before, ...wish }));
      await this.#write(site, record, { what: "site-changed", actor: by, before: told(before), after: told(record) });
      await this.#options.broker.setSiteAccounts(accountsOf(site, record));
      if (before.retains && !record.retains) await this.#options.broker.forgetRetained(site);
      return this.#view(site, record);
    });
  }

  remove(site: string, by: Actor): Promise<"removed" | "unknown-site"> {
    const { serial, writer, audit, broker } = this.#options;
    return serial.run(`site/${site}`, async () => {
      const record = this.#sites.get(site);
      if (record === undefined) return "unknown-site";
      // The broker first: who is to be off it is, though storage fails.
      await broker.removeAccounts(accountsOf(site, record).map(({ user }) => user));
      await broker.forgetRetained(site);
      await writer.commit(site, [
        { kind: "delete", table, key: site, expectedRevision: "any" },
        audit.change({ what: "site-removed", actor: by, subject: `site/${site}`, before: told(record) }),
      ]);
      this.#sites.delete(site);
      this.#heardAtMs.delete(site);
      this.#reportedAtMs.delete(site);
      this.#followers.tell(site, { kind: "access", access: accessOf(site, this.#changed(record, { phones: [] })) });
      return "removed";
    });
  }

  invite(site: string, name: string, by: Actor): Promise<InviteOutcome> {
    const { serial, entropy, clock, broker, secrets } = this.#options;
    return serial.run(`site/${site}`, async () => {
      const before = this.#sites.get(site);
      if (before === undefined) return { kind: "unknown-site" };
      if (before.phones.some((each) => each.name === name)) return { kind: "name-taken" };
      if (before.phones.length >= phonesOfSite) return { kind: "full" };
      const phone = newPhoneId(entropy.bytes(phoneIdLength));
      const [serverPassword, homePassword] = [this.#secret(phoneSecretBytes), this.#secret(phoneSecretBytes)];
      const added: PhoneRecord = {
        ...{ phone, name, createdAtMs: clock.wallMs(), createdBy: by.id },
        server: this.#login(phoneUser(site, phone), serverPassword),
        homeHash: await secrets.hash(homePassword),
      };
      const record = this.#changed(before, { phones: [...before.phones, added] });
      await this.#write(site, record, { what: "phone-invited", actor: by, after: { phone, name } });
      await broker.setSiteAccounts(accountsOf(site, record));
      const { title, home, ca } = record;
      const invitation = { site, title, phone, name, serverPassword, home, homePassword, ca };
      return { kind: "invited", invitation, view: phoneView(added) };
    });
  }

  removePhone(site: string, phone: string, by: Actor): Promise<PhoneView | "unknown-site" | "unknown-phone"> {
    return this.#options.serial.run(`site/${site}`, async () => {
      const before = this.#sites.get(site);
      if (before === undefined) return "unknown-site";
      const found =
        before.phones.find((each) => each.phone === phone) ?? before.phones.find((each) => each.name === phone);
      if (found === undefined) return "unknown-phone";
      // The broker first: who is to be off it is, though storage fails.
      await this.#options.broker.removeAccounts([phoneUser(site, found.phone)]);
      const record = this.#changed(before, { phones: before.phones.filter((each) => each !== found) });
      const { name } = found;
      await this.#write(site, record, { what: "phone-removed", actor: by, before: { phone: found.phone, name } });
      return phoneView(found);
    });
  }

  link(site: string, by: Actor): Promise<LinkOutcome> {
    return this.#options.serial.run(`site/${site}`, async () => {
      const before = this.#sites.get(site);
      if (before === undefined) return { kind: "unknown-site" };
      const { broker, clock } = this.#options;
      const user = gatewayUser(site);
      const secret = this.#secret(linkSecretBytes);
      const record: SiteRecord = { ...before, link: { madeAtMs: clock.wallMs(), server: this.#login(user, secret) } };
      await this.#write(site, record, { what: "site-linked", actor: by });
      // Whoever came in by the old one is off.
      await broker.removeAccounts([user]);
      await broker.setSiteAccounts(accountsOf(site, record));
      const { title, timeZone } = record;
      return { kind: "linked", link: { site, title, timeZone, secret, broker: record.broker?.gateway } };
    });
  }

  async follow(site: string, secret: string, report: SiteReport, from: FollowFrom): Promise<FollowOutcome> {
    const record = this.#sites.get(site);
    const kept = this.#options.broker.secretOf(gatewayUser(site), secret);
    // Both are digests, so what can be learned from how long it takes is nothing that makes one.
    if (record?.link === undefined || record.link.server.kept !== toBase64(kept)) return { kind: "refused" };
    this.#heardAtMs.set(site, this.#options.clock.wallMs());
    await this.#note(site, report, from.address);
    const by: Actor = { kind: "node", id: record.gateway ?? gatewayUser(site), from: from.address };
    for (const phone of report.removed ?? []) await this.removePhone(site, phone, by);
    const now = this.#sites.get(site);
    if (now === undefined) return { kind: "refused" };
    if (now.revision !== report.revision) return { kind: "access", access: accessOf(site, now) };
    return await this.#followers.wait(site, (report.waitSeconds ?? 0) * 1000, from.signal);
  }

  mosquitto(): MosquittoFile {
    return mosquittoAccess(this.#sites);
  }

  /** Where the gateway is at home, and its CA: what goes into invitations. */
  async #note(site: string, { home, ca }: SiteReport, from: string | undefined): Promise<void> {
    const { serial, clock } = this.#options;
    const isNews = ({ home: known = [], ca: knownCa }: SiteRecord): boolean =>
      (home !== undefined && home.join() !== known.join()) || (ca !== undefined && ca !== knownCa);
    const nowMs = clock.monotonicMs();
    const lastMs = this.#reportedAtMs.get(site) ?? Number.NEGATIVE_INFINITY;
    const known = this.#sites.get(site);
    if (known === undefined || !isNews(known) || nowMs - lastMs < reportEveryMs) return;
    this.#reportedAtMs.set(site, nowMs);
    await serial.run(`site/${site}`, async () => {
      const before = this.#sites.get(site);
      if (before === undefined || !isNews(before)) return;
      const record: SiteRecord = { ...before, ...(home && { home }), ...(ca && { ca }) };
      const actor: Actor = { kind: "node", id: record.gateway ?? gatewayUser(site), from };
      const of = (each: SiteRecord): object => ({ home: each.home ?? [], ca: each.ca ?? "" });
      await this.#write(site, record, { what: "site-home-told", actor, before: of(before), after: of(record) });
    });
  }

  /** Its gateway is told of the change. */
  #changed(before: SiteRecord, change: Partial<SiteRecord>): SiteRecord {
    return { ...before, ...change, revision: before.revision + 1 };
  }

  async #write(site: string, record: SiteRecord, entry: Omit<Audited, "subject">): Promise<void> {
    const { writer, audit } = this.#options;
    await writer.commit(site, [
      { kind: "put", table, key: site, expectedRevision: "any", value: record },
      audit.change({ ...entry, subject: `site/${site}` }),
    ]);
    const before = this.#sites.get(site);
    this.#sites.set(site, record);
    if (before?.revision !== record.revision) {
      this.#followers.tell(site, { kind: "access", access: accessOf(site, record) });
    }
  }

  #secret(bytes: number): string {
    return toBase64Url(this.#options.entropy.bytes(bytes));
  }

  #login(user: string, password: string): ServerLogin {
    const { broker, mosquittoSecret } = this.#options;
    return { kept: toBase64(broker.secretOf(user, password)), mosquitto: mosquittoSecret(password) };
  }

  #view(site: string, record: SiteRecord): SiteView {
    const { createdAtMs, createdBy, phones, link, home = [], ca } = record;
    const heardAtMs = this.#heardAtMs.get(site);
    return {
      ...{ site, ...told(record), createdAtMs, createdBy, phones: phones.map(phoneView), home },
      ...(link && { linkedAtMs: link.madeAtMs }),
      ...(heardAtMs !== undefined && { heardAtMs }),
      ...(ca !== undefined && { ca }),
    };
  }
}

type Facts = Pick<SiteRecord, "title" | "timeZone" | "gateway" | "retains" | "broker">;

/** What an operator says of a site; nothing of it is a secret. */
function told({ title, timeZone, gateway, retains, broker }: SiteWish): Facts {
  return { title, timeZone, retains, ...(gateway && { gateway }), ...(broker && { broker }) };
}

function phoneView({ phone, name, createdAtMs, createdBy }: PhoneRecord): PhoneView {
  return { phone, name, createdAtMs, createdBy };
}

function accountsOf(site: string, { phones, link, retains }: SiteRecord): SiteAccount[] {
  const account = (user: string, { kept }: ServerLogin, kind: SiteAccount["kind"]): SiteAccount => {
    return { user, secret: fromBase64(kept), site, kind, retains: kind === "gateway" && retains };
  };
  return [
    ...phones.map(({ phone, server }) => account(phoneUser(site, phone), server, "phone")),
    ...(link === undefined ? [] : [account(gatewayUser(site), link.server, "gateway")]),
  ];
}

type Access = Extract<FollowOutcome, { kind: "access" }>["access"];

function accessOf(site: string, { title, timeZone, revision, retains, phones }: SiteRecord): Access {
  const list = phones.map(({ phone, name, homeHash }) => ({ phone, name, hash: homeHash }));
  return { site, title, timeZone, revision, retain: retains, phones: list };
}
