import type { Principal } from "../../domain/authoriser.ts";
import type { OscoreSecrets } from "../../domain/node-credential.ts";
import type { NodeLabels } from "../../domain/node-labels.ts";
import type { Role } from "../../domain/role.ts";
import type { Scope } from "../../domain/scope.ts";
import type { IssuedCertificate } from "../../ports/certificate-authority.ts";
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
  /** `full-for-operator`: he has as many as one may have, and none of them has expired. */
  createToken(wanted: TokenWish, by: Actor): Promise<CreatedToken | "unknown" | "full" | "full-for-operator">;
  /** Of one operator, or of all; newest first, expired ones too until they are revoked. */
  tokens(operator?: string): readonly TokenView[];
  /** `operator`: only if it is his. */
  revokeToken(id: string, by: Actor, operator?: string): Promise<"revoked" | "unknown">;
  /** Who has this token; undefined: nobody, or it is expired. */
  tokenHolder(token: string): TokenHolder | undefined;

  /** An OSCORE context for CoAP, told this once; one that he had before is good no more. Durable. */
  issueKey(name: string, by: Actor): Promise<OperatorKey | "unknown">;
  /** A certificate for CoAP over DTLS instead, told this once. */
  issueCertificate(name: string, by: Actor): Promise<OperatorCertificate | "unknown" | "no-authority">;
  /** Refused from the next datagram on, observations ended. Durable. */
  revokeKey(name: string, by: Actor): Promise<"revoked" | "none" | "unknown">;
  readonly keyring: OperatorKeyring;

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
  /** He may come by CoAP. */
  readonly hasKey: boolean;
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

export interface OperatorKey {
  readonly operator: string;
  /** 10 hexadecimal digits: what he sends as kid. */
  readonly kid: string;
  readonly secrets: OscoreSecrets;
  /** Issued since this process started: nothing was ever received with it before. */
  readonly isFresh: boolean;
}

export interface OperatorCertificate extends IssuedCertificate {
  readonly operator: string;
  readonly kid: string;
}

/** What the security layer asks for at a datagram of an operator. */
export interface OperatorKeyring {
  /** Whose certificate of our own CA it is; undefined: nobody's, or it was revoked. That it is of the CA and within its time was checked. */
  certified(certificate: { readonly uris: readonly string[]; readonly serial: Uint8Array }): string | undefined;
  /** Undefined: there is none, or it was revoked. */
  find(kid: string): OperatorKey | undefined;
  /** Takes the next `count` sender sequence numbers, durable when it resolves; undefined: the context is gone, or its numbers are. */
  lease(kid: string, count: number): Promise<number | undefined>;
  /** Called with each context that is good no more, in the turn in which it is. */
  onRevoked(listener: (kid: string, operator: string) => void): void;
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
