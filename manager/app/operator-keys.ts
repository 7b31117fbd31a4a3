import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { oscoreSaltBytes, oscoreSecretBytes } from "../domain/node-credential.ts";
import { namedOperator, type OperatorKeyRecord, operatorKeyName, operatorKidBytes } from "../domain/operator-key.ts";
import { sequenceEnd, sequenceFloor } from "../domain/sequence-floor.ts";
import type { CertificateAuthority } from "../ports/certificate-authority.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { OperatorCertificate, OperatorKey, OperatorKeyring } from "./api/operators.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { keyFileFaults } from "./key-file-faults.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { RevokedCertificates } from "./revoked-certificates.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface OperatorKeysOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Makes certificates; undefined: the CA is somebody else's. */
  readonly authority: CertificateAuthority | undefined;
  readonly revokedCertificates: RevokedCertificates;
}

const table = "operator-key";
const sequenceTable = "sender-sequence";
/** Longer than any certificate of an operator is good, for those whose end wasn't written down. */
const maxValidMs = 2 * 365 * 86_400_000;

interface Kept {
  readonly operator: string;
  /** Undefined: a certificate's. */
  readonly sealed: Uint8Array | undefined;
  /** Undefined: an OSCORE context's. */
  readonly certificate: { readonly serial: string; readonly validUntilMs: number } | undefined;
  readonly isFresh: boolean;
  readonly issuedAtMs: number;
}

/** What operators come on CoAP with: one OSCORE context or certificate of each at most; secrets are sealed, in storage and in memory. */
export class OperatorKeys implements OperatorKeyring {
  readonly #options: OperatorKeysOptions;
  readonly #byKid = new Map<string, Kept>();
  readonly #kids = new Map<string, string>();
  /** By kid: up to where sender sequence numbers are taken. */
  readonly #bounds = new Map<string, number>();
  readonly #listeners: ((kid: string, operator: string) => void)[] = [];

