import { loadAddon } from "../../native/addon.ts";
import type { Aead } from "./aead.ts";
import { nativeAead } from "./native-aead.ts";
import { nodeAead } from "./node-aead.ts";

/** The addon's AEAD, which takes a quarter of the time, else that of node:crypto. */
export function chooseAead(maxText: number): Aead {
  const loaded = loadAddon();
  return loaded.isThere ? nativeAead(loaded.addon, maxText) : nodeAead(maxText);
}
