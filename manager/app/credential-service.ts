import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import type { Log } from "../../kernel/log.ts";
import {
  type CredentialRecord,
  type CredentialScheme,
  credentialKey,
  parseCredentialKey,
  parsePskIdentity,
  pskIdentity,
  secretBytes,
  secretsFrom,
} from "../domain/node-credential.ts";
import type { CertificateAuthority } from "../ports/certificate-authority.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type {
  CredentialCounters,
  Credentials,
  CredentialView,
  IssueOutcome,
  Keyring,
  KeyringEntry,
  RotateRefusal,
} from "./api/credentials.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { type CredentialRow, CredentialTable } from "./credential-table.ts";
import { IssueGate } from "./issue-gate.ts";
import { keyFileFaults } from "./key-file-faults.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { NodeTimeline } from "./node-timeline.ts";
import type { RevokedCertificates } from "./revoked-certificates.ts";
import { SenderSequences } from "./sender-sequences.ts";
import type { StorageWriter } from "./storage-writer.ts";
import { credentialTable, StoredCredentials } from "./stored-credentials.ts";

export interface CredentialServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly timeline: NodeTimeline;
  readonly audit: AuditTrail;
  readonly box: SecretBox;
  /** Makes certificates; undefined: the CA is somebody else's, and nodes bring theirs. */
  readonly authority: CertificateAuthority | undefined;
  readonly revokedCertificates: RevokedCertificates;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Nodes with credentials. */
  readonly capacity: number;
  /** Revoked credentials of a node that are remembered. */
  readonly history: number;
  readonly issuesAtOnce: number;
  readonly waitingIssues: number;
  /** Ends every claim code that is good for the node, and a batch's leave for it; resolves with how many there were. */
  closeEnrolments(node: string, by: Actor): Promise<number>;
  /** The node can't prove any more who it is: its account at the broker and what is observed on it go. */
  revoked(node: string): Promise<void>;
  /** What takes the node's account at the broker out of storage, in the commit that revokes: a crash leaves neither of them. */
  accountRemoval(node: string): readonly Change[];
  /** Who has the old keys knows the password at the broker too: the node gets another one. Durable when it resolves. */
  rotated(node: string): Promise<void>;
  otherIdentities(): number;
}

type AlsoStored = (kid: number) => readonly Change[];

/** Issues, keeps and revokes the keys of nodes. Secrets are in storage and in memory only sealed; nothing of them is logged. */
export class CredentialService implements Credentials, Keyring {
  readonly #options: CredentialServiceOptions;
  readonly #table: CredentialTable;
  readonly #sequences: SenderSequences;
  readonly #stored: StoredCredentials;
  readonly #gate: IssueGate;
  /** Keys that are being revoked by a commit under way: using them counts no more. */
  readonly #doomed = new Set<number>();
  readonly #listeners = new Set<(kid: number, node: string, wasUsed: boolean) => void>();

