import type { Addon } from "../../native/addon.ts";
import type { Aead } from "./aead.ts";

/** The AEAD of the addon: no object is made for a message. */
export function nativeAead(addon: Addon, maxText: number): Aead {
  const native = addon.createAead(maxText);
  return {
    kind: "native",
    bytes: native.bytes,
    maxText,
    seal: (facts, aadLength, length) => native.seal(facts.number, aadLength, length),
    open: (facts, aadLength, length) => native.open(facts.number, aadLength, length),
  };
}
