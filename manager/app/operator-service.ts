import type { Clock } from "../../kernel/clock.ts";
import type { Entropy } from "../../kernel/entropy.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import { boundBy, type Principal } from "../domain/authoriser.ts";
import { type OperatorAccount, type OperatorToken, tokenIdOf, tokenText } from "../domain/operator-account.ts";
import type { Role } from "../domain/role.ts";
import type { Scope } from "../domain/scope.ts";
import type { OperatorSecrets } from "../ports/operator-secrets.ts";
import type { Change, Storage } from "../ports/storage.ts";
import type {
  CreatedToken,
  OperatorCertificate,
  OperatorChange,
  OperatorKey,
  OperatorKeyring,
  Operators,
  OperatorView,
  TokenHolder,
  TokenView,
  TokenWish,
} from "./api/operators.ts";
import type { Actor } from "./api/registry.ts";
import type { AuditTrail } from "./audit-trail.ts";
import type { KeyedSerial } from "./keyed-serial.ts";
import type { OperatorKeys } from "./operator-keys.ts";
import type { StorageWriter } from "./storage-writer.ts";

export interface OperatorServiceOptions {
  readonly storage: Storage;
  readonly writer: StorageWriter;
  readonly serial: KeyedSerial;
  readonly audit: AuditTrail;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly secrets: OperatorSecrets;
  readonly keys: OperatorKeys;
  readonly limits: { readonly operators: number; readonly operatorTokens: number; readonly tokensPerOperator: number };
}

const accountTable = "operator";
const tokenTable = "operator-token";
const idBytes = 8;
const secretBytes = 32;
const dayMs = 86_400_000;
/** Changes come one after another, so that the last admin is the last one. */
const oneByOne = "operators";
/** What one commit takes is bounded, and a removal must never be too large for it. */
const tokensPerCommit = 500;

/** The accounts of operators and their tokens, all in memory beside storage: there are few, and each request asks. */
export class OperatorService implements Operators {
  readonly #options: OperatorServiceOptions;
  readonly #accounts = new Map<string, OperatorAccount>();
  readonly #principals = new Map<string, Principal>();
  readonly #tokens = new Map<string, OperatorToken>();
  readonly #used = new Map<string, number>();
  readonly #listeners: ((name: string, what: OperatorChange) => void)[] = [];

