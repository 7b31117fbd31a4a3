import type { SuitCrypto } from "../../schemas/wire/suit/suit-crypto.ts";
import type { TrustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";

/** What the manager needs of cryptography for update manifests. It never has a private key. */
export interface ManifestCrypto extends SuitCrypto {
  /** Whether the coordinates are a point of P-256. */
  isKey(anchor: TrustAnchor): boolean;
  /** Vendor id of a domain and class id of a model, 16 bytes each. */
  ids(vendorDomain: string, model: string): { readonly vendor: Uint8Array; readonly class: Uint8Array };
  /** The id of one node. */
  device(vendor: Uint8Array, node: string): Uint8Array;
}
