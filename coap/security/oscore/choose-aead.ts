import type { Aead } from "./aead.ts";
import { nodeAead } from "./node-aead.ts";

/** The addon's AEAD, else that of node:crypto. */
export function chooseAead(maxText: number): Aead {
  return nodeAead(maxText);
}
