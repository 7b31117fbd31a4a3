import type { Clock } from "../../kernel/clock.ts";
import { type CredentialRecord, credentialKey, parseCredentialKey } from "../domain/node-credential.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type { CredentialView } from "./api/credentials.ts";
import type { RevokedCertificates } from "./revoked-certificates.ts";
import type { SenderSequences } from "./sender-sequences.ts";

export interface StoredCredentialsOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly revokedCertificates: RevokedCertificates;
  readonly sequences: Pick<SenderSequences, "removal">;
  /** Revoked credentials of a node that are remembered. */
  readonly history: number;
}

export const credentialTable = "node-credential";
/** A commit is bounded. What is too much is forgotten with the next ones. */
const forgottenAtOnce = 500;

/** The credentials of nodes as storage has them, revoked ones too, and the changes that lead from one state to the next. */
export class StoredCredentials {
  readonly #options: StoredCredentialsOptions;

  constructor(options: StoredCredentialsOptions) {
    this.#options = options;
  }

  /** The newest first, without their secrets. */
  async list(node: string): Promise<readonly CredentialView[]> {
    const rows = await this.#rowsOf(node);
    return rows
      .map(({ key, record: { sealed: _, ...view } }): CredentialView => ({ kid: key.slice(node.length + 1), ...view }))
      .sort((a, b) => b.issuedAtMs - a.issuedAtMs);
  }

  /** For the commits that forget the node: nothing of its keys stays. */
  async removals(node: string): Promise<readonly (readonly Change[])[]> {
    const changes = (await this.#rowsOf(node)).map(({ key }) => removal(key));
    const commits = Math.ceil(changes.length / forgottenAtOnce);
    return Array.from({ length: commits }, (_, at) => changes.slice(at * forgottenAtOnce, (at + 1) * forgottenAtOnce));
  }

  /** For a commit that adds one: those that were revoked longest ago go, beyond the ones that are remembered. The audit has them for ever. */
  async outdated(node: string): Promise<readonly Change[]> {
    const revoked = (await this.#rowsOf(node)).filter(({ record }) => record.state === "revoked");
    return revoked
      .sort((a, b) => (b.record.revokedAtMs ?? 0) - (a.record.revokedAtMs ?? 0))
      .slice(this.#options.history)
      .slice(-forgottenAtOnce)
      .map(({ key }) => removal(key));
  }

  /**
   * Writes what memory knows since the first use of a key: that it is active, and every older one of the node revoked, but for `unused`, which was
   * issued after it. None: it is written, or the key was revoked since.
   */
  async activation(node: string, kid: number, unused: number | undefined): Promise<readonly Change[]> {
    const unusedKey = unused === undefined ? undefined : credentialKey(node, unused);
    const changes: Change[] = [];
    for (const { key, record } of await this.#rowsOf(node)) {
      const parsed = parseCredentialKey(key);
      if (parsed?.kid === kid) {
        if (record.state === "revoked") return [];
        if (record.state === "active") continue;
        const active: CredentialRecord = { ...record, state: "active", activeAtMs: this.#options.clock.wallMs() };
        changes.push({ kind: "put", table: credentialTable, key, expectedRevision: "any", value: active });
      } else if (parsed !== undefined && record.state !== "revoked" && key !== unusedKey) {
        changes.push(...(await this.revocation(node, parsed.kid, "rotation")));
      }
    }
    return changes;
  }

  async revocation(node: string, kid: number, by: string): Promise<readonly Change[]> {
    const { storage, clock, sequences, revokedCertificates: revoked } = this.#options;
    const key = credentialKey(node, kid);
    const stored = await storage.get(credentialTable, key);
    if (stored === undefined) return [];
    const { sealed: _, ...record } = stored.value as CredentialRecord;
    const revokedAtMs = clock.wallMs();
    const value: CredentialRecord = { ...record, state: "revoked", revokedAtMs, revokedBy: by };
    const changes: Change[] = [{ kind: "put", table: credentialTable, key, expectedRevision: "any", value }];
    if (record.certificate !== undefined) {
      changes.push(revoked.change(record.certificate, revokedAtMs));
      // Told a little early: a commit that fails leaves one too many on the list, never one too few.
      revoked.add(record.certificate, revokedAtMs);
    }
    return [...changes, ...sequences.removal(node, kid)];
  }

  async #rowsOf(node: string): Promise<readonly { readonly key: string; readonly record: CredentialRecord }[]> {
    const rows: { readonly key: string; readonly record: CredentialRecord }[] = [];
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(credentialTable, { prefix: `${node}/`, after });
      rows.push(...page.map(({ key, value }) => ({ key, record: value as CredentialRecord })));
      const last = page.at(-1);
      if (last === undefined) return rows;
      after = last.key;
    }
  }
}

function removal(key: string): Change {
  return { kind: "delete", table: credentialTable, key, expectedRevision: "any" };
}