  constructor(options: CredentialServiceOptions) {
    this.#options = options;
    this.#table = new CredentialTable({
      capacity: options.capacity,
      sealedBytes: secretBytes + options.box.overhead,
      hashSeed: options.entropy.uint32(),
    });
    this.#sequences = new SenderSequences(options);
    this.#stored = new StoredCredentials({ ...options, sequences: this.#sequences });
    const { entropy, issuesAtOnce: atOnce, waitingIssues: maxWaiting } = options;
    this.#gate = new IssueGate({ table: this.#table, entropy, atOnce, maxWaiting });
  }

  get keyring(): Keyring {
    return this;
  }

  async load(): Promise<void> {
    const { storage, box, log } = this.#options;
    for (let after = ""; ; ) {
      const page = await storage.list(credentialTable, { after });
      for (const { key, value } of page) {
        const record = value as CredentialRecord;
        const { scheme, state } = record;
        const parsed = parseCredentialKey(key);
        if (parsed === undefined || state === "revoked") continue;
        const sealed = record.sealed === undefined ? undefined : fromBase64(record.sealed);
        if (sealed === undefined && scheme !== "x509") continue;
        if (sealed !== undefined && !box.isOurs(sealed))
          throw keyFileFaults("credentials.other-key-file", { whom: "nodes" });
        const row = this.#table.add(parsed.node, parsed.kid, {
          ...{ scheme, sealed, isFresh: false },
          place: state === "active" ? "active" : "issued",
        });
        if (row === -1) log.warn("credentials-full", { node: parsed.node });
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  issue(
    node: string,
    by: Actor,
    scheme: CredentialScheme = "oscore",
    request?: string,
    also: AlsoStored = () => [],
  ): Promise<IssueOutcome> {
    return this.#options.serial.run(`credential/${node}`, () => this.#issue(node, by, scheme, request, also));
  }

  rotate(node: string, by: Actor, scheme?: CredentialScheme, request?: string): Promise<IssueOutcome | RotateRefusal> {
    return this.#options.serial.run(`credential/${node}`, async () => {
      const current = this.schemeOf(node);
      return current === undefined ? { kind: "none" } : await this.#issue(node, by, scheme ?? current, request);
    });
  }

  async #issue(
    node: string,
    by: Actor,
    scheme: CredentialScheme,
    request?: string,
    also: AlsoStored = () => [],
  ): Promise<IssueOutcome> {
    const issued = await this.#gate.run(node, (kid) => this.#issueAs(kid, node, by, scheme, request, also));
    return issued ?? { kind: "full" };
  }

  async #issueAs(
    kid: number,
    node: string,
    by: Actor,
    scheme: CredentialScheme,
    request: string | undefined,
    also: AlsoStored,
  ): Promise<IssueOutcome> {
    const { writer, timeline, audit, box, entropy, clock, authority } = this.#options;
    const key = credentialKey(node, kid);
    const bytes = entropy.bytes(secretBytes);
    const sealed = scheme === "x509" ? undefined : box.seal(bytes, key);
    const active = this.#table.of(node, "active");
    const isSecond = scheme === "psk" && active !== -1 && this.#table.scheme(active) === "psk";
    const identity = scheme === "psk" ? { identity: pskIdentity(node, kid, isSecond) } : {};
    const made = scheme === "x509" ? authority?.certify(node, kid, request) : undefined;
    const certificate = scheme === "x509" ? { certificate: made } : {};
    const value: CredentialRecord = {
      scheme,
      state: active === -1 ? "issued" : "on-trial",
      ...(sealed === undefined ? {} : { sealed: toBase64(sealed) }),
      ...(made && {
        certificate: { serial: made.serial, fingerprint: made.fingerprint, validUntilMs: made.validUntilMs },
      }),
      issuedAtMs: clock.wallMs(),
      issuedBy: by.id,
    };
    const row = this.#table.of(node, "issued");
    const unused = row === -1 ? undefined : this.#table.kid(row);
    const used = active === -1 ? undefined : this.#table.kid(active);
    const results = await this.#dooming(
      unused,
      async () =>
        await writer.commit(node, [
          { kind: "put", table: credentialTable, key, expectedRevision: 0, value },
          ...(unused === undefined ? [] : await this.#stored.revocation(node, unused, "replaced")),
          // When its first use couldn't be written, it would be taken for an older one on trial after a restart.
          ...(used === undefined ? [] : await this.#activation(node, used)),
          ...(await this.#stored.outdated(node)),
          timeline.change(node, "credential-issued", { by: by.id }),
          audit.change({
            what: "credential-issued",
            actor: by,
            subject: `node/${node}`,
            after: { scheme: value.scheme, kid: kid.toString(16), state: value.state },
          }),
          ...also(kid),
        ]),
    );
    if (results[0]?.kind !== "written") throw new Error(`The credential ${key} is in storage already.`);
    if (unused !== undefined) this.#drop(unused);
    this.#table.add(node, kid, { scheme, sealed, place: "issued", isFresh: true });
    return { kind: "issued", node, kid, secrets: secretsFrom(scheme, bytes), ...identity, ...certificate };
  }

  /**
   * Runs a commit that revokes a key which wasn't used yet. A first use in the meantime would end the one before it, and the node were left
   * with none.
   */
  async #dooming<T>(kid: number | undefined, commit: () => Promise<T>): Promise<T> {
    if (kid === undefined) return await commit();
    this.#doomed.add(kid);
    try {
      return await commit();
    } finally {
      this.#doomed.delete(kid);
    }
  }

  async revoke(node: string, by: Actor): Promise<"revoked" | "none"> {
    // In this turn both: what the node asks from now on waits for its revocation.
    const [outcome, closed] = await Promise.all([this.#revoke(node, by), this.#options.closeEnrolments(node, by)]);
    if (closed === 0) return outcome;
    // Who was enrolling had to wait for the first revocation, and could have its credentials after it.
    await this.#revoke(node, by);
    return "revoked";
  }

  revokeIssued(node: string, by: Actor): Promise<"revoked" | "none"> {
    return this.#revoke(node, by);
  }

  #revoke(node: string, by: Actor): Promise<"revoked" | "none"> {
    const { serial, writer, timeline, audit } = this.#options;
    return serial.run(`credential/${node}`, async () => {
      const rows = this.#rowsOf(node);
      if (rows.length === 0) return "none";
      const kids = rows.map((row) => this.#table.kid(row));
      const unused = rows.length > 1 ? "on-trial" : "issued";
      const states = rows.map((row) => (this.#table.isActive(row) ? "active" : unused));
      const changes = (await Promise.all(kids.map((each) => this.#stored.revocation(node, each, by.id)))).flat();
      await writer.commit(node, [
        ...changes,
        ...this.#options.accountRemoval(node),
        timeline.change(node, "credential-revoked", { by: by.id }),
        ...kids.map((kid, at) =>
          audit.change({
            what: "credential-revoked",
            actor: by,
            subject: `node/${node}`,
            before: { kid: kid.toString(16), state: states[at] },
            after: { state: "revoked" },
          }),
        ),
      ]);
      for (const kid of kids) this.#drop(kid);
      await this.#options.revoked(node);
      return "revoked";
    });
  }

  list(node: string): Promise<readonly CredentialView[]> {
    return this.#stored.list(node);
  }

  has(node: string): boolean {
    return this.#rowsOf(node).length > 0;
  }

  find(kid: number): KeyringEntry | undefined {
    const row = this.#table.find(kid);
    return row === -1 ? undefined : this.#opened(row);
  }

  of(node: string): KeyringEntry | undefined {
    const row = this.#table.of(node, "active");
    return row === -1 ? undefined : this.#opened(row);
  }

  ofPsk(identity: string): KeyringEntry | undefined {
    const named = parsePskIdentity(identity);
    const row = "kid" in named ? this.#table.find(named.kid) : this.#rowOf(named.node, "psk");
    return row === -1 || this.#table.scheme(row) !== "psk" ? undefined : this.#opened(row);
  }

  ofCertificate(node: string): KeyringEntry | undefined {
    const row = this.#rowOf(node, "x509");
    return row === -1 ? undefined : this.#opened(row);
  }

  /** What the node proved itself with last; undefined: nothing. */
  schemeOf(node: string): CredentialScheme | undefined {
    const row = this.#table.of(node, "active");
    return row === -1 ? undefined : this.#table.scheme(row);
  }

  used(kid: number): boolean {
    const row = this.#table.find(kid);
    if (row === -1 || this.#doomed.has(kid)) return false;
    if (this.#table.isActive(row)) return true;
    const node = this.#table.node(row);
    const before = this.#table.of(node, "active");
    const older = before === -1 ? undefined : this.#table.kid(before);
    this.#table.activate(row);
    // At once: when a crash comes before it is written, the next use of the new one says it again.
    if (older !== undefined) this.#drop(older);
    this.#options.writer.behind("credential-used", this.#activated(node, kid, older));
    return true;
  }

  lease(kid: number, count: number): Promise<number | undefined> {
    const row = this.#table.find(kid);
    if (row === -1) return Promise.resolve(undefined);
    return this.#sequences.lease(this.#table.node(row), kid, count, this.#table.isFresh(row));
  }

  onRevoked(listener: (kid: number, node: string, wasUsed: boolean) => void): void {
    this.#listeners.add(listener);
  }

  counters(): CredentialCounters {
    const active = this.#table.active();
    return {
      issued: this.#table.size - active,
      active,
      leases: this.#sequences.leases,
      otherIdentities: this.#options.otherIdentities(),
    };
  }

  /** The node was removed: nothing of its keys is kept but what the audit says. */
  async forget(node: string, by: Actor): Promise<void> {
    await this.revoke(node, by);
    for (const changes of await this.#stored.removals(node)) await this.#options.writer.commit(node, changes);
  }

  async #activated(node: string, kid: number, older: number | undefined): Promise<void> {
    const { serial, writer, timeline } = this.#options;
    await serial.run(`credential/${node}`, async () => {
      const changes = await this.#activation(node, kid);
      if (changes.length === 0) return;
      // Before it is written that the old one is revoked: after a crash in between the next use does both again.
      if (older !== undefined) await this.#options.rotated(node);
      await writer.commit(node, [...changes, timeline.change(node, "credential-used")]);
    });
  }

  #activation(node: string, kid: number): Promise<readonly Change[]> {
    const unused = this.#table.of(node, "issued");
    return this.#stored.activation(node, kid, unused === -1 ? undefined : this.#table.kid(unused));
  }

  #drop(kid: number): void {
    const row = this.#table.find(kid);
    if (row === -1) return;
    const node = this.#table.node(row);
    const wasUsed = this.#table.isActive(row);
    this.#table.remove(row);
    this.#sequences.forget(kid);
    for (const listener of this.#listeners) listener(kid, node, wasUsed);
  }

  #rowsOf(node: string): readonly CredentialRow[] {
    return [this.#table.of(node, "active"), this.#table.of(node, "issued")].filter((row) => row !== -1);
  }

  #opened(row: CredentialRow): KeyringEntry {
    const node = this.#table.node(row);
    const kid = this.#table.kid(row);
    const scheme = this.#table.scheme(row);
    const sealed = this.#table.sealed(row);
    const plain = scheme === "x509" ? sealed : this.#options.box.open(sealed, credentialKey(node, kid));
    return { node, kid, isFresh: this.#table.isFresh(row), secrets: secretsFrom(scheme, plain) };
  }

  /** The node's credential of that scheme: the one it uses, else the one that was issued. */
  #rowOf(node: string, scheme: CredentialScheme): CredentialRow {
    return this.#rowsOf(node).find((row) => this.#table.scheme(row) === scheme) ?? -1;
  }
}
