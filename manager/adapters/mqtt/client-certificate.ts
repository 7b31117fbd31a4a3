import type { X509Certificate } from "node:crypto";

/** What a client's certificate says of its holder: URIs of its subjectAltName, and its serial number, big-endian. */
export function clientCertificate({ subjectAltName = "", serialNumber }: X509Certificate): {
  readonly uris: readonly string[];
  readonly serial: Uint8Array;
} {
  // A value with a comma or a quote in it stands in quotes, so that it can't pass for two.
  const uris = subjectAltName.split(", ").flatMap((each) => (each.startsWith("URI:") ? [each.slice(4)] : []));
  const digits = serialNumber.length % 2 === 0 ? serialNumber : `0${serialNumber}`;
  return { uris, serial: Uint8Array.from(Buffer.from(digits, "hex")) };
}
