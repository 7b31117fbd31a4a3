import { spawn } from "node:child_process";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import type { TrustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";
import type { ManifestSigner } from "./signing-key.ts";

/** What a signer may write at most: a signature, or an error that was redirected. */
const outputMax = 4096;

/**
 * Signs by a program that has the key: it is given what is to be signed on its standard input and writes the signature, as the 64 bytes of r and s or as DER
 * (which `openssl dgst -sha256 -sign` writes). It runs in a shell, with the caller's terminal as its standard error. Rejects with a `RangeError` that says
 * what is wrong; a signature that isn't `anchor`'s is refused here and not by the last node.
 */
export function externalSigner(command: string, anchor: TrustAnchor): ManifestSigner {
  return {
    anchor,
    sign: async (toBeSigned) => {
      const output = await outputOf(command, toBeSigned);
      const signature = output.length === 64 ? output : fromDer(output);
      if (signature === undefined)
        throw new RangeError(
          `the signer wrote ${output.length} bytes that are no signature: 64 bytes or DER are taken`,
        );
      if (!nodeSuitCrypto.verify(anchor, toBeSigned, signature))
        throw new RangeError("the signer's signature isn't that of the public key");
      return signature;
    },
  };
}

function outputOf(command: string, input: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, { shell: true, stdio: ["pipe", "pipe", "inherit"] });
    const chunks: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= outputMax) chunks.push(chunk);
      else child.kill();
    });
    child.on("error", (error) => reject(new RangeError(`the signer can't be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (size > outputMax) reject(new RangeError(`the signer wrote more than ${outputMax} bytes`));
      else if (code !== 0) reject(new RangeError(`the signer ended with ${signal ?? code}`));
      else resolve(new Uint8Array(Buffer.concat(chunks)));
    });
    // A signer that reads nothing ends with its own code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** r and s of `SEQUENCE { INTEGER, INTEGER }`, each in 32 bytes. */
function fromDer(der: Uint8Array): Uint8Array | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const signature = new Uint8Array(64);
  let at = 2;
  for (const end of [32, 64]) {
    const length = der[at + 1] ?? 0;
    if (der[at] !== 0x02 || length === 0 || at + 2 + length > der.length) return undefined;
    let number = der.subarray(at + 2, at + 2 + length);
    if (number[0] === 0 && number.length > 1) number = number.subarray(1);
    if (number.length > 32) return undefined;
    signature.set(number, end - number.length);
    at += 2 + length;
  }
  return at === der.length ? signature : undefined;
}
