import { existsSync } from "node:fs";
import type { Command } from "commander";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { fromHex, toHex } from "../../schemas/wire/hex.ts";
import { suitLimits } from "../../schemas/wire/suit/suit-limits.ts";
import { readKeySet, type TrustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";
import type { ManifestText, UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { inspectManifest, verifyManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import { suitIds } from "../signing/suit-ids.ts";
import { type AnchorsAnswer, readAnchorFile } from "./anchor-commands.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure } from "./command-failure.ts";
import { readFileOf } from "./make-update.ts";
import { byteCount, table } from "./table.ts";
import { envelopeFile, isFolder } from "./update-folder.ts";

interface InspectFlags {
  readonly anchors?: string;
}

/** `coxswain update inspect FILE|ID`. */
export function addUpdateInspectCommand(update: Command, context: CommandContext): void {
  update
    .command("inspect")
    .description("Show what a signed manifest says, and whether its signature is good.")
    .argument("<manifest>", "a file, a folder of `update sign`, or the name of an update")
    .option("--anchors <FILE>", "check by these trust anchors (default: the manager's, for an update of its own)")
    .action((name: string, flags: InspectFlags) => inspect(context, name, flags));
}

async function inspect(context: CommandContext, name: string, flags: InspectFlags): Promise<void> {
  const isLocal = existsSync(name);
  const envelope = isLocal
    ? readFileOf(isFolder(name) ? `${name}/${envelopeFile}` : name, "Check the path.")
    : await fetched(context, name);
  const anchors = flags.anchors === undefined ? await managers(context, isLocal) : readAnchorFile(flags.anchors);
  const read = inspectManifest(envelope, nodeSuitCrypto);
  if (!read.ok)
    throw new CommandFailure(
      read.reason,
      `${name} is no manifest of an update: ${read.reason} (${read.where}).`,
      "docs/reference/update-manifest.md has the form; `coxswain update sign` writes it.",
    );
  const verdict = anchors && verifyManifest(envelope, anchors, nodeSuitCrypto);
  const signature = verdict === undefined ? "not checked" : verdict.ok ? "good" : verdict.reason;
  const { manifest, text, keyIds } = read;
  const described = {
    ...{ kind: manifest.kind, sequence: manifest.sequence, digest: manifest.digest, size: manifest.size },
    ...{ vendor: uuidText(manifest.vendor), class: uuidText(manifest.class) },
    ...(manifest.device && { device: uuidText(manifest.device) }),
    ...{ variants: manifest.variants.map(plainVariant), text, keyIds: keyIds.map(toHex), signature },
    ...(manifest.kind === "anchors" && { anchors: read.anchors.map(({ keyId }) => toHex(keyId)) }),
    bytes: envelope.length,
  };
  print(context, described, wordsOf(described, manifest));
  if (signature !== "good" && signature !== "not checked") process.exitCode = 1;
}

type Described = { readonly signature: string; readonly keyIds: readonly string[]; readonly bytes: number } & {
  readonly vendor: string;
  readonly class: string;
  readonly device?: string;
  readonly anchors?: readonly string[];
  readonly text: readonly ManifestText[];
};

function wordsOf(described: Described, manifest: UpdateManifest): string {
  const { text, keyIds, signature, bytes, anchors } = described;
  const [said] = text;
  const isOurName =
    said?.vendorDomain !== undefined &&
    said.modelName !== undefined &&
    uuidText(suitIds(said.vendorDomain, said.modelName).class) === described.class;
  const rows = [
    ["kind", manifest.kind],
    ["sequence number", String(manifest.sequence)],
    ["image", manifest.digest],
    ["size", `${manifest.size} bytes (${byteCount(manifest.size)})`],
    [
      "model",
      said?.modelName === undefined
        ? ""
        : `${said.modelName}${isOurName ? "" : " (its text says so; the class id is another)"}`,
    ],
    ["version", said?.version ?? ""],
    ["what is new", said?.updateDescription ?? ""],
    ["vendor id", described.vendor],
    ["class id", described.class],
    ["for one node", described.device ?? ""],
    ["new anchors", (anchors ?? []).join(", ")],
    ["signed by", keyIds.length === 0 ? "nobody" : keyIds.join(", ")],
    ["signature", signature],
    ["envelope", `${bytes} bytes; at most ${suitLimits.nodeEnvelopeMax} of them without text`],
  ].filter(([, value]) => value !== "");
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  const lines = rows.map(([name = "", value = ""]) => `${name.padEnd(width)}  ${value}`);
  const variants = manifest.variants.map((variant, i) => {
    const each = plainVariant(variant);
    return [String(i + 1), each.kind, byteCount(each.size), detailOf(each), each.encrypted ? "yes" : "", each.digest];
  });
  if (variants.length === 0) return lines.join("\n");
  return `${lines.join("\n")}\n\n${table(["", "VARIANT", "SIZE", "DETAILS", "ENCRYPTED", "DIGEST"], variants)}`;
}

interface PlainVariant {
  readonly kind: string;
  readonly digest: string;
  readonly size: number;
  readonly encrypted: boolean;
  readonly window?: number;
  readonly base?: string;
  readonly format?: number;
  readonly memory?: number;
}

function plainVariant(variant: UpdateManifest["variants"][number]): PlainVariant {
  const { encryptionInfo, ...rest } = variant;
  return { ...rest, encrypted: encryptionInfo !== undefined };
}

function detailOf({ window, base, format }: PlainVariant): string {
  if (window !== undefined) return `window ${window}`;
  return base === undefined ? "" : `from ${base.slice(7, 15)}, format ${format}`;
}

async function fetched(context: CommandContext, update: string): Promise<Uint8Array> {
  const answer = await context.client().open(`/updates/${encodeURIComponent(update)}/manifest`, {});
  return new Uint8Array(await answer.arrayBuffer());
}

/** Undefined: nobody is asked about a file. */
async function managers(context: CommandContext, isLocal: boolean): Promise<readonly TrustAnchor[] | undefined> {
  if (isLocal) return undefined;
  const { keySet } = await context.client().get<AnchorsAnswer>("/anchors");
  const set = keySet === undefined ? undefined : readKeySet(fromHex(keySet), nodeSuitCrypto);
  return set?.ok === true ? set.anchors : [];
}

function uuidText(bytes: Uint8Array): string {
  return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
