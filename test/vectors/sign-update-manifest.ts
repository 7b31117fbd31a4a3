import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import {
  type EnvelopeParts,
  prepareEnvelope,
  type UnsignedEnvelope,
  writeEnvelope,
} from "../../schemas/wire/suit/write-envelope.ts";
import { keys } from "./update-manifest-world.ts";

type KeyName = keyof typeof keys;

/** The envelope of `parts`, signed by each of these keys. */
export async function signed(parts: EnvelopeParts, by: readonly KeyName[] = ["vendor"]): Promise<Uint8Array> {
  return signEnvelope(prepareEnvelope(parts, nodeSuitCrypto), by);
}

export async function signEnvelope(envelope: UnsignedEnvelope, by: readonly KeyName[]): Promise<Uint8Array> {
  const signatures = by.map(async (name) => {
    const { signer } = keys[name];
    return { keyId: signer.anchor.keyId, signature: await signer.sign(envelope.toBeSigned) };
  });
  return writeEnvelope(envelope, await Promise.all(signatures));
}
