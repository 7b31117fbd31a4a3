import type { CredentialState } from "../../domain/node-credential.ts";
import type { AuthorityDescription, IssuedCertificate } from "../../ports/certificate-authority.ts";
import type { Actor } from "./registry.ts";

/** The manager's own CA, and what it made. Certificates of nodes are made and revoked with their credentials. */
export interface Certificates {
  /** Undefined: there is no CA here. */
  authority(): AuthorityDescription | undefined;
  /** For a server at these names and addresses, for example a broker beside the manager. Durable when it resolves; a key that is made is told this once. */
  issue(
    plan: { readonly hosts: readonly string[]; readonly request?: string | undefined },
    by: Actor,
  ): Promise<IssueServerOutcome>;
  /** Another one for the same hosts; the old one stays good until it is too old or revoked. */
  renew(serial: string, request: string | undefined, by: Actor): Promise<IssueServerOutcome>;
  /** `of-a-node`: it is revoked with the node's credentials. */
  revoke(
    serial: string,
    by: Actor,
  ): Promise<"revoked" | "unknown-certificate" | { readonly kind: "of-a-node"; readonly node: string }>;
  /** Servers' first, then nodes' in order of their ids. `after` is the `next` of an earlier page. */
  list(query?: { readonly after?: string | undefined; readonly limit?: number | undefined }): Promise<CertificatePage>;
  /** The revocation list as it is now; undefined: there is no CA here. */
  revocations(): Promise<RevocationListText | undefined>;
}

export type IssueServerOutcome =
  | { readonly kind: "issued"; readonly issued: IssuedCertificate; readonly hosts: readonly string[] }
  | { readonly kind: "no-authority" | "unknown-certificate" | "full" }
  | { readonly kind: "bad-host"; readonly host: string };

export interface CertificateView {
  /** Hexadecimal, in lower case. */
  readonly serial: string;
  readonly role: "node" | "server";
  readonly node?: string;
  readonly hosts?: readonly string[];
  readonly state: CredentialState;
  readonly fingerprint: string;
  readonly validUntilMs: number;
  readonly issuedAtMs: number;
  readonly issuedBy: string;
  readonly revokedAtMs?: number;
}

export interface CertificatePage {
  readonly certificates: readonly CertificateView[];
  /** Undefined: that was all. */
  readonly next?: string;
}

export interface RevocationListText {
  readonly der: Uint8Array;
  readonly pem: string;
}
