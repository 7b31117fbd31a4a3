import { readFileSync, rmSync } from "node:fs";
import type { Command } from "commander";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { fromHex, toHex } from "../../schemas/wire/hex.ts";
import { readKeySet, type TrustAnchor } from "../../schemas/wire/suit/trust-anchor.ts";
import type { TrustAnchorView } from "../app/api/trust-anchors.ts";
import { anchorFromPem, newSigningKey } from "../signing/signing-key.ts";
import { writeNewFile } from "./certificate-file.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure } from "./command-failure.ts";
import { addAnchorReplaceCommand } from "./imageless-update-commands.ts";
import { fromPem } from "./manifest-signers.ts";
import { table } from "./table.ts";

/** What GET /anchors answers. */
export interface AnchorsAnswer {
  readonly vendor: string;
  readonly anchors: readonly TrustAnchorView[];
  /** The manager takes updates that nobody signed. */
  readonly takesUnsigned: boolean;
  /** Hexadecimal; absent: there is no anchor. */
  readonly keySet?: string;
}

const anchorsHelp = `
A trust anchor is the public half of a key that update manifests are signed with. The manager checks uploads by its anchors and hands them to
new nodes with their credentials. Over the network a node's anchors are changed by a manifest alone that one of them signed.

Examples:
  coxswain update keygen vendor.pem
  coxswain update anchors add vendor.pem --name "release key"
  coxswain update anchors export --out anchors.cbor
  coxswain update anchors replace next.pub.pem --model sensor --key vendor.pem`;

/** `coxswain update keygen` and `coxswain update anchors list|add|remove|export`. */
export function addAnchorCommands(update: Command, context: CommandContext): void {
  update
    .command("keygen")
    .description("Make a key that update manifests are signed with. It stays here; no manager needs it.")
    .argument("<file>", "where the private key goes, readable by you alone")
    .action((file: string) => keygen(context, file));
  const anchors = update.command("anchors").description("Keys by which update manifests are trusted.");
  anchors.addHelpText("after", anchorsHelp);
  anchors
    .command("list")
    .description("List them.")
    .action(() => list(context));
  anchors
    .command("add")
    .description("Have a key trusted.")
    .argument("<file>", "the key (PEM); of a private one only the public half is sent")
    .option("--name <TEXT>", "whose it is, for people (default: the file's name)")
    .action((file: string, flags: { readonly name?: string }) => add(context, file, flags.name));
  anchors
    .command("remove")
    .description("End a key's trust at the manager; nodes that have it keep it until a manifest takes it away.")
    .argument("<id>", "the key's id")
    .action(async (id: string) => {
      await context.client().delete(`/anchors/${encodeURIComponent(id)}`);
      print(context, { keyId: id, removed: true }, `The manager doesn't trust ${id} any more.`);
    });
  anchors
    .command("export")
    .description("Write the anchors as a node takes them: cxnode --anchors FILE.")
    .requiredOption("--out <FILE>", "where they go")
    .action((flags: { readonly out: string }) => exportSet(context, flags.out));
  addAnchorReplaceCommand(anchors, context);
}

function keygen(context: CommandContext, file: string): void {
  const { pem, publicPem, anchor } = newSigningKey();
  const publicFile = `${file.replace(/\.pem$/, "")}.pub.pem`;
  const next =
    "Name another file: coxswain update keygen FILE. A key that signed updates is needed as long as nodes trust it.";
  writeNewFile(file, pem, next);
  try {
    writeNewFile(publicFile, publicPem, next);
  } catch (error) {
    // Nobody was told of this key yet.
    rmSync(file);
    throw error;
  }
  const keyId = toHex(anchor.keyId);
  const words = [
    `${file} is the private key ${keyId}: whoever has it can make nodes run what he likes. ${publicFile} is its public half.`,
    `Have it trusted: coxswain update anchors add ${publicFile}`,
  ];
  print(context, { keyId, privateKey: file, publicKey: publicFile }, words.join("\n"));
}

async function list(context: CommandContext): Promise<void> {
  const found = await context.client().get<AnchorsAnswer>("/anchors");
  const rows = found.anchors.map(({ keyId, name, addedAtMs, addedBy }) => [
    ...[keyId, name, `${new Date(addedAtMs).toISOString().slice(0, 16).replace("T", " ")}Z`, addedBy],
  ]);
  const none =
    "There is no trust anchor: no signed update can be uploaded. `coxswain update anchors add FILE` adds one.";
  const words = rows.length === 0 ? none : table(["KEY", "NAME", "ADDED", "BY"], rows);
  print(context, found, `Vendor: ${found.vendor}\n${words}`);
}

async function add(context: CommandContext, file: string, name = fileName(file)): Promise<void> {
  const { x, y } = fromPem(file, anchorFromPem);
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
  const body = { name, x: text(x), y: text(y) };
  const added = await context.client().post<TrustAnchorView>("/anchors", body);
  const words = [
    `Manifests signed by ${added.keyId} (${added.name}) are trusted.`,
    "Nodes that get their credentials from now on trust it too. Those that have anchors don't until a signed manifest says so:",
    "coxswain update anchors replace KEY... Those that have none take them by cxnode --anchors FILE: coxswain update anchors export.",
  ];
  print(context, added, words.join("\n"));
}

async function exportSet(context: CommandContext, out: string): Promise<void> {
  const { keySet } = await context.client().get<AnchorsAnswer>("/anchors");
  if (keySet === undefined)
    throw new CommandFailure(
      "no-trust-anchors",
      "The manager has no trust anchor.",
      "coxswain update anchors add FILE",
    );
  writeNewFile(out, fromHex(keySet));
  print(context, { out, keySet }, `${out} holds the anchors: start a node with --anchors ${out}`);
}

/** A key set that `export` wrote. */
export function readAnchorFile(file: string): readonly TrustAnchor[] {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(readFileSync(file));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure(
      "no-file",
      `${file} can't be read (${code}).`,
      "coxswain update anchors export --out FILE",
    );
  }
  const set = readKeySet(bytes, nodeSuitCrypto);
  if (set.ok) return set.anchors;
  const message = `${file} is no set of trust anchors: ${set.reason} (${set.where}).`;
  throw new CommandFailure(set.reason, message, "coxswain update anchors export --out FILE");
}

function fileName(file: string): string {
  return (file.split("/").at(-1) ?? file).replace(/(\.pub)?\.pem$/, "").slice(0, 64);
}
