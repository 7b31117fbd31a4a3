import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandFailure } from "./command-failure.ts";

/** The token to ask with: COXSWAIN_TOKEN, else that of the data folder on this machine, if there is one. */
export function operatorToken(
  dataDir: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const told = environment["COXSWAIN_TOKEN"];
  if (told !== undefined && told !== "") return told;
  const folder = dataDir ?? environment["COXSWAIN_DATA_DIR"] ?? "./data";
  const file = join(folder, "admin-token");
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    // Under --insecure, or for a manager elsewhere, there may be none; one that was named must be there.
    if (dataDir === undefined && (code === "ENOENT" || code === "ENOTDIR")) return undefined;
    const next =
      "Name the manager's data folder with --data-dir and ask as the user whom it runs as, or set COXSWAIN_TOKEN.";
    throw new CommandFailure("no-token", `The admin's token can't be read from ${file} (${code}).`, next);
  }
}
