import { readFileSync, statSync } from "node:fs";
import type { Entropy } from "../../../kernel/entropy.ts";
import { Fault } from "../../../kernel/fault.ts";
import { fromHex, toHex } from "../../../schemas/wire/hex.ts";
import { secretKeyBytes } from "./aes-secret-box.ts";
import { writeOwnFile } from "./own-file.ts";
import { secretFaults } from "./secret-faults.ts";

/**
 * The key that the secrets in the database are sealed with: 64 hexadecimal digits in a file of its own, readable by its owner alone. Made at the
 * first start, `isFirst`; later one that is missing is a fault: another key opens nothing, and in its place it hides that the right one isn't there. One that
 * others may read is refused, as ssh does: whoever copied it can read every backup of the database.
 */
export function keyFromFile(file: string, entropy: Entropy, isFirst: boolean): Uint8Array {
  const known = read(file);
  if (known !== undefined) return known;
  if (!isFirst) throw secretFaults("secret.key-file-missing", { file });
  const key = entropy.bytes(secretKeyBytes);
  try {
    if (writeOwnFile(file, `${toHex(key)}\n`, { isNew: true })) return key;
  } catch (error) {
    throw secretFaults("secret.key-file", { file, reason: codeOf(error) }, error);
  }
  // Another process made it in the meantime.
  const made = read(file);
  if (made === undefined) throw secretFaults("secret.key-file", { file, reason: "it comes and goes" });
  return made;
}

function read(file: string): Uint8Array | undefined {
  let text: string;
  try {
    const mode = statSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0) throw secretFaults("secret.key-file-open", { file, mode: mode.toString(8) });
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    if (error instanceof Fault) throw error;
    throw secretFaults("secret.key-file", { file, reason: code }, error);
  }
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw secretFaults("secret.key-file", { file, reason: "it doesn't hold 64 hexadecimal digits" });
  }
  return fromHex(text.toLowerCase());
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
