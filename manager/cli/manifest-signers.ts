import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { externalSigner } from "../signing/external-signer.ts";
import { anchorFromPem, keySigner, type ManifestSigner } from "../signing/signing-key.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";

export interface SignerFlags {
  readonly key?: readonly string[];
  readonly signer?: string;
  readonly publicKey?: string;
}

/** Who signs: `--key FILE...`, or `--signer COMMAND --public-key FILE`. */
export function withSignerOptions(command: Command): Command {
  return command
    .option(
      "--key <FILE...>",
      "sign with this private key (PEM); several make several signatures, for a change of keys",
    )
    .option(
      "--signer <COMMAND>",
      "sign by a program: it gets what is to be signed on its input and writes the signature",
    )
    .option("--public-key <FILE>", "the public half of the key that --signer has (PEM)");
}

/** In the order of the flags; empty: nobody is to sign. */
export function signersOf({ key = [], signer, publicKey }: SignerFlags): readonly ManifestSigner[] {
  const signers = key.map((file) => fromPem(file, keySigner));
  if (signer === undefined) {
    if (publicKey !== undefined) throw usage("--public-key goes with --signer; --key has both halves.");
    return signers;
  }
  if (publicKey === undefined) throw usage("--signer needs --public-key: the public half of the key that it has.");
  return [...signers, externalSigner(signer, fromPem(publicKey, anchorFromPem))];
}

/** What `read` makes of a PEM file. */
export function fromPem<T>(file: string, read: (pem: string) => T): T {
  let pem: string;
  try {
    pem = readFileSync(file, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    const next = "Make a key: coxswain update keygen FILE";
    throw new CommandFailure("no-file", `The key ${file} can't be read (${code}).`, next);
  }
  try {
    return read(pem);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const next = "Update manifests are signed with ECDSA on P-256; `coxswain update keygen FILE` makes such a key.";
    throw new CommandFailure("bad-key", `${file}: ${error.message}.`, next);
  }
}

/** Runs what signs; what a signer does wrong is said to whoever gave it. */
export async function signing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CommandFailure("not-signed", `Nothing was signed: ${error.message}.`, "Check --signer and --public-key.");
  }
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "--help says how.", exitCodes.usage);
}
