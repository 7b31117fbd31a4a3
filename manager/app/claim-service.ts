import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { claimCodeLength, groupedClaimCode, newClaimCode } from "../domain/claim-code.ts";
import { type ClaimRecord, claimBytes, claimInfo, enrolmentName } from "../domain/enrolment.ts";
import { oscoreSaltBytes, oscoreSecretBytes } from "../domain/node-credential.ts";
import { sequenceEnd, sequenceFloor } from "../domain/sequence-floor.ts";
import type { KeyDerivation } from "../ports/key-derivation.ts";
import type { SecretBox } from "../ports/secret-box.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { Credentials } from "./api/credentials.ts";
import type { ClaimView, CreatedClaim, EnrolmentKey, EnrolOutcome } from "./api/enrolments.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import { fromBase64, toBase64 } from "./base64.ts";
import { keyFileFaults } from "./key-file-faults.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface ClaimServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly box: SecretBox;
  readonly derive: KeyDerivation;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly credentials: Pick<Credentials, "issue" | "keyring">;
  readonly limits: { readonly claims: number };
  /** A claim is good no more: its context goes. */
  ended(kid: string): void;
}

const table = "claim";
const sequenceTable = "sender-sequence";
const secretBytes = oscoreSecretBytes + oscoreSaltBytes;
const utf8 = new TextEncoder();

interface Kept {
  readonly record: ClaimRecord;
  readonly isFresh: boolean;
}

/** Claim codes, all in memory beside storage: there are few, and a stranger's datagram may ask for any. */
export class ClaimService {
  readonly #options: ClaimServiceOptions;
  readonly #claims = new Map<string, Kept>();
  /** By kid: up to where sender sequence numbers are taken. */
  readonly #bounds = new Map<string, number>();

