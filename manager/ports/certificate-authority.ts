/** A certificate of the manager's own CA: PEM. */
export interface IssuedCertificate {
  readonly certificate: string;
  /** PKCS #8, kept by nobody here; undefined: whoever sent the request has it. */
  readonly key?: string;
  /** The CA whose certificate the manager shows. */
  readonly ca: string;
  /** Hexadecimal, in lower case. */
  readonly serial: string;
  /** SHA-256, as `AB:CD:...`. */
  readonly fingerprint: string;
  readonly validUntilMs: number;
}

/** SAN URI `urn:coxswain:node:<id>`; its serial number begins with the credential's kid. */
export type NodeCertificate = IssuedCertificate;

export interface AuthorityDescription {
  /** PEM. */
  readonly certificate: string;
  readonly subject: string;
  /** SHA-256, as `AB:CD:...`. */
  readonly fingerprint: string;
  readonly validUntilMs: number;
}

export interface Revocations {
  /** Only grows. */
  readonly number: number;
  readonly nextAtMs: number;
  readonly revoked: readonly { readonly serial: string; readonly atMs: number }[];
}

/**
 * The CA of the manager, where it has one of its own. It signs what it is asked for and keeps no list. A `request` is PKCS #10 as PEM; a bad one
 * throws the Fault `certificates.bad-request`.
 */
export interface CertificateAuthority {
  describe(): AuthorityDescription;
  certify(node: string, kid: number, request?: string): NodeCertificate;
  /** SAN URI `urn:coxswain:operator:<name>`; its serial number begins with the kid, 10 hexadecimal digits. */
  certifyOperator(name: string, kid: string): IssuedCertificate;
  /** For a server at these names and addresses. */
  serve(hosts: readonly string[], request?: string): IssuedCertificate;
  revocations(list: Revocations): { readonly der: Uint8Array; readonly pem: string };
}
