import { createHash, createPublicKey, verify } from "node:crypto";
import type { SuitCrypto } from "../wire/suit/suit-crypto.ts";
import type { TrustAnchor } from "../wire/suit/trust-anchor.ts";

/** Update manifests' cryptography over OpenSSL. */
export const nodeSuitCrypto: SuitCrypto = {
  sha256: (bytes) => new Uint8Array(createHash("sha256").update(bytes).digest()),
  verify: (anchor, message, signature) => {
    try {
      return verify("sha256", message, { key: publicKeyOf(anchor), dsaEncoding: "ieee-p1363" }, signature);
    } catch {
      // Coordinates that are no point of the curve: a key by which nothing verifies.
      return false;
    }
  },
};

/** Whether these coordinates are a point of P-256. */
export function isPublicKey(anchor: TrustAnchor): boolean {
  try {
    publicKeyOf(anchor);
    return true;
  } catch {
    return false;
  }
}

function publicKeyOf({ x, y }: TrustAnchor) {
  const coordinate = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
  return createPublicKey({ key: { kty: "EC", crv: "P-256", x: coordinate(x), y: coordinate(y) }, format: "jwk" });
}
