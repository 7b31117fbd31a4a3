import { isPublicKey, nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { deviceId, suitIds } from "./suit-ids.ts";

/** The manager's `ManifestCrypto` over OpenSSL. */
export const manifestCrypto = { ...nodeSuitCrypto, isKey: isPublicKey, ids: suitIds, device: deviceId };
