import { createHash, timingSafeEqual } from "node:crypto";
import type { RightsData } from "./rights.ts";

/** A topic that the client calls by another name: what it publishes and subscribes as `bare` is `own`. */
export interface TopicAlias {
  readonly bare: string;
  readonly own: string;
}

/**
 * What a client proves itself by: a password, what is kept of one (`secretOf`), or a check of its own for a hash that takes its time. A check that rejects
 * is told the client as "server unavailable": it may try again.
 */
export type Password =
  | string
  | Uint8Array
  | { readonly secret: Secret }
  | { readonly check: (password: Uint8Array) => Promise<boolean> };

/** Who may connect, and what for. The client id is the identity. */
export interface Credentials extends RightsData {
  readonly clientId: string;
  /** Default: the client id. No two clients share one. */
  readonly user?: string;
  readonly password: Password;
  readonly aliases?: readonly TopicAlias[];
}

/** What is kept of a user name and password: one digest over both, so that nothing can be read back or compared by halves. */
export type Secret = Uint8Array;

export function secretOf(user: string, password: string | Uint8Array): Secret {
  const name = Buffer.from(user);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return createHash("sha256").update(length).update(name).update(password).digest();
}

/** Takes the same time wherever the two differ, and for an unknown client (`undefined`) too. */
export function isSecretOf(known: Secret | undefined, user: string, password: Uint8Array): boolean {
  const given = secretOf(user, password);
  const isEqual = timingSafeEqual(known ?? nobody, given);
  return isEqual && known !== undefined;
}

const nobody: Secret = new Uint8Array(32);
