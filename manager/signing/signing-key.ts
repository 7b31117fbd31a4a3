import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { type TrustAnchor, trustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";

/** Signs update manifests: with a key at hand, or by a program that has one. */
export interface ManifestSigner {
  readonly anchor: TrustAnchor;
  /** r and s, 64 bytes. */
  sign(toBeSigned: Uint8Array): Promise<Uint8Array>;
}

/** A new key: PKCS #8 as PEM, with the anchor by which its manifests are trusted. */
export function newSigningKey(): { readonly pem: string; readonly publicPem: string; readonly anchor: TrustAnchor } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    pem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    publicPem: publicKey.export({ type: "spki", format: "pem" }).toString(),
    anchor: anchorOf(publicKey),
  };
}

/** The signer with a private key in PEM; throws a `RangeError` on any other text and on keys that aren't on P-256. */
export function keySigner(pem: string): ManifestSigner {
  const key = readKey(() => createPrivateKey(pem), "private key");
  return {
    anchor: anchorOf(createPublicKey(key)),
    sign: async (toBeSigned) => new Uint8Array(sign("sha256", toBeSigned, { key, dsaEncoding: "ieee-p1363" })),
  };
}

/** The anchor of a key in PEM, public or private; throws a `RangeError`. */
export function anchorFromPem(pem: string): TrustAnchor {
  return anchorOf(readKey(() => createPublicKey(pem), "key"));
}

function readKey(read: () => KeyObject, what: string): KeyObject {
  let key: KeyObject;
  try {
    key = read();
  } catch {
    throw new RangeError(`there is no ${what} in it that can be read`);
  }
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1")
    throw new RangeError("the key isn't on the curve P-256, which update manifests are signed with");
  return key;
}

function anchorOf(key: KeyObject): TrustAnchor {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, "base64url"));
  return trustAnchor(bytes(x), bytes(y), nodeSuitCrypto);
}
