import { deriveKeys } from "./derive-keys.ts";
import { material } from "./oscore-context.ts";
import type { OscoreParameters } from "./oscore-parameters.ts";

/** What is derived from the parameters, and the IDs, to their places in a context's memory. */
export function writeMaterial(parameters: OscoreParameters, memory: Uint8Array, at: number): void {
  const { senderKey, recipientKey, commonIv } = deriveKeys(parameters);
  const { senderId, recipientId } = parameters;
  memory.set(senderKey, at + material.senderKey);
  memory.set(recipientKey, at + material.recipientKey);
  writeNonce(memory, at + material.senderNonce, commonIv, senderId);
  writeNonce(memory, at + material.recipientNonce, commonIv, recipientId);
  writeId(memory, at + material.senderId, senderId);
  writeId(memory, at + material.recipientId, recipientId);
}

/** RFC 8613 section 5.2 with a Partial IV of zero: length and ID before five zeros, over the Common IV. */
function writeNonce(memory: Uint8Array, at: number, commonIv: Uint8Array, id: Uint8Array): void {
  memory.set(commonIv, at);
  memory[at]! ^= id.length;
  const end = at + commonIv.length - 5;
  for (let i = 0; i < id.length; i++) memory[end - id.length + i]! ^= id[i]!;
}

function writeId(memory: Uint8Array, at: number, id: Uint8Array): void {
  memory[at] = id.length;
  memory.set(id, at + 1);
}
