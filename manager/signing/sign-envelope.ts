import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { type EnvelopeParts, prepareEnvelope, writeEnvelope } from "../../schemas/wire/suit/write-envelope.ts";
import type { ManifestSigner } from "./signing-key.ts";

/** The envelope of these parts, signed by each signer in turn. */
export async function signEnvelope(parts: EnvelopeParts, signers: readonly ManifestSigner[]): Promise<Uint8Array> {
  const prepared = prepareEnvelope(parts, nodeSuitCrypto);
  const signatures: { keyId: Uint8Array; signature: Uint8Array }[] = [];
  // One after another: a program may ask somebody for a card or a word.
  for (const { anchor, sign } of signers)
    signatures.push({ keyId: anchor.keyId, signature: await sign(prepared.toBeSigned) });
  return writeEnvelope(prepared, signatures);
}
