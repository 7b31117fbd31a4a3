import type { MosquittoSecret } from "../domain/site.ts";

/** Makes of a password what Mosquitto keeps of it. */
export type MosquittoSecretOf = (password: string) => MosquittoSecret;
