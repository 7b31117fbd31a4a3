import type { Clock, Timer } from "../../kernel/clock.ts";
import type { CredentialRecord } from "../domain/node-credential.ts";
import type { CertificateAuthority } from "../ports/certificate-authority.ts";
import type { SnapshotFile } from "../ports/snapshot-file.ts";
import type { Storage } from "../ports/storage.ts";
import type {
  CertificatePage,
  Certificates,
  CertificateView,
  IssueServerOutcome,
  RevocationListText,
} from "./api/certificates.ts";
import type { Actor } from "./api/registry.ts";
import { appTimes } from "./app-limits.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { CertificateFacts, RevokedCertificates } from "./revoked-certificates.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface CertificateServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly revoked: RevokedCertificates;
  /** Undefined: there is no CA here. */
  readonly authority: CertificateAuthority | undefined;
  /** Where brokers and proxies on this machine read the list, PEM; undefined: it is in no file. */
  readonly file: SnapshotFile | undefined;
  /** Certificates of servers. */
  readonly capacity: number;
}

interface ServerRecord extends CertificateFacts {
  readonly hosts: readonly string[];
  readonly state: "issued" | "revoked";
  readonly issuedAtMs: number;
  readonly issuedBy: string;
  readonly revokedAtMs?: number;
}

const table = "server-certificate";
const nodeTable = "node-credential";
const listTable = "revocation-list";
const listKey = "number";
const subject = "authority";
const maxHosts = 16;
const maxPage = 1000;
/** A name or an IP address; a wildcard stands for one label. */
const hostShape = /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$|^[0-9a-fA-F:]{2,39}$/;

/** Makes and revokes certificates of servers, lists all, and keeps the revocation list. */
export class CertificateService implements Certificates {
  readonly #options: CertificateServiceOptions;
  #servers = 0;
  #list: RevocationListText | undefined;
  #madeAtMs = 0;
  /** Something was revoked since the list was made. */
  #gathering: Timer | undefined;
  #renewal: Timer | undefined;
  #isStopped: boolean = false;

