import { loadAddon } from "../../native/addon.ts";
import type { Aead } from "./aead.ts";
import { nativeAead } from "./native-aead.ts";
import { nodeAead } from "./node-aead.ts";

/** The addon's AEAD, about fifty times as fast, else that of node:crypto. */
export function chooseAead(maxText: number, wanted: "native" | "node"): Aead {
  if (wanted === "node") return nodeAead(maxText);
  const loaded = loadAddon();
  return loaded.isThere ? nativeAead(loaded.addon, maxText) : nodeAead(maxText);
}
