import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { digestHex } from "../../schemas/wire/digest.ts";
import { writeNewFile } from "./certificate-file.ts";
import { CommandFailure } from "./command-failure.ts";
import type { MadeUpdate } from "./make-update.ts";

/** The envelope's file in the folder of a signed update; its payloads are beside it, each named by its digest. */
export const envelopeFile = "manifest.suit";

/** Writes a signed update to a folder of its own, for whoever uploads it. */
export function writeUpdateFolder(folder: string, { envelope, payloads }: MadeUpdate): void {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new CommandFailure("no-file", `The folder ${folder} isn't empty.`, "Name another with --out.");
  mkdirSync(folder, { recursive: true });
  for (const { variant, bytes } of payloads) writeNewFile(payloadFile(folder, variant.digest), bytes);
  writeNewFile(join(folder, envelopeFile), envelope);
}

export function payloadFile(folder: string, digest: Parameters<typeof digestHex>[0]): string {
  return join(folder, `${digestHex(digest)}.bin`);
}

export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
