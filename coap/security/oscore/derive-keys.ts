import { hkdfSync } from "node:crypto";
import { aeads } from "./aead.ts";
import { cborBytes, cborText } from "./cose.ts";
import type { OscoreAlgorithm, OscoreParameters } from "./oscore-parameters.ts";

export interface OscoreKeys {
  readonly senderKey: Uint8Array;
  readonly recipientKey: Uint8Array;
  readonly commonIv: Uint8Array;
}

/** RFC 8613 section 3.2.1: HKDF with SHA-256 over an `info` that names the ID, the ID Context, the algorithm and what is derived. */
export function deriveKeys(parameters: OscoreParameters): OscoreKeys {
  const { senderId, recipientId, algorithm = "AES-CCM-16-64-128" } = parameters;
  const { keyLength, nonceLength } = aeads[algorithm];
  return {
    senderKey: derive(parameters, algorithm, senderId, "Key", keyLength),
    recipientKey: derive(parameters, algorithm, recipientId, "Key", keyLength),
    commonIv: derive(parameters, algorithm, new Uint8Array(0), "IV", nonceLength),
  };
}

/** `info = [id, id_context / nil, alg_aead, type, L]` */
function derive(
  { masterSecret, masterSalt = new Uint8Array(0), idContext }: OscoreParameters,
  algorithm: OscoreAlgorithm,
  id: Uint8Array,
  type: "Key" | "IV",
  length: number,
): Uint8Array {
  const info = Uint8Array.from([
    0x85,
    ...cborBytes(id),
    ...(idContext === undefined ? [0xf6] : cborBytes(idContext)),
    ...aeads[algorithm].cbor,
    ...cborText(type),
    ...(length < 24 ? [length] : [0x18, length]),
  ]);
  return new Uint8Array(hkdfSync("sha256", masterSecret, masterSalt, info, length));
}
