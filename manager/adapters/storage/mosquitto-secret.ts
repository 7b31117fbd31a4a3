import { pbkdf2Sync } from "node:crypto";
import type { Entropy } from "../../../kernel/entropy.ts";
import type { MosquittoSecretOf } from "../../ports/mosquitto-secrets.ts";

/** Few, since it is for passwords of 128 random bits alone: nobody tries them. Mosquitto's own default is 101. */
const iterations = 1000;
/** As long as the plug-in makes them. */
const saltBytes = 12;
const hashBytes = 64;

export function mosquittoSecrets(entropy: Entropy): MosquittoSecretOf {
  return (password) => {
    const salt = entropy.bytes(saltBytes);
    const hash = pbkdf2Sync(password, salt, iterations, hashBytes, "sha512");
    return { hash: hash.toString("base64"), salt: Buffer.from(salt).toString("base64"), iterations };
  };
}
