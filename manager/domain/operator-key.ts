/**
 * The kid of an operator's OSCORE context: five bytes, where those of nodes have four, so that neither is ever taken for the other.
 */
export const operatorKidBytes = 5;

/** An operator's OSCORE context, as stored in the table `operator-key` under the operator's name. */
export interface OperatorKeyRecord {
  /** 10 hexadecimal digits. */
  readonly kid: string;
  /** Base64 of the sealed master secret and salt. */
  readonly sealed: string;
  readonly issuedAtMs: number;
  readonly issuedBy: string;
}

const name = /^operator:([a-z0-9][a-z0-9._-]*)\/([0-9a-f]{10})$/;

/** `operator:ann/00a1b2c3d4`: what its sender sequence numbers are counted under, and what its secret is sealed about. */
export function operatorKeyName(operator: string, kid: string): string {
  return `operator:${operator}/${kid}`;
}

/** The kid in such a name; undefined: it is a node's. */
export function parseOperatorKeyName(text: string): string | undefined {
  return name.exec(text)?.[2];
}