  constructor(options: OperatorServiceOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const { key, value } of await this.#all(accountTable)) this.#keep(key, value as OperatorAccount);
    for (const { key, value } of await this.#all(tokenTable)) this.#tokens.set(key, value as OperatorToken);
    await this.#options.keys.load();
  }

  get keyring(): OperatorKeyring {
    return this.#options.keys;
  }

  issueKey(name: string, by: Actor): Promise<OperatorKey | "unknown"> {
    const { serial, keys } = this.#options;
    return serial.run(oneByOne, async () => (this.#accounts.has(name) ? await keys.issue(name, by) : "unknown"));
  }

  issueCertificate(name: string, by: Actor): Promise<OperatorCertificate | "unknown" | "no-authority"> {
    const { serial, keys } = this.#options;
    return serial.run(oneByOne, async () => (this.#accounts.has(name) ? await keys.certify(name, by) : "unknown"));
  }

  revokeKey(name: string, by: Actor): Promise<"revoked" | "none" | "unknown"> {
    const { serial, keys } = this.#options;
    return serial.run(oneByOne, async () => (this.#accounts.has(name) ? await keys.revoke(name, by) : "unknown"));
  }

  principal(name: string): Principal | undefined {
    return this.#principals.get(name);
  }

  add(name: string, role: Role, scope: Scope, by: Actor): Promise<"added" | "exists" | "full"> {
    const { serial, limits, clock } = this.#options;
    return serial.run(oneByOne, async () => {
      if (this.#accounts.has(name)) return "exists";
      if (this.#accounts.size >= limits.operators) return "full";
      const account: OperatorAccount = { role, scope, createdAtMs: clock.wallMs(), createdBy: by.id };
      await this.#write(name, account, this.#audit("operator-added", name, by, undefined, { role, scope }));
      return "added";
    });
  }

  remove(name: string, by: Actor): Promise<"removed" | "unknown" | "last-admin"> {
    const { serial, writer, keys } = this.#options;
    return serial.run(oneByOne, async () => {
      const account = this.#accounts.get(name);
      if (account === undefined) return "unknown";
      if (this.#isLastAdmin(name)) return "last-admin";
      const { role, scope } = account;
      const tokens = this.#tokensOf(name).map(([id]) => id);
      while (tokens.length > tokensPerCommit) {
        const some = tokens.splice(0, tokensPerCommit);
        await writer.commit(name, some.map(tokenRemoval));
        for (const id of some) this.#drop(id);
      }
      await writer.commit(name, [
        { kind: "delete", table: accountTable, key: name, expectedRevision: "any" },
        ...tokens.map(tokenRemoval),
        ...keys.removal(name),
        this.#audit("operator-removed", name, by, { role, scope }),
      ]);
      keys.drop(name);
      this.#accounts.delete(name);
      this.#principals.delete(name);
      for (const id of tokens) this.#drop(id);
      this.#tell(name, "removed");
      return "removed";
    });
  }

  change(name: string, role: Role, scope: Scope, by: Actor): Promise<"changed" | "unknown" | "last-admin"> {
    return this.#options.serial.run(oneByOne, async () => {
      const account = this.#accounts.get(name);
      if (account === undefined) return "unknown";
      const staysAdmin = role === "admin" && scope.length === 0;
      if (!staysAdmin && this.#isLastAdmin(name)) return "last-admin";
      const before = { role: account.role, scope: account.scope };
      await this.#write(
        name,
        { ...account, role, scope },
        this.#audit("operator-changed", name, by, before, { role, scope }),
      );
      this.#tell(name, "role");
      return "changed";
    });
  }

  list(): readonly OperatorView[] {
    return [...this.#accounts]
      .map(([name, { password, ...account }]) => ({
        name,
        hasPassword: password !== undefined,
        hasKey: this.#options.keys.has(name),
        ...account,
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async setPassword(name: string, password: string, by: Actor): Promise<"set" | "unknown"> {
    const hash = await this.#options.secrets.hash(password);
    return await this.#options.serial.run(oneByOne, async () => {
      const account = this.#accounts.get(name);
      if (account === undefined) return "unknown";
      await this.#write(name, { ...account, password: hash }, this.#audit("password-changed", name, by));
      this.#tell(name, "password");
      return "set";
    });
  }

  hasPassword(name: string): boolean {
    return this.#accounts.get(name)?.password !== undefined;
  }

  async checkPassword(name: string, password: string): Promise<boolean> {
    const stored = this.#accounts.get(name)?.password;
    const isRight = await this.#options.secrets.verify(password, stored);
    // Whoever changed it meanwhile wanted the old one to be good no more.
    return isRight && stored !== undefined && this.#accounts.get(name)?.password === stored;
  }

  createToken(wish: TokenWish, by: Actor): Promise<CreatedToken | "unknown" | "full" | "full-for-operator"> {
    const { serial, limits, entropy, secrets, clock, writer } = this.#options;
    return serial.run(oneByOne, async () => {
      if (!this.#accounts.has(wish.operator)) return "unknown";
      const createdAtMs = clock.wallMs();
      const own = this.#tokensOf(wish.operator);
      const isOwnFull = own.length >= limits.tokensPerOperator;
      // Expired ones are listed for as long as there is room.
      const expired = isOwnFull
        ? own.filter(([, { expiresAtMs }]) => createdAtMs >= expiresAtMs).slice(0, tokensPerCommit)
        : [];
      if (isOwnFull && expired.length === 0) return "full-for-operator";
      if (this.#tokens.size - expired.length >= limits.operatorTokens) return "full";
      const id = toHex(entropy.bytes(idBytes));
      const token = tokenText(id, toHex(entropy.bytes(secretBytes)));
      const { operator, label, role, scope, days } = wish;
      const expiresAtMs = createdAtMs + days * dayMs;
      const told = { operator, label, role, scope, expiresAtMs };
      const value: OperatorToken = { ...told, digest: secrets.digest(token), createdAtMs, createdBy: by.id };
      await writer.commit(operator, [
        ...expired.map(([each]) => tokenRemoval(each)),
        { kind: "put", table: tokenTable, key: id, expectedRevision: 0, value },
        this.#audit("token-created", operator, by, undefined, { id, ...told }),
      ]);
      for (const [each] of expired) this.#drop(each);
      this.#tokens.set(id, value);
      return { id, token, expiresAtMs };
    });
  }

  tokens(operator?: string): readonly TokenView[] {
    const nowMs = this.#options.clock.wallMs();
    return [...this.#tokens]
      .filter(([, each]) => operator === undefined || each.operator === operator)
      .map(([id, { digest: _, createdBy: __, ...token }]) => {
        const usedAtMs = this.#used.get(id);
        const isExpired = nowMs >= token.expiresAtMs;
        return { id, ...token, isExpired, ...(usedAtMs !== undefined && { usedAtMs }) };
      })
      .sort((a, b) => b.createdAtMs - a.createdAtMs);
  }

  revokeToken(id: string, by: Actor, operator?: string): Promise<"revoked" | "unknown"> {
    const { serial, writer } = this.#options;
    return serial.run(oneByOne, async () => {
      const token = this.#tokens.get(id);
      if (token === undefined || (operator !== undefined && token.operator !== operator)) return "unknown";
      await writer.commit(token.operator, [
        tokenRemoval(id),
        this.#audit("token-revoked", token.operator, by, { id, label: token.label }),
      ]);
      this.#drop(id);
      this.#tell(token.operator, "token");
      return "revoked";
    });
  }

  tokenHolder(text: string): TokenHolder | undefined {
    const id = tokenIdOf(text);
    const token = id === undefined ? undefined : this.#tokens.get(id);
    if (id === undefined || token === undefined) return undefined;
    const nowMs = this.#options.clock.wallMs();
    const owner = this.#principals.get(token.operator);
    const isRight = isSame(this.#options.secrets.digest(text), token.digest);
    if (!isRight || owner === undefined || nowMs >= token.expiresAtMs) return undefined;
    this.#used.set(id, nowMs);
    return { id, principal: boundBy(owner, token.role, token.scope) };
  }

  async ensureFirst(): Promise<void> {
    if (this.#accounts.size === 0) await this.add("admin", "admin", [], { kind: "manager", id: "first-start" });
  }

  onChanged(listener: (name: string, what: OperatorChange) => void): void {
    this.#listeners.push(listener);
  }

  async #all(table: string): Promise<readonly { readonly key: string; readonly value: unknown }[]> {
    const rows = [];
    for (let after = ""; ; ) {
      const page = await this.#options.storage.list(table, { after });
      rows.push(...page);
      const last = page.at(-1);
      if (last === undefined) return rows;
      after = last.key;
    }
  }

  async #write(name: string, account: OperatorAccount, audited: Change): Promise<void> {
    await this.#options.writer.commit(name, [
      { kind: "put", table: accountTable, key: name, expectedRevision: "any", value: account },
      audited,
    ]);
    this.#keep(name, account);
  }

  #keep(name: string, account: OperatorAccount): void {
    this.#accounts.set(name, account);
    const scopes = account.scope.length === 0 ? [] : [account.scope];
    this.#principals.set(name, { id: name, role: account.role, scopes });
  }

  #tokensOf(name: string): readonly (readonly [string, OperatorToken])[] {
    return [...this.#tokens].filter(([, { operator }]) => operator === name);
  }

  #drop(token: string): void {
    this.#tokens.delete(token);
    this.#used.delete(token);
  }

  #isLastAdmin(name: string): boolean {
    const admins = [...this.#accounts].filter(([, { role, scope }]) => role === "admin" && scope.length === 0);
    return admins.length === 1 && admins[0]?.[0] === name;
  }

  #audit(what: string, name: string, actor: Actor, before?: unknown, after?: unknown): Change {
    return this.#options.audit.change({ what, actor, subject: `operator/${name}`, before, after });
  }

  #tell(name: string, what: OperatorChange): void {
    for (const listener of this.#listeners) listener(name, what);
  }
}

function tokenRemoval(key: string): Change {
  return { kind: "delete", table: tokenTable, key, expectedRevision: "any" };
}

/** Takes the same time wherever they differ. */
function isSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one.charCodeAt(i) ^ other.charCodeAt(i);
  return difference === 0;
}
