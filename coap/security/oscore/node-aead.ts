import { type CipherGCMTypes, createCipheriv, createDecipheriv } from "node:crypto";
import { type Aead, type AeadFacts, aeadLayout } from "./aead.ts";

const names: readonly string[] = ["", "aes-128-ccm", "aes-128-ccm", "aes-128-gcm", "chacha20-poly1305"];

/** The AEAD on node:crypto: for machines without the addon. It makes a few objects for each message. */
export function nodeAead(maxText: number): Aead {
  const bytes = new Uint8Array(aeadLayout.text + maxText);
  const { key, nonce, aad, text } = aeadLayout;
  // The typings of CCM and of the other suites differ; all take these options.
  const suite = ({ number }: AeadFacts): CipherGCMTypes => names[number] as CipherGCMTypes;
  return {
    kind: "node",
    bytes,
    maxText,
    seal(facts, aadLength, length) {
      if (length + facts.tagLength > maxText) return false;
      const cipher = createCipheriv(
        suite(facts),
        bytes.subarray(key, key + facts.keyLength),
        bytes.subarray(nonce, nonce + facts.nonceLength),
        { authTagLength: facts.tagLength },
      );
      cipher.setAAD(bytes.subarray(aad, aad + aadLength), { plaintextLength: length });
      bytes.set(cipher.update(bytes.subarray(text, text + length)), text);
      cipher.final();
      bytes.set(cipher.getAuthTag(), text + length);
      return true;
    },
    open(facts, aadLength, length) {
      const plain = length - facts.tagLength;
      if (plain < 1 || length > maxText) return false;
      const decipher = createDecipheriv(
        suite(facts),
        bytes.subarray(key, key + facts.keyLength),
        bytes.subarray(nonce, nonce + facts.nonceLength),
        { authTagLength: facts.tagLength },
      );
      decipher.setAuthTag(bytes.subarray(text + plain, text + length));
      decipher.setAAD(bytes.subarray(aad, aad + aadLength), { plaintextLength: plain });
      try {
        const opened = decipher.update(bytes.subarray(text, text + plain));
        decipher.final();
        bytes.set(opened, text);
        return true;
      } catch {
        return false;
      }
    },
  };
}
