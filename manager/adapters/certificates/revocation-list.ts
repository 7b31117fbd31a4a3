import { type KeyObject, sign } from "node:crypto";
import { authorityKeyId, ecdsaWithSha256, extension, nameOf } from "../../../kernel/x509/certificate.ts";
import { der } from "../../../kernel/x509/der.ts";

export interface RevocationListPlan {
  /** Only grows (RFC 5280 section 5.2.3). */
  readonly number: number;
  readonly madeAtMs: number;
  readonly nextAtMs: number;
  /** Big-endian serial numbers. */
  readonly revoked: readonly { readonly serial: Uint8Array; readonly atMs: number }[];
  readonly issuer: { readonly subject: string; readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

const crlNumber = "2.5.29.20";

/** A certificate revocation list of version 2 (RFC 5280 section 5), signed by ECDSA with SHA-256: DER. */
export function revocationList({ number, madeAtMs, nextAtMs, revoked, issuer }: RevocationListPlan): Uint8Array {
  const algorithm = der.sequence(der.oid(ecdsaWithSha256));
  const entries = revoked.map(({ serial, atMs }) => der.sequence(der.integer(serial), der.time(atMs)));
  const digits = number.toString(16);
  const counted = Uint8Array.from(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, "hex"));
  const content = der.sequence(
    der.integer(Uint8Array.of(1)),
    algorithm,
    nameOf(issuer.subject),
    der.time(madeAtMs),
    der.time(nextAtMs),
    // An empty list isn't there (section 5.1.2.6).
    ...(entries.length === 0 ? [] : [der.sequence(...entries)]),
    der.context(0, true, der.sequence(authorityKeyId(issuer.publicKey), extension(crlNumber, der.integer(counted)))),
  );
  const signature = sign("sha256", content, { key: issuer.privateKey, dsaEncoding: "der" });
  return der.sequence(content, algorithm, der.bits(signature));
}
