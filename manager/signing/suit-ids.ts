import { createHash } from "node:crypto";
import { fromHex } from "../../schemas/wire/hex.ts";

/** Namespace of domain names (RFC 9562 section 6.6). */
const dns = fromHex("6ba7b8109dad11d180b400c04fd430c8");

/** Who an update manifest is for, as 16 bytes each. */
export interface SuitIds {
  readonly vendor: Uint8Array;
  readonly class: Uint8Array;
}

/** The ids of a vendor's model. */
export function suitIds(vendorDomain: string, model: string): SuitIds {
  const vendor = uuid5(dns, vendorDomain.toLowerCase());
  return { vendor, class: uuid5(vendor, model) };
}

/** The id of one node, for manifests that are for it alone. */
export function deviceId(vendor: Uint8Array, nodeId: string): Uint8Array {
  return uuid5(vendor, nodeId);
}

/** RFC 9562 section 5.5. */
export function uuid5(namespace: Uint8Array, name: string): Uint8Array {
  const uuid = new Uint8Array(createHash("sha1").update(namespace).update(name, "utf8").digest().subarray(0, 16));
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x50;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