  constructor(options: OperatorKeysOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) {
        const record = value as OperatorKeyRecord;
        const { kid, sealed, issuedAtMs } = record;
        const bytes = sealed === undefined ? undefined : fromBase64(sealed);
        if (bytes !== undefined && !this.#options.box.isOurs(bytes)) {
          throw keyFileFaults("credentials.other-key-file", { whom: "operators" });
        }
        const certificate = certificateOf(record);
        this.#keep(kid, { operator: key, sealed: bytes, certificate, isFresh: false, issuedAtMs });
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  has(operator: string): boolean {
    return this.#kids.has(operator);
  }

  /** Durable; what the operator had before is good no more. */
  async issue(operator: string, by: Actor): Promise<OperatorKey> {
    const { entropy, box } = this.#options;
    const kid = this.#freeKid();
    const secrets = { masterSecret: entropy.bytes(oscoreSecretBytes), masterSalt: entropy.bytes(oscoreSaltBytes) };
    const plain = Uint8Array.of(...secrets.masterSecret, ...secrets.masterSalt);
    const sealed = box.seal(plain, operatorKeyName(operator, kid));
    await this.#store(operator, { kid, scheme: "oscore", sealed: toBase64(sealed) }, sealed, by);
    return { operator, kid, secrets, isFresh: true };
  }

  /** As `issue`. */
  async certify(operator: string, by: Actor): Promise<OperatorCertificate | "no-authority"> {
    const kid = this.#freeKid();
    const issued = this.#options.authority?.certifyOperator(operator, kid);
    if (issued === undefined) return "no-authority";
    const { serial, validUntilMs } = issued;
    await this.#store(operator, { kid, scheme: "x509", serial, validUntilMs }, undefined, by);
    return { ...issued, operator, kid };
  }

  certified(certificate: Parameters<OperatorKeyring["certified"]>[0]): string | undefined {
    const named = namedOperator(certificate);
    const kept = named === undefined ? undefined : this.#byKid.get(toHex(named.kid));
    const isOurs = kept !== undefined && kept.sealed === undefined && kept.operator === named?.operator;
    return isOurs ? kept.operator : undefined;
  }

  async revoke(operator: string, by: Actor): Promise<"revoked" | "none"> {
    const { writer, audit } = this.#options;
    const kid = this.#kids.get(operator);
    if (kid === undefined) return "none";
    const told = { what: "operator-key-revoked", actor: by, subject: `operator/${operator}`, before: { kid } };
    await writer.commit(operator, [...this.removal(operator), audit.change(told)]);
    this.drop(operator);
    return "revoked";
  }

  /** For the commit that takes the key away. */
  removal(operator: string): readonly Change[] {
    const kid = this.#kids.get(operator);
    if (kid === undefined) return [];
    const { clock, revokedCertificates: revoked } = this.#options;
    const certificate = this.#byKid.get(kid)?.certificate;
    return [
      ...(certificate === undefined ? [] : [revoked.change(certificate, clock.wallMs())]),
      { kind: "delete", table, key: operator, expectedRevision: "any" },
      { kind: "delete", table: sequenceTable, key: operatorKeyName(operator, kid), expectedRevision: "any" },
    ];
  }

  /** After that commit: whoever has the context drops it, in this turn. */
  drop(operator: string): void {
    const kid = this.#kids.get(operator);
    if (kid === undefined) return;
    const { clock, revokedCertificates: revoked } = this.#options;
    const certificate = this.#byKid.get(kid)?.certificate;
    if (certificate !== undefined) revoked.add(certificate, clock.wallMs());
    this.#kids.delete(operator);
    this.#byKid.delete(kid);
    this.#bounds.delete(kid);
    for (const listener of this.#listeners) listener(kid, operator);
  }

  find(kid: string): OperatorKey | undefined {
    const kept = this.#byKid.get(kid);
    if (kept?.sealed === undefined) return undefined;
    const { operator, isFresh, sealed } = kept;
    const plain = this.#options.box.open(sealed, operatorKeyName(operator, kid));
    const secrets = {
      masterSecret: plain.subarray(0, oscoreSecretBytes),
      masterSalt: plain.subarray(oscoreSecretBytes),
    };
    return { operator, kid, secrets, isFresh };
  }

  lease(kid: string, count: number): Promise<number | undefined> {
    const { serial, writer } = this.#options;
    return serial.run(`sequence/operator/${kid}`, async () => {
      const kept = this.#byKid.get(kid);
      if (kept === undefined) return undefined;
      const key = operatorKeyName(kept.operator, kid);
      const first = this.#bounds.get(kid) ?? (await this.#firstOf(key, kept));
      if (first + count > sequenceEnd) return undefined;
      const value = first + count;
      await writer.commit(kept.operator, [{ kind: "put", table: sequenceTable, key, expectedRevision: "any", value }]);
      this.#bounds.set(kid, value);
      return first;
    });
  }

  async #firstOf(key: string, { isFresh, issuedAtMs }: Kept): Promise<number> {
    const { storage, clock } = this.#options;
    const stored = ((await storage.get(sequenceTable, key))?.value ?? 0) as number;
    return isFresh ? stored : Math.max(stored, sequenceFloor(issuedAtMs, clock.wallMs()));
  }

  onRevoked(listener: (kid: string, operator: string) => void): void {
    this.#listeners.push(listener);
  }

  #freeKid(): string {
    for (;;) {
      const kid = toHex(this.#options.entropy.bytes(operatorKidBytes));
      if (!this.#byKid.has(kid)) return kid;
    }
  }

  async #store(
    operator: string,
    key: Omit<OperatorKeyRecord, "issuedAtMs" | "issuedBy">,
    sealed: Uint8Array | undefined,
    by: Actor,
  ): Promise<void> {
    const { clock, writer, audit } = this.#options;
    const issuedAtMs = clock.wallMs();
    const value: OperatorKeyRecord = { ...key, issuedAtMs, issuedBy: by.id };
    const { kid, scheme } = key;
    await writer.commit(operator, [
      ...this.removal(operator),
      { kind: "put", table, key: operator, expectedRevision: "any", value },
      audit.change({ what: "operator-key-issued", actor: by, subject: `operator/${operator}`, after: { kid, scheme } }),
    ]);
    this.drop(operator);
    this.#keep(kid, { operator, sealed, certificate: certificateOf(value), isFresh: true, issuedAtMs });
  }

  #keep(kid: string, kept: Kept): void {
    this.#kids.set(kept.operator, kid);
    this.#byKid.set(kid, kept);
  }
}

function certificateOf({ serial, validUntilMs, issuedAtMs }: OperatorKeyRecord): Kept["certificate"] {
  return serial === undefined ? undefined : { serial, validUntilMs: validUntilMs ?? issuedAtMs + maxValidMs };
}
