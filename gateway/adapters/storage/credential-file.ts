import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { defineFaults } from "../../../kernel/fault.ts";

export const credentialFileFaults = defineFaults({
  "gateway.credentials-unreadable": {
    fault: "environment",
    message: "The credentials at {path} can't be read ({reason}). `coxswain node add ID --out {path}` writes them.",
  },
  "gateway.credentials-open": {
    fault: "environment",
    message: "Others may read the credentials at {path}. Make the file its owner's alone: chmod 600 {path}",
  },
});

const maxBytes = 8_192;
const othersMask = 0o077;

/** The text of a credentials file, which its owner alone may read. Throws `gateway.credentials-unreadable` or `-open`. */
export function readCredentialFile(path: string): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw credentialFileFaults("gateway.credentials-unreadable", { path, reason }, error);
  }
  try {
    const { mode, size } = fstatSync(file);
    if ((mode & othersMask) !== 0) throw credentialFileFaults("gateway.credentials-open", { path });
    if (size > maxBytes) throw credentialFileFaults("gateway.credentials-unreadable", { path, reason: "too large" });
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}
