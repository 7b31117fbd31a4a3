import { labelRule } from "./node-labels.ts";
import type { Role } from "./role.ts";
import type { Scope } from "./scope.ts";

/** A person or program that steers, as stored in the table `operator` under the name. */
export interface OperatorAccount {
  readonly role: Role;
  readonly scope: Scope;
  /** Of the port `OperatorSecrets`; absent: signs in by link, token or credential alone. */
  readonly password?: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
}

/** An API token, as stored in the table `operator-token` under its id. */
export interface OperatorToken {
  readonly operator: string;
  /** What it is for, in its owner's words. */
  readonly label: string;
  readonly role: Role;
  readonly scope: Scope;
  readonly digest: string;
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly expiresAtMs: number;
}

export const operatorNameRule = `${labelRule}, and neither "local" nor "manager"`;
const name = /^[a-z0-9][a-z0-9._-]{0,62}$/;
const reserved = new Set(["local", "manager"]);

export function isOperatorName(value: unknown): value is string {
  return typeof value === "string" && name.test(value) && !reserved.has(value);
}

export const passwordLengths = { min: 12, max: 256 } as const;
export const passwordRule = `${passwordLengths.min} to ${passwordLengths.max} characters, not the operator's name repeated, not one character repeated`;

/** Whether it may be a password of that operator. Length is what counts; the rest catches what isn't meant seriously. */
export function isPassword(value: unknown, operator: string): value is string {
  if (typeof value !== "string" || value.length < passwordLengths.min || value.length > passwordLengths.max)
    return false;
  const isOneCharacter = new Set(value).size === 1;
  return !isOneCharacter && value.toLowerCase().replaceAll(operator, "") !== "";
}

const tokenShape = /^cxt_([0-9a-f]{16})_[0-9a-f]{64}$/;

/** The id in a token's text; undefined when it is none. */
export function tokenIdOf(token: string): string | undefined {
  return tokenShape.exec(token)?.[1];
}

export function tokenText(id: string, secret: string): string {
  return `cxt_${id}_${secret}`;
}

export const tokenDays = { default: 90, max: 3650 } as const;