  constructor(options: CertificateServiceOptions) {
    this.#options = options;
    options.revoked.onChange(() => this.#soon(appTimes.revocationListMs));
  }

  async load(): Promise<void> {
    await this.#options.revoked.load();
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      this.#servers += page.length;
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  start(): void {
    if (this.#options.file !== undefined) this.#soon(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#gathering?.cancel();
    this.#renewal?.cancel();
  }

  authority(): ReturnType<Certificates["authority"]> {
    return this.#options.authority?.describe();
  }

  issue(plan: Parameters<Certificates["issue"]>[0], by: Actor): Promise<IssueServerOutcome> {
    return this.#options.serial.run(subject, () => this.#issue(plan.hosts, plan.request, by, "certificate-issued"));
  }

  renew(serial: string, request: string | undefined, by: Actor): Promise<IssueServerOutcome> {
    return this.#options.serial.run(subject, async () => {
      const known = (await this.#options.storage.get(table, serial))?.value as ServerRecord | undefined;
      if (known === undefined) return { kind: "unknown-certificate" };
      return await this.#issue(known.hosts, request, by, "certificate-renewed", serial);
    });
  }

  revoke(serial: string, by: Actor): ReturnType<Certificates["revoke"]> {
    const { serial: queue, storage, writer, audit, clock, revoked } = this.#options;
    return queue.run(subject, async () => {
      const stored = await storage.get(table, serial);
      if (stored === undefined) {
        const node = await this.#nodeOf(serial);
        return node === undefined ? "unknown-certificate" : { kind: "of-a-node", node };
      }
      const record = stored.value as ServerRecord;
      if (record.state === "revoked") return "revoked";
      const atMs = clock.wallMs();
      const { hosts } = record;
      await writer.commit(subject, [
        {
          kind: "put",
          table,
          key: serial,
          expectedRevision: stored.revision,
          value: { ...record, state: "revoked", revokedAtMs: atMs },
        },
        revoked.change(record, atMs),
        audit.change({
          what: "certificate-revoked",
          actor: by,
          subject: `certificate/${serial}`,
          before: { hosts, state: record.state },
          after: { state: "revoked" },
        }),
      ]);
      revoked.add(record, atMs);
      return "revoked";
    });
  }

  async list({ after = "", limit = 100 }: Parameters<Certificates["list"]>[0] = {}): Promise<CertificatePage> {
    const count = Math.min(limit, maxPage);
    const certificates: CertificateView[] = [];
    const isInNodes = after.startsWith("n/");
    if (!isInNodes) {
      const rows = await this.#options.storage.list(table, { after: after.replace(/^s\//, ""), limit: count });
      certificates.push(...rows.map(({ value }): CertificateView => ({ role: "server", ...(value as ServerRecord) })));
      if (certificates.length === count) return { certificates, next: `s/${rows.at(-1)?.key}` };
    }
    for (let key = isInNodes ? after.slice(2) : ""; ; ) {
      const page = await this.#options.storage.list(nodeTable, { after: key });
      for (const row of page) {
        key = row.key;
        const view = nodeCertificate(row.key, row.value as CredentialRecord);
        if (view !== undefined && certificates.push(view) === count) return { certificates, next: `n/${key}` };
      }
      if (page.length < maxPage) return { certificates };
    }
  }

  async revocations(): Promise<RevocationListText | undefined> {
    if (this.#options.authority === undefined) return undefined;
    const isOld = this.#options.clock.wallMs() - this.#madeAtMs > appTimes.revocationListRenewMs;
    if (this.#list === undefined || isOld || this.#gathering !== undefined) await this.#make();
    return this.#list;
  }

  async #issue(
    hosts: readonly string[],
    request: string | undefined,
    by: Actor,
    what: string,
    renewed?: string,
  ): Promise<IssueServerOutcome> {
    const { authority, writer, audit, clock, capacity } = this.#options;
    if (authority === undefined) return { kind: "no-authority" };
    if (this.#servers >= capacity) return { kind: "full" };
    const wrong = hosts.length === 0 || hosts.length > maxHosts ? "" : hosts.find((each) => !hostShape.test(each));
    if (wrong !== undefined) return { kind: "bad-host", host: wrong };
    const issued = authority.serve(hosts, request);
    const { serial, fingerprint, validUntilMs } = issued;
    const value: ServerRecord = {
      ...{ serial, fingerprint, validUntilMs, hosts, state: "issued" },
      issuedAtMs: clock.wallMs(),
      issuedBy: by.id,
    };
    await writer.commit(subject, [
      { kind: "put", table, key: serial, expectedRevision: 0, value },
      audit.change({
        what,
        actor: by,
        subject: `certificate/${serial}`,
        ...(renewed !== undefined && { before: { serial: renewed } }),
        after: { hosts, fingerprint, validUntilMs },
      }),
    ]);
    this.#servers++;
    return { kind: "issued", issued, hosts };
  }

  /** Whose certificate it is, among nodes; its kid stands in the serial number, without its leading zeros. */
  async #nodeOf(serial: string): Promise<string | undefined> {
    for (let after: string | undefined; ; ) {
      const { certificates, next } = await this.list({ after: after ?? "n/", limit: maxPage });
      const found = certificates.find((each) => each.serial === serial);
      if (found?.node !== undefined || next === undefined) return found?.node;
      after = next;
    }
  }

  #soon(delayMs: number): void {
    const { clock, writer } = this.#options;
    if (this.#isStopped) return;
    this.#gathering ??= clock.after(delayMs, () => writer.behind("revocation-list", this.#make()));
  }

  /** One list for all that was revoked since the last one. Its number is durable before it is told, so that none is told twice. */
  async #make(): Promise<void> {
    const { authority, storage, writer, clock, revoked, file, serial } = this.#options;
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (authority === undefined) return;
    await serial.run(`${subject}/list`, async () => {
      const stored = await storage.get(listTable, listKey);
      const number = ((stored?.value as { number: number } | undefined)?.number ?? 0) + 1;
      await writer.commit(subject, [
        { kind: "put", table: listTable, key: listKey, expectedRevision: "any", value: { number } },
      ]);
      const nowMs = clock.wallMs();
      this.#list = authority.revocations({
        ...{ number, revoked: revoked.list(nowMs) },
        nextAtMs: nowMs + appTimes.revocationListMaxMs,
      });
      this.#madeAtMs = nowMs;
      await file?.write(new TextEncoder().encode(this.#list.pem));
    });
    // Before it is too old, also when nobody is revoked.
    this.#renewal?.cancel();
    // A list that was being made when the manager stopped must not keep its process alive.
    if (file !== undefined && !this.#isStopped)
      this.#renewal = clock.after(appTimes.revocationListRenewMs, () => this.#soon(0));
  }
}

function nodeCertificate(key: string, record: CredentialRecord): CertificateView | undefined {
  if (record.certificate === undefined) return undefined;
  const { state, issuedAtMs, issuedBy, revokedAtMs, certificate } = record;
  return {
    ...certificate,
    ...{ role: "node", node: key.slice(0, key.lastIndexOf("/")), state, issuedAtMs, issuedBy },
    ...(revokedAtMs !== undefined && { revokedAtMs }),
  };
}
