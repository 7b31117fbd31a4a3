import type { Principal } from "../../domain/authoriser.ts";
import type { NodeLabels } from "../../domain/node-labels.ts";
import type { Role } from "../../domain/role.ts";
import type { Scope } from "../../domain/scope.ts";
import type { Actor } from "./registry.ts";

/** Who may steer: accounts, their passwords and API tokens. */
export interface Operators {
  /** What the account may do now; undefined: there is none. */
  principal(name: string): Principal | undefined;
  /** Durable. */
  add(name: string, role: Role, scope: Scope, by: Actor): Promise<"added" | "exists" | "full">;
  /** The account, its password, tokens and credentials. The last admin of the whole fleet stays. */
  remove(name: string, by: Actor): Promise<"removed" | "unknown" | "last-admin">;
  change(name: string, role: Role, scope: Scope, by: Actor): Promise<"changed" | "unknown" | "last-admin">;
  /** In order of their names. */
  list(): readonly OperatorView[];

  setPassword(name: string, password: string, by: Actor): Promise<"set" | "unknown">;
  hasPassword(name: string): boolean;
  /** Takes as long for a name that there isn't. Rejects with the Fault `secret.busy`. */
  checkPassword(name: string, password: string): Promise<boolean>;

  /** The token is told this once. */
  createToken(wanted: TokenWish, by: Actor): Promise<CreatedToken | "unknown" | "full">;
  /** Of one operator, or of all; newest first, expired ones too until they are revoked. */
  tokens(operator?: string): readonly TokenView[];
  /** `operator`: only if it is his. */
  revokeToken(id: string, by: Actor, operator?: string): Promise<"revoked" | "unknown">;
  /** Who has this token; undefined: nobody, or it is expired. */
  tokenHolder(token: string): TokenHolder | undefined;

  /** The first account of an empty manager: `admin`, without a password. */
  ensureFirst(): Promise<void>;
  /** Called with the name of an account when it is removed, or may do something else, or has another password, or loses a token. */
  onChanged(listener: (name: string, what: OperatorChange) => void): void;
}

export type OperatorChange = "removed" | "role" | "password" | "token";

export interface OperatorView {
  readonly name: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly hasPassword: boolean;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

export interface TokenWish {
  readonly operator: string;
  readonly label: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly days: number;
}

export interface CreatedToken {
  readonly id: string;
  readonly token: string;
  readonly expiresAtMs: number;
}

export interface TokenView {
  readonly id: string;
  readonly operator: string;
  readonly label: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly isExpired: boolean;
  /** Since this process started. */
  readonly usedAtMs?: number;
}

export interface TokenHolder {
  readonly id: string;
  readonly principal: Principal;
}

/** Site and tags of nodes: what scopes are made of. */
export interface Labels {
  /** What was said of the node itself. */
  own(node: string): NodeLabels;
  /** With what its gateway has. */
  of(node: string): NodeLabels;
  /** The node needn't be registered yet. Durable. */
  set(node: string, labels: NodeLabels, by: Actor): Promise<"set" | "full">;
}
