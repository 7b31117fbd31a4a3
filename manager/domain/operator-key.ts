/**
 * The kid of an operator's OSCORE context: five bytes, where those of nodes have four, so that neither is ever taken for the other.
 */
export const operatorKidBytes = 5;

/** How an operator proves himself on CoAP: by an OSCORE context, or over DTLS by a certificate. */
export type OperatorKeyScheme = "oscore" | "x509";

/** The one credential of an operator for CoAP, as stored in the table `operator-key` under the operator's name. */
export interface OperatorKeyRecord {
  /** 10 hexadecimal digits. */
  readonly kid: string;
  readonly scheme: OperatorKeyScheme;
  /** Base64 of the sealed master secret and salt; of a certificate nothing is kept. */
  readonly sealed?: string;
  /** Of the certificate, in hexadecimal. */
  readonly serial?: string;
  /** Of the certificate; undefined: an earlier version didn't write it down. */
  readonly validUntilMs?: number;
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

const operatorUri = /^urn:coxswain:operator:([a-z0-9][a-z0-9._-]*)$/;
/** The kid, and as many random bytes behind it. */
const serialBytes = operatorKidBytes + 8;

/**
 * Whom a certificate of our own CA names, and by which kid: it has one name, which is an operator's. `uris` are those of its
 * subjectAltName, `serial` is big-endian and without leading zeros, which a kid may have.
 */
export function namedOperator({
  uris,
  serial,
}: {
  readonly uris: readonly string[];
  readonly serial: Uint8Array;
}): { readonly operator: string; readonly kid: Uint8Array } | undefined {
  const operator = uris.length === 1 ? operatorUri.exec(uris[0] ?? "")?.[1] : undefined;
  if (operator === undefined || serial.length > serialBytes) return undefined;
  const whole = new Uint8Array(serialBytes);
  whole.set(serial, serialBytes - serial.length);
  return { operator, kid: whole.subarray(0, operatorKidBytes) };
}
