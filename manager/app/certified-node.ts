import { parseNodeId } from "../../schemas/wire/node-id.ts";
import { kidBytes, kidFromBytes } from "../domain/node-credential.ts";
import type { Keyring, KeyringEntry } from "./api/credentials.ts";

const nodeUri = /^urn:coxswain:node:(.+)$/;
/** Of a certificate that our own CA made: the kid, and as many random bytes behind it. */
export const nodeSerialBytes = kidBytes + 8;

/**
 * The credential that a node's certificate is, whoever showed it: it names one node, and that node was let in by a certificate and still is. That it is of the CA, within its
 * time and on no revocation list was checked by the handshake.
 *
 * `uris` are those of its subjectAltName, `serial` is big-endian. With our own CA the serial number says which of the node's credentials it is.
 */
export function certifiedNode(
  keyring: Pick<Keyring, "find" | "ofCertificate">,
  { uris, serial }: { readonly uris: readonly string[]; readonly serial: Uint8Array },
  isOwnCa: boolean,
): KeyringEntry | undefined {
  const named = uris.map((uri) => nodeUri.exec(uri)?.[1]).filter((id) => id !== undefined);
  const parsed = named.length === 1 ? parseNodeId(named[0] ?? "") : undefined;
  if (parsed?.ok !== true) return undefined;
  if (!isOwnCa) return keyring.ofCertificate(parsed.id);
  if (serial.length > nodeSerialBytes) return undefined;
  // An INTEGER has no leading zeros, and a kid may.
  const whole = new Uint8Array(nodeSerialBytes);
  whole.set(serial, nodeSerialBytes - serial.length);
  const entry = keyring.find(kidFromBytes(whole.subarray(0, kidBytes)));
  return entry?.secrets.scheme === "x509" && entry.node === parsed.id ? entry : undefined;
}
