/** A certificate that was made for a node, with the key that nobody keeps: PEM. */
export interface NodeCertificate {
  /** SAN URI `urn:coxswain:node:<id>`; its serial number begins with the credential's kid. */
  readonly certificate: string;
  /** PKCS #8. */
  readonly key: string;
  /** The CA whose certificate the manager shows. */
  readonly ca: string;
}

/** The CA for nodes, where the manager has one of its own. */
export interface NodeAuthority {
  /** Throws a Fault when the CA's key can't be used. */
  certify(node: string, kid: number): NodeCertificate;
}
