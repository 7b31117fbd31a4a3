import type { CredentialScheme, CredentialState, NodeSecrets } from "../../domain/node-credential.ts";
import type { NodeCertificate } from "../../ports/certificate-authority.ts";
import type { Change } from "../../ports/storage.ts";
import type { Actor } from "./registry.ts";

/** Keys of nodes: who may say that it is which node. */
export interface Credentials {
  /**
   * Makes keys for a node, which needn't be registered yet. Durable when it resolves; the secret is told this once. Keys that the node
   * uses stay good until it used the new ones, of whatever scheme; keys that were issued and never used are revoked.
   * `request`: PKCS #10 as PEM, for a certificate of a key that the node made; a bad one rejects with `certificates.bad-request`.
   * `also`: what is stored with the credential of that kid, or not at all.
   */
  issue(
    node: string,
    by: Actor,
    scheme?: CredentialScheme,
    request?: string,
    also?: (kid: number) => readonly Change[],
  ): Promise<IssueOutcome>;
  /**
   * As `issue`, for a node that uses a key: the new one is on trial, of the same scheme unless another is asked for. `none`: there is nothing
   * to rotate, and nothing was issued.
   */
  rotate(node: string, by: Actor, scheme?: CredentialScheme, request?: string): Promise<IssueOutcome | RotateRefusal>;
  /** What the node proved itself with last; undefined: nothing that is good. */
  schemeOf(node: string): CredentialScheme | undefined;
  /** Every key of the node: refused from the next datagram on, connections to the broker closed, observations ended. Durable. */
  revoke(node: string, by: Actor): Promise<"revoked" | "none">;
  /** The same without waiting for an enrolment that is under way: for the enrolment itself, which would wait for its own end. */
  revokeIssued(node: string, by: Actor): Promise<"revoked" | "none">;
  /** Newest first; without secrets. Revoked ones are among them until the node is removed. */
  list(node: string): Promise<readonly CredentialView[]>;
  /** Whether the node has a key that is good. */
  has(node: string): boolean;
  readonly keyring: Keyring;
  counters(): CredentialCounters;
}

/** A type, so that it can be spread among other counters. */
export type CredentialCounters = {
  readonly issued: number;
  readonly active: number;
  /** Sender sequence numbers were leased from storage so often. */
  readonly leases: number;
  /** Requests in which a node named another one than its credential. */
  readonly otherIdentities: number;
};

export type IssueOutcome =
  | {
      readonly kind: "issued";
      readonly node: string;
      readonly kid: number;
      readonly secrets: NodeSecrets;
      /** Of a PSK: what the node says it is. */
      readonly identity?: string;
      /** Of scheme x509, where the manager has a CA of its own; undefined: the given CA makes it. */
      readonly certificate?: NodeCertificate | undefined;
    }
  | { readonly kind: "full" };

/** The node has no key that it used and that is good. */
export type RotateRefusal = { readonly kind: "none" };

export interface CredentialView {
  readonly scheme: CredentialScheme;
  /** 8 hexadecimal digits: what the node sends as kid. */
  readonly kid: string;
  readonly state: CredentialState;
  readonly issuedAtMs: number;
  readonly issuedBy: string;
  readonly activeAtMs?: number;
  readonly revokedAtMs?: number;
  readonly revokedBy?: string;
}

/** What the security layer asks for at a datagram. Synchronous but for leases. */
export interface Keyring {
  /** The good credential with that kid; undefined: there is none, or it was revoked. */
  find(kid: number): KeyringEntry | undefined;
  /** The credential to call a node with: the one that it proved to have. */
  of(node: string): KeyringEntry | undefined;
  /** The good key that a PSK identity names. */
  ofPsk(identity: string): KeyringEntry | undefined;
  /** Whether the node may prove itself by a certificate, and by which credential: the one it uses, else the one that was issued. */
  ofCertificate(node: string): KeyringEntry | undefined;
  /**
   * The node proved that it has this one: a request that it protected was authentic, or a handshake finished. False: it is being replaced, and begins
   * nothing that would outlive it.
   */
  used(kid: number): boolean;
  /**
   * Takes the next `count` sender sequence numbers: durable when it resolves with the first of them, so none is ever taken twice. Undefined: the
   * context is gone, or its numbers are.
   */
  lease(kid: number, count: number): Promise<number | undefined>;
  /** Called with each credential that is good no more, in the turn in which it is. `wasUsed`: the node had proved to have it. */
  onRevoked(listener: (kid: number, node: string, wasUsed: boolean) => void): void;
}

export interface KeyringEntry {
  readonly node: string;
  readonly kid: number;
  /** Issued since this process started: nothing was ever received with it before. */
  readonly isFresh: boolean;
  readonly secrets: NodeSecrets;
}

/** Who acted as somebody else. */
export interface Identities {
  /** A node with a proven identity named another node: `claimed`, as far as the request says. Recorded, not more than once a minute. */
  claimedAnother(node: string, claimed: string): void;
}
