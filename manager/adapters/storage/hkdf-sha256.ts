import { hkdfSync } from "node:crypto";
import type { KeyDerivation } from "../../ports/key-derivation.ts";

export const hkdfSha256: KeyDerivation = (secret, salt, info, length) =>
  new Uint8Array(hkdfSync("sha256", secret, salt, info, length));
