import { writeCbor } from "../cbor-writer.ts";
import { ManifestFault, refusing } from "./manifest-fault.ts";
import type { ManifestRefusal } from "./manifest-reason.ts";
import type { SuitCrypto } from "./suit-crypto.ts";
import { SuitCursor } from "./suit-cursor.ts";
import { algorithm } from "./suit-keys.ts";
import { suitLimits } from "./suit-limits.ts";

/** A public key on P-256 by which update manifests are trusted. */
export interface TrustAnchor {
  /** First 8 bytes of its COSE thumbprint (RFC 9679). */
  readonly keyId: Uint8Array;
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

/*
 * COSE_Key (RFC 9052 section 7, RFC 9053 section 7.1.1), and the key set is an array of them:
 *   1 kty 2 (EC2), 2 kid, 3 alg -7 or -9, -1 crv 1 (P-256), -2 x, -3 y
 */

/** The anchor with these coordinates. */
export function trustAnchor(x: Uint8Array, y: Uint8Array, crypto: Pick<SuitCrypto, "sha256">): TrustAnchor {
  const thumbprint = crypto.sha256(
    writeCbor(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [-1, 1],
        [-2, x],
        [-3, y],
      ]),
    ),
  );
  return { keyId: thumbprint.slice(0, 8), x, y };
}

export function writeKeySet(anchors: readonly TrustAnchor[]): Uint8Array {
  return writeCbor(
    anchors.map(
      ({ keyId, x, y }) =>
        new Map<number, number | Uint8Array>([
          [1, 2],
          [2, keyId],
          [3, algorithm.es256],
          [-1, 1],
          [-2, x],
          [-3, y],
        ]),
    ),
  );
}

export type KeySet = { readonly ok: true; readonly anchors: readonly TrustAnchor[] };

/** 1 to 4 keys, each with the id that its coordinates give. */
export function readKeySet(bytes: Uint8Array, crypto: Pick<SuitCrypto, "sha256">): KeySet | ManifestRefusal {
  return refusing(() => {
    const cursor = new SuitCursor(bytes, "key set");
    const count = cursor.array("keys");
    if (count === 0) cursor.malformed("no key");
    if (count > suitLimits.anchorsMax) cursor.unsupported(`${count} keys`);
    const anchors: TrustAnchor[] = [];
    for (let i = 0; i < count; i++) anchors.push(readKey(cursor, crypto));
    const ids = new Set(anchors.map(({ keyId }) => keyId.join()));
    if (ids.size !== count) cursor.malformed("a key twice");
    return { ok: true as const, anchors };
  });
}

function readKey(cursor: SuitCursor, crypto: Pick<SuitCrypto, "sha256">): TrustAnchor {
  if (cursor.map("key") !== 6) cursor.malformed("key");
  const expect = (key: number, what: string) => {
    if (cursor.int(what) !== key) cursor.malformed(what);
  };
  expect(1, "kty");
  if (cursor.int("kty") !== 2) cursor.unsupported("kty");
  expect(2, "kid");
  const keyId = cursor.fixed(8, "kid").slice();
  expect(3, "alg");
  const alg = cursor.int("alg");
  if (alg !== algorithm.es256 && alg !== algorithm.esp256) cursor.unsupported("alg");
  expect(-1, "crv");
  if (cursor.int("crv") !== 1) cursor.unsupported("crv");
  expect(-2, "x");
  const x = cursor.fixed(32, "x").slice();
  expect(-3, "y");
  const anchor = trustAnchor(x, cursor.fixed(32, "y").slice(), crypto);
  if (!anchor.keyId.every((byte, i) => byte === keyId[i]))
    throw new ManifestFault("manifest-malformed", "key set, kid isn't the key's");
  return anchor;
}
