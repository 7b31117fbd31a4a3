import { writeCbor } from "../cbor-writer.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { algorithm } from "./suit-keys.ts";

/** One signature of an envelope, payload detached. */
export interface CoseSign1 {
  readonly protected: Uint8Array;
  readonly algorithm: number;
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
}

/** What ES256 signs (RFC 9052 section 4.4): `payload` is the content of the wrapper's first byte string. */
export function toBeSigned(protectedHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return writeCbor(["Signature1", protectedHeader, new Uint8Array(0), payload]);
}

/** `{1: -7}`: the protected header that the writer makes. */
export const protectedHeader: Uint8Array = writeCbor(new Map([[1, algorithm.es256]]));

/** The content of one authentication block: an array of four under tag 18. */
export function readSign1(bytes: Uint8Array, tagNumber: number): CoseSign1 {
  const cursor = new SuitCursor(bytes, "signature");
  if (cursor.major !== 6) cursor.malformed("no tag");
  cursor.tag(tagNumber, "COSE_Sign1");
  cursor.tuple(4, "COSE_Sign1");
  const header = cursor.bytes("protected header");
  const inside = new SuitCursor(header, "protected header");
  const { alg, keyId: protectedId } = readHeader(inside);
  const { alg: openAlg, keyId: openId } = readHeader(cursor);
  if (openAlg !== undefined) cursor.unsupported("alg isn't protected");
  if (alg !== algorithm.es256 && alg !== algorithm.esp256) cursor.unsupported(`alg ${alg ?? "missing"}`);
  const keyId = protectedId ?? openId;
  if (keyId === undefined) return cursor.unsupported("no kid");
  if (protectedId && openId) cursor.malformed("kid twice");
  cursor.nil("payload");
  return { protected: header, algorithm: alg ?? 0, keyId, signature: cursor.fixed(64, "signature") };
}

function readHeader(cursor: SuitCursor): { alg: number | undefined; keyId: Uint8Array | undefined } {
  let alg: number | undefined;
  let keyId: Uint8Array | undefined;
  const count = cursor.map("header");
  for (let i = 0; i < count; i++) {
    const key = cursor.key("header parameter");
    if (key === 1) alg = cursor.int("alg");
    else if (key === 4) keyId = cursor.fixed(8, "kid");
    else cursor.unsupported(`header parameter ${key}`);
  }
  return { alg, keyId };
}
