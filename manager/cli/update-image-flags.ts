import { type Command, Option } from "commander";
import { type PayloadCipher, payloadCiphers } from "../variants/payload-encryption.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { type SignerFlags, withSignerOptions } from "./manifest-signers.ts";

/** What is said of an image that becomes an update. */
export interface ImageFlags extends SignerFlags {
  readonly model: string;
  readonly version: string;
  readonly sequence?: string;
  readonly node?: string;
  readonly description?: string;
  readonly vendor?: string;
  readonly window?: readonly string[];
  readonly deflate: boolean;
  readonly deltaFrom?: readonly string[];
  readonly encrypt?: string;
  readonly cipher: PayloadCipher;
  readonly revertTo?: string;
  readonly revertVersion?: string;
}

const highestSequence = 0xffff_ffff;
const defaultWindows = ["2048", "32768"];

/** The options of `update create` and `update sign`. */
export function withImageOptions(command: Command): Command {
  command
    .requiredOption("--model <MODEL>", "the model of nodes that it is for")
    .requiredOption("--version <VERSION>", "the version that it is")
    .option(
      "--sequence <N>",
      "a number above that of every update of this model before it (default: seconds since 1970)",
    )
    .option("--node <ID>", "for this node alone")
    .option("--description <TEXT>", "what is new, for people; it is signed too")
    .option(
      "--vendor <DOMAIN>",
      "whose nodes (default: the manager's setting vendor; of `update sign`, which asks none, coxswain.example)",
    );
  return withSignerOptions(command)
    .option("--window <BYTES...>", `deflate with these windows (default: ${defaultWindows.join(" and ")})`)
    .option("--no-deflate", "don't compress")
    .option("--delta-from <IMAGE...>", "make a delta from these images, which nodes may run")
    .option("--encrypt <FILE>", "encrypt with this key: a file of 16 bytes")
    .addOption(new Option("--cipher <NAME>", "how").choices([...payloadCiphers]).default("A128GCM"))
    .option(
      "--revert-to <IMAGE>",
      "sign a way back too: this image under the next sequence number; with --revert-version",
    )
    .option("--revert-version <VERSION>", "the version of that image");
}

/** What was said, checked before anything long begins. */
export function checkedImage(flags: ImageFlags, nowSeconds: number) {
  const { sequence = String(nowSeconds), version, model, revertTo, revertVersion } = flags;
  const number = /^\d{1,10}$/.test(sequence) ? Number(sequence) : 0;
  const most = revertTo === undefined ? highestSequence : highestSequence - 1;
  if (number < 1 || number > most) throw usage(`--sequence ${sequence} is no whole number from 1 to ${most}.`);
  checkVersion("--version", version);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/.test(model))
    throw usage(`--model "${model}" isn't 1 to 48 characters of A-Z a-z 0-9 . _ - that begin with a letter or digit.`);
  if ((revertTo === undefined) !== (revertVersion === undefined))
    throw usage("--revert-to and --revert-version go together: the older image, and the version that it is.");
  if (revertVersion !== undefined) checkVersion("--revert-version", revertVersion);
  const windows = flags.deflate ? (flags.window ?? defaultWindows) : [];
  return { sequence: number, windows: windows.map(windowOf) };
}

function checkVersion(flag: string, version: string): void {
  if (!/^[!-~]{1,32}$/.test(version))
    throw usage(`${flag} "${version}" isn't 1 to 32 visible ASCII characters without spaces.`);
}

function windowOf(text: string): number {
  const window = /^\d{3,5}$/.test(text) ? Number(text) : 0;
  if (window >= 512 && window <= 32_768 && Number.isInteger(Math.log2(window))) return window;
  throw usage(`--window ${text} is no power of two from 512 to 32768.`);
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "`coxswain update create --help` says how.", exitCodes.usage);
}
