import { createHash } from "node:crypto";
import { PasswordHashes } from "../../../kernel/system/password-hashes.ts";
import type { OperatorSecrets } from "../../ports/operator-secrets.ts";

/** Passwords of operators as those of others; tokens, which are random, by SHA-256. */
export class OperatorSecretHashes extends PasswordHashes implements OperatorSecrets {
  digest(token: string): string {
    return createHash("sha256").update(token).digest("hex");
  }
}