  constructor(options: ClaimServiceOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      for (const { key, value } of page) {
        const record = value as ClaimRecord;
        if (record.sealed !== undefined && !this.#options.box.isOurs(fromBase64(record.sealed))) {
          throw keyFileFaults("credentials.other-key-file", { whom: "claim codes" });
        }
        this.#claims.set(key, { record, isFresh: false });
      }
      const last = page.at(-1);
      if (last === undefined) return;
      after = last.key;
    }
  }

  create(node: string, lifeMs: number, by: Actor): Promise<CreatedClaim | "full"> {
    const { serial, writer, audit, box, derive, clock, entropy, limits } = this.#options;
    return serial.run("claims", async () => {
      const now = clock.wallMs();
      const old = [...this.#claims].filter(
        ([, { record }]) => this.#stateOf(record) !== "open" && record.expiresAtMs < now,
      );
      if (this.#claims.size - old.length >= limits.claims) return "full";
      const code = newClaimCode(entropy.bytes(claimCodeLength - 1));
      const derived = derive(utf8.encode(code), new Uint8Array(0), utf8.encode(claimInfo), claimBytes);
      const kid = toHex(derived.subarray(secretBytes));
      const record: ClaimRecord = {
        ...{ node, createdAtMs: now, createdBy: by.id, expiresAtMs: now + lifeMs },
        sealed: toBase64(box.seal(derived.subarray(0, secretBytes), enrolmentName(kid))),
      };
      await writer.commit(node, [
        ...old.flatMap(([each]) => removal(each)),
        { kind: "put", table, key: kid, expectedRevision: 0, value: record },
        audit.change({
          ...{ what: "claim-created", actor: by, subject: `node/${node}` },
          after: { claim: kid, expiresAtMs: record.expiresAtMs },
        }),
      ]);
      for (const [each] of old) this.#forget(each);
      this.#claims.set(kid, { record, isFresh: true });
      return { ...this.#view(kid, record), code: groupedClaimCode(code) };
    });
  }

  list(): readonly ClaimView[] {
    return [...this.#claims]
      .map(([kid, { record }]) => this.#view(kid, record))
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
  }

  revoke(kid: string, by: Actor): Promise<"revoked" | "unknown"> {
    const { serial, writer, audit } = this.#options;
    return serial.run(`claim/${kid}`, async () => {
      const kept = this.#claims.get(kid);
      if (kept === undefined) return "unknown";
      const { node } = kept.record;
      const told = { what: "claim-revoked", actor: by, subject: `node/${node}`, before: { claim: kid } };
      await writer.commit(node, [...removal(kid), audit.change(told)]);
      this.#forget(kid);
      return "revoked";
    });
  }

  /** Every code of the node that is good still; returns how many there were. */
  async revokeOf(node: string, by: Actor): Promise<number> {
    let count = 0;
    for (const [kid, { record }] of [...this.#claims]) {
      const isGood = record.node === node && ["open", "answered"].includes(this.#stateOf(record));
      if (isGood && (await this.revoke(kid, by)) === "revoked") count++;
    }
    return count;
  }

  enrol(id: string, from: string): Promise<EnrolOutcome> {
    return this.#options.serial.run(`claim/${id}`, () => this.#enrol(id, from));
  }

  async #enrol(kid: string, from: string): Promise<EnrolOutcome> {
    const { writer, audit, clock, credentials } = this.#options;
    const record = this.#claims.get(kid)?.record;
    if (record === undefined) return { kind: "ended" };
    const state = this.#stateOf(record);
    // Its context goes with the next sweep: this answer is protected by it.
    if (state === "used" || state === "expired") return { kind: "ended" };
    const { node, issued: before } = record;
    const again = before && credentials.keyring.find(before.kid);
    if (again?.secrets.scheme === "oscore") {
      return { kind: "enrolled", node, kid: again.kid, secrets: again.secrets };
    }
    const actor: Actor = { kind: "node", id: node, from };
    const issued = await credentials.issue(node, { ...actor, id: `claim/${kid}` }, "oscore");
    if (issued.kind === "full") return issued;
    if (issued.secrets.scheme !== "oscore") throw new TypeError("A claim is exchanged for an OSCORE context.");
    // In storage before the answer. After a crash in between the code is exchanged anew, and those that nobody was told are replaced.
    const value: ClaimRecord = { ...record, issued: { kid: issued.kid, atMs: clock.wallMs() } };
    await writer.commit(node, [
      { kind: "put", table, key: kid, expectedRevision: "any", value },
      audit.change({
        ...{ what: "enrolled", actor, subject: `node/${node}` },
        after: { claim: kid, kid: issued.kid.toString(16) },
      }),
    ]);
    const kept = this.#claims.get(kid);
    if (kept !== undefined) this.#claims.set(kid, { ...kept, record: value });
    return { kind: "enrolled", node, kid: issued.kid, secrets: issued.secrets };
  }

  /** Claims that are good no more lose their secrets. */
  sweep(): void {
    for (const [kid, { record }] of this.#claims) {
      const state = this.#stateOf(record);
      if (record.sealed === undefined || (state !== "used" && state !== "expired")) continue;
      const { serial, writer } = this.#options;
      writer.behind(
        "claim-end",
        serial.run(`claim/${kid}`, async () => {
          const now = this.#claims.get(kid)?.record;
          if (now !== undefined) await this.#end(kid, now, state);
        }),
      );
    }
  }

  find(kid: string): EnrolmentKey | undefined {
    const kept = this.#claims.get(kid);
    if (kept?.record.sealed === undefined) return undefined;
    const { record, isFresh } = kept;
    const state = this.#stateOf(record);
    if (state === "used" || state === "expired") return undefined;
    const plain = this.#options.box.open(fromBase64(kept.record.sealed), enrolmentName(kid));
    const secrets = {
      masterSecret: plain.subarray(0, oscoreSecretBytes),
      masterSalt: plain.subarray(oscoreSecretBytes),
    };
    return { kid, id: kid, secrets, isFresh };
  }

  lease(kid: string, count: number): Promise<number | undefined> {
    const { serial, writer, storage, clock } = this.#options;
    return serial.run(`sequence/claim/${kid}`, async () => {
      const kept = this.#claims.get(kid);
      if (kept === undefined) return undefined;
      const { node, createdAtMs } = kept.record;
      const key = enrolmentName(kid);
      const stored =
        this.#bounds.get(kid) ?? ((await storage.get(sequenceTable, key))?.value as number | undefined) ?? 0;
      const isFirst = !kept.isFresh && !this.#bounds.has(kid);
      const first = isFirst ? Math.max(stored, sequenceFloor(createdAtMs, clock.wallMs())) : stored;
      if (first + count > sequenceEnd) return undefined;
      const value = first + count;
      await writer.commit(node, [{ kind: "put", table: sequenceTable, key, expectedRevision: "any", value }]);
      this.#bounds.set(kid, value);
      return first;
    });
  }

  #view(kid: string, record: ClaimRecord): ClaimView {
    const { node, createdAtMs, createdBy, expiresAtMs } = record;
    return { claim: kid, node, state: this.#stateOf(record), createdAtMs, createdBy, expiresAtMs };
  }

  #stateOf({ node, issued, expiresAtMs, end }: ClaimRecord): ClaimView["state"] {
    if (end !== undefined) return end;
    const { credentials, clock } = this.#options;
    const { keyring } = credentials;
    // Used, or revoked by an operator, who then makes another code.
    if (issued !== undefined && (keyring.of(node)?.kid === issued.kid || keyring.find(issued.kid) === undefined)) {
      return "used";
    }
    if (expiresAtMs <= clock.wallMs()) return "expired";
    return issued === undefined ? "open" : "answered";
  }

  async #end(kid: string, record: ClaimRecord, end: "used" | "expired"): Promise<void> {
    const { sealed: _, ...rest } = record;
    const value: ClaimRecord = { ...rest, end };
    await this.#options.writer.commit(record.node, [
      { kind: "put", table, key: kid, expectedRevision: "any", value },
      { kind: "delete", table: sequenceTable, key: enrolmentName(kid), expectedRevision: "any" },
    ]);
    this.#claims.set(kid, { record: value, isFresh: false });
    this.#options.ended(kid);
  }

  #forget(kid: string): void {
    this.#claims.delete(kid);
    this.#bounds.delete(kid);
    this.#options.ended(kid);
  }
}

/** For the commit that takes the claim away. */
function removal(kid: string): readonly Change[] {
  return [
    { kind: "delete", table, key: kid, expectedRevision: "any" },
    { kind: "delete", table: sequenceTable, key: enrolmentName(kid), expectedRevision: "any" },
  ];
}
