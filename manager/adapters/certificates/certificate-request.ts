import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { defineFaults } from "../../../kernel/fault.ts";
import { fromPem } from "../../../kernel/x509/pem.ts";
import { DerError, DerReader } from "./der-reader.ts";

export const requestFaults = defineFaults({
  "certificates.bad-request": {
    fault: "caller",
    message:
      "This is no certificate request that is signed here ({reason}). Make one with a key on P-256: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=node",
  },
});

const maxBytes = 8192;
const sequence = 0x30;
const integer = 0x02;
const bitString = 0x03;
const attributes = 0xa0;

/**
 * The public key of a PKCS #10 request (RFC 2986), PEM, whose signature proves that whoever made it has the private key. Names and extensions that it asks
 * for are passed over: what stands in a certificate is the CA's to say. Throws `certificates.bad-request`.
 */
export function certificateRequest(text: string): KeyObject {
  if (text.length > maxBytes) throw refused(`it has more than ${maxBytes} characters`);
  const bytes = fromPem("CERTIFICATE REQUEST", text) ?? fromPem("NEW CERTIFICATE REQUEST", text);
  if (bytes === undefined) throw refused("it has no block -----BEGIN CERTIFICATE REQUEST-----");
  try {
    return read(bytes);
  } catch (error) {
    if (error instanceof DerError) throw refused(error.message, error);
    throw error;
  }
}

function read(bytes: Uint8Array): KeyObject {
  const all = new DerReader(bytes);
  const request = all.inside(sequence);
  all.end();
  const info = request.whole(sequence);
  const algorithm = request.inside(sequence);
  const signature = request.content(bitString);
  request.end();
  const fields = new DerReader(info).inside(sequence);
  const version = fields.content(integer);
  if (version.length !== 1 || version[0] !== 0) throw refused("its version isn't 1");
  fields.whole(sequence);
  const spki = fields.whole(sequence);
  if (!fields.isAtEnd) fields.content(attributes);
  fields.end();
  const key = publicKey(spki);
  // ecdsa-with-SHA256, RFC 5758.
  const oid = Buffer.from(algorithm.content(0x06)).toString("hex");
  if (oid !== "2a8648ce3d040302") throw refused("it isn't signed by ECDSA with SHA-256");
  if (signature[0] !== 0 || !verify("sha256", info, key, signature.subarray(1))) {
    throw refused("its signature isn't the key's");
  }
  return key;
}

function publicKey(spki: Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
  } catch (error) {
    throw refused("its key can't be read", error);
  }
  if (key.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1") return key;
  throw refused("its key isn't on P-256");
}

function refused(reason: string, cause?: unknown): Error {
  return requestFaults("certificates.bad-request", { reason }, cause);
}
