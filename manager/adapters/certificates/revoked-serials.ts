import { DerError, DerReader } from "./der-reader.ts";

const sequence = 0x30;
const integer = 0x02;
const bitString = 0x03;
const utcTime = 0x17;
const generalizedTime = 0x18;

/**
 * The serial numbers that revocation lists name (RFC 5280 section 5), in lower-case hexadecimal without leading zeros. That the lists are the CA's own is checked by
 * whoever uses them for handshakes. Throws `DerError`.
 */
export function revokedSerials(pem: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const [, body = ""] of pem.matchAll(/-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g)) {
    readList(Uint8Array.from(Buffer.from(body, "base64")), found);
  }
  return found;
}

function readList(bytes: Uint8Array, found: Set<string>): void {
  const all = new DerReader(bytes);
  const list = all.inside(sequence);
  all.end();
  const content = list.inside(sequence);
  list.whole(sequence);
  list.whole(bitString);
  list.end();
  if (content.tag === integer) content.whole(integer);
  content.whole(sequence);
  content.whole(sequence);
  const time = (): Uint8Array => content.whole(content.tag === utcTime ? utcTime : generalizedTime);
  time();
  if (content.tag === utcTime || content.tag === generalizedTime) time();
  if (content.tag !== sequence) return;
  const entries = content.inside(sequence);
  while (!entries.isAtEnd) found.add(serialText(entries.inside(sequence).content(integer)));
}

/** As `revokedSerials` has them. */
export function serialText(serial: Uint8Array): string {
  if (serial.length === 0) throw new DerError("a serial number is empty");
  return Buffer.from(serial)
    .toString("hex")
    .replace(/^0+(?=.)/, "");
}
