import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { toHex } from "../../schemas/wire/hex.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import { inspectManifest } from "../../schemas/wire/suit/verify-manifest.ts";
import type { UpdateView } from "../app/api/updates.ts";
import type { UploadWarning } from "../app/envelope-check.ts";
import type { ManifestSigner } from "../signing/signing-key.ts";
import type { AnchorsAnswer } from "./anchor-commands.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { findUpdate, isMadeAlready } from "./known-update.ts";
import { type MadeUpdate, makeUpdate, readFileOf } from "./make-update.ts";
import type { ManagerClient } from "./manager-client.ts";
import { signersOf } from "./manifest-signers.ts";
import { byteCount, table } from "./table.ts";
import { envelopeFile, isFolder, payloadFile, writeUpdateFolder } from "./update-folder.ts";
import { checkedImage, type ImageFlags, withImageOptions } from "./update-image-flags.ts";
import { upload } from "./upload.ts";

interface CreateFlags extends ImageFlags {
  readonly id?: string;
  readonly title?: string;
}

/** What a signed update is, wherever it was made. */
interface SignedPlan {
  readonly id: string;
  readonly model: string;
  readonly version: string;
  readonly sequence: number;
  readonly digest: string;
  readonly size: number;
  readonly envelope: Uint8Array;
  readonly targets?: readonly string[];
  readonly title?: string;
  readonly variants: UpdateManifest["variants"];
  /** Files of the payloads. */
  readonly files: readonly string[];
}

/** What a manager answers of an update that was just made. */
interface Created extends UpdateView {
  readonly warnings?: readonly UploadWarning[];
  /** It was there, with this very content. */
  readonly isKnown?: true;
}

const createHelp = `
The update is signed by --key or --signer, and offered to nodes that trust that key; without, only a manager with --unsigned-updates takes it. Deflated variants are made of the image, and deltas from
the images that --delta-from names; a node takes the smallest that it can use. --revert-to signs the way back in the same step: an update
of its own, named like this one with -revert behind it.

Examples:
  coxswain update create fw-2.bin --model sensor --version 2.0.0 --key vendor.pem
  coxswain update create fw-2.bin --model sensor --version 2.0.0 --key vendor.pem --delta-from fw-1.bin --revert-to fw-1.bin --revert-version 1.0.0
  coxswain update create fw-2.bin --model sensor --version 2.0.0 --signer "hsm-sign --slot 3" --public-key vendor.pub.pem`;

/** `coxswain update create`, `sign` and `upload`. */
export function addUpdateCreateCommands(update: Command, context: CommandContext): void {
  withImageOptions(
    update
      .command("create")
      .description("Sign an image, upload it and create an update of it.")
      .argument("<image>", "the image"),
  )
    .option("--id <ID>", "the update's name (default: made of model and version)")
    .option("--title <TEXT>", "a title for people")
    .addHelpText("after", createHelp)
    .action((file: string, flags: CreateFlags) => create(context, file, flags));
  withImageOptions(
    update
      .command("sign")
      .description("Sign an image where the key is, without a manager: makes a folder that `update upload` takes.")
      .argument("<image>", "the image"),
  )
    .option("--out <FOLDER>", "where it goes (default: made of model and version)")
    .action((file: string, flags: ImageFlags & { readonly out?: string }) => sign(context, file, flags));
  update
    .command("upload")
    .description("Create the update that `update sign` made, and the way back where there is one.")
    .argument("<folder>", "the folder")
    .option("--id <ID>", "the update's name (default: made of model and version)")
    .option("--title <TEXT>", "a title for people")
    .option("--node <ID>", "the node that it is for, where it was signed for one")
    .action((folder: string, flags: UploadFlags) => uploadFolder(context, folder, flags));
}

async function create(context: CommandContext, file: string, flags: CreateFlags): Promise<void> {
  const { sequence: wanted, windows } = checkedImage(flags, nowSeconds());
  const signers = signersOf(flags);
  const id = flags.id ?? idOf(flags);
  checkId(id, flags.revertTo !== undefined);
  const client = context.client();
  if (signers.length === 0) {
    await createUnsigned(context, client, file, { ...flags, id }, wanted);
    return;
  }
  const sequence = flags.sequence === undefined ? ((await sequenceOfBefore(client, id)) ?? wanted) : wanted;
  const vendor = await vendorFor(client, flags, signers);
  const plan = { flags, vendor, windows, signers, isShown: !context.isJson() };
  const made = await makeUpdate(file, flags.version, { ...plan, sequence });
  const back = await makeRevert(flags, { ...plan, sequence: sequence + 1 });
  const folder = mkdtempSync(join(tmpdir(), "coxswain-update-"));
  try {
    const views: Created[] = [];
    if (back !== undefined) {
      const filed = fileIn(join(folder, "revert"), back);
      views.push(await createSigned(context, client, planOf(`${id}${revertSuffix}`, back, filed, flags)));
    }
    const filed = fileIn(join(folder, "update"), made);
    views.unshift(await createSigned(context, client, planOf(id, made, filed, flags)));
    told(context, views, made);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sign(
  context: CommandContext,
  file: string,
  flags: ImageFlags & { readonly out?: string },
): Promise<void> {
  const { sequence, windows } = checkedImage(flags, nowSeconds());
  const signers = signersOf(flags);
  if (signers.length === 0) throw usage("Say who signs: --key FILE, or --signer COMMAND with --public-key FILE.");
  const out = flags.out ?? idOf(flags);
  const plan = { flags, vendor: flags.vendor ?? defaultVendor, windows, signers, isShown: !context.isJson() };
  const made = await makeUpdate(file, flags.version, { ...plan, sequence });
  const back = await makeRevert(flags, { ...plan, sequence: sequence + 1 });
  writeUpdateFolder(out, made);
  if (back !== undefined) writeUpdateFolder(join(out, "revert"), back);
  const { digest, variants } = made.manifest;
  const result = {
    folder: out,
    sequence,
    digest,
    keyIds: signers.map(({ anchor }) => toHex(anchor.keyId)),
    variants: variants.length,
  };
  print(
    context,
    { ...result, ...(back && { revert: join(out, "revert") }) },
    `${out} holds the envelope with the sequence number ${sequence} and its ${variants.length} payloads.\n${variantTable(made)}\nTake it to the manager with: coxswain update upload ${out}`,
  );
}

interface UploadFlags {
  readonly id?: string;
  readonly title?: string;
  readonly node?: string;
}

async function uploadFolder(context: CommandContext, folder: string, flags: UploadFlags): Promise<void> {
  const plan = folderPlan(folder, flags);
  const client = context.client();
  const views: Created[] = [];
  const revert = join(folder, "revert");
  checkId(plan.id, isFolder(revert));
  if (isFolder(revert))
    views.push(await createSigned(context, client, { ...folderPlan(revert, flags), id: `${plan.id}${revertSuffix}` }));
  views.unshift(await createSigned(context, client, plan));
  told(context, views, undefined);
}

/** What the envelope says of itself; whether it may is the manager's to check. */
function folderPlan(folder: string, { id, title, node }: UploadFlags): SignedPlan {
  const file = join(folder, envelopeFile);
  const envelope = readFileOf(file, "Make one with `coxswain update sign`.");
  const read = inspectManifest(envelope, nodeSuitCrypto);
  if (!read.ok) {
    const message = `${file} is no envelope of an update: ${read.reason} (${read.where}).`;
    throw new CommandFailure(read.reason, message, "Make it again with `coxswain update sign`.");
  }
  const { manifest, text } = read;
  const { modelName: model, version } = text[0] ?? {};
  if (model === undefined || version === undefined)
    throw new CommandFailure(
      "no-text",
      `${file} doesn't say its model and version.`,
      "`coxswain update sign` writes them.",
    );
  return {
    ...{ id: id ?? idOf({ model, version }), model, version, envelope },
    ...{ sequence: manifest.sequence, digest: manifest.digest, size: manifest.size },
    ...(node !== undefined && { targets: [node] }),
    ...(title !== undefined && { title }),
    variants: manifest.variants,
    files: manifest.variants.map(({ digest }) => payloadFile(folder, digest)),
  };
}

function makeRevert(flags: ImageFlags, plan: Parameters<typeof makeUpdate>[2]): Promise<MadeUpdate> | undefined {
  const { revertTo, revertVersion, deltaFrom: _, ...rest } = flags;
  if (revertTo === undefined || revertVersion === undefined) return undefined;
  return makeUpdate(revertTo, revertVersion, { ...plan, flags: rest });
}

function planOf(
  id: string,
  { envelope, manifest, version }: MadeUpdate,
  files: readonly string[],
  { model, node, title }: CreateFlags,
): SignedPlan {
  const { sequence, digest, size, variants } = manifest;
  const targets = node === undefined ? {} : { targets: [node] };
  const own = { id, model, version, sequence, digest, size, variants, envelope, files };
  return { ...own, ...targets, ...(title && { title }) };
}

/** The payloads as files, since an upload is streamed from one. */
function fileIn(folder: string, made: MadeUpdate): readonly string[] {
  writeUpdateFolder(folder, made);
  return made.payloads.map(({ variant }) => payloadFile(folder, variant.digest));
}

async function createSigned(
  context: CommandContext,
  client: ManagerClient,
  { files, envelope, variants, ...body }: SignedPlan,
): Promise<Created> {
  const known = await findUpdate(client, body.id);
  if (known !== undefined && isMadeAlready(known, { ...body, variants })) return { ...known, isKnown: true };
  for (const [at, file] of files.entries()) await upload(client, file, !context.isJson(), variants[at]?.digest);
  return await client.post<Created>("/updates", { ...body, envelope: Buffer.from(envelope).toString("base64") });
}

/**
 * The number that this update, or its way back, has at the manager: where an earlier try was cut off, the same one is made again instead of one that is in
 * conflict with it. Of another content it is, and the manager says so.
 */
async function sequenceOfBefore(client: ManagerClient, id: string): Promise<number | undefined> {
  const known = (await findUpdate(client, id))?.update.sequence;
  if (known !== undefined) return known;
  const back = (await findUpdate(client, `${id}${revertSuffix}`))?.update.sequence;
  return back === undefined ? undefined : back - 1;
}

/** Before anything is made: the manager would refuse the second of the two after the first was uploaded. */
function checkId(id: string, hasRevert: boolean): void {
  const longest = hasRevert ? longestId - revertSuffix.length : longestId;
  if (id.length <= longest) return;
  const message = `--id ${id} has ${id.length} characters; ${longest} may be${hasRevert ? `, since the way back is named the same with ${revertSuffix} behind it` : ""}.`;
  throw usage(message);
}

async function createUnsigned(
  context: CommandContext,
  client: ManagerClient,
  file: string,
  { id, model, version, title, node }: CreateFlags,
  sequence: number,
): Promise<void> {
  if (!(await client.get<AnchorsAnswer>("/anchors")).takesUnsigned) {
    const message = `${id} would be signed by nobody, and this manager takes no such update; nothing was uploaded.`;
    const next = "Sign it with --key FILE; to try things out, start the manager with --unsigned-updates.";
    throw new CommandFailure("signature-required", message, next);
  }
  const uploaded = await upload(client, file, !context.isJson());
  const view = await client.post<UpdateView>("/updates", {
    ...{ id, model, version, sequence, digest: uploaded.digest, size: uploaded.size },
    ...(title === undefined ? {} : { title }),
    ...(node === undefined ? {} : { targets: [node] }),
  });
  const stored = uploaded.isNew ? `uploaded ${byteCount(uploaded.size)}` : "the manager had the image already";
  print(
    context,
    view,
    `${id} is ${view.state}: ${stored}, ${uploaded.digest}\nNobody signed it: only a manager with --unsigned-updates offers it, and only nodes without trust anchors that were started with --unsigned-updates take it.\nSign it with --key FILE (under another --id), or try it out there: coxswain update start ${id} --all`,
  );
}

/** The vendor that the manager checks against. Before anything long: a key that it doesn't trust is said now. */
async function vendorFor(
  client: ManagerClient,
  { vendor }: ImageFlags,
  signers: readonly ManifestSigner[],
): Promise<string> {
  const known = await client.get<AnchorsAnswer>("/anchors");
  const trusted = new Set(known.anchors.map(({ keyId }) => keyId));
  if (!signers.some(({ anchor }) => trusted.has(toHex(anchor.keyId)))) {
    const message = `The manager doesn't trust the key ${toHex(signers[0]?.anchor.keyId ?? new Uint8Array())}.`;
    throw new CommandFailure(
      "unknown-signer",
      message,
      "Have its public half trusted: coxswain update anchors add FILE",
    );
  }
  return vendor ?? known.vendor;
}

function told(context: CommandContext, views: readonly Created[], made: MadeUpdate | undefined): void {
  const [view, revert] = views;
  if (view === undefined) return;
  const { id } = view.update;
  const lines = [
    `${id} is ${view.state}: signed under the sequence number ${view.signed?.sequence}.${view.isKnown === true ? " It was there already." : ""}`,
    ...new Set(views.flatMap(({ warnings = [] }) => warnings.map(({ text }) => `Note: ${text}`))),
    ...(made === undefined ? [] : [variantTable(made)]),
    ...(revert === undefined ? [] : [`${revert.update.id} takes nodes back to ${revert.update.version}.`]),
    `Start it with: coxswain update start ${id} --all`,
  ];
  print(context, revert === undefined ? view : { ...view, revert }, lines.join("\n"));
}

function variantTable({ manifest, useless }: MadeUpdate): string {
  const rows = manifest.variants.map((variant) => [
    variant.kind === "deflate" ? `deflate ${variant.window}` : variant.kind,
    variant.kind === "delta" ? variant.base.slice(7, 15) : "",
    byteCount(variant.size),
    `${Math.round((100 * variant.size) / manifest.size)} %`,
    variant.encryptionInfo === undefined ? "" : "yes",
  ]);
  const saved = useless.map((what) => `\nLeft out, since it saves nothing: ${what}`).join("");
  return `${table(["VARIANT", "FROM", "SIZE", "OF IMAGE", "ENCRYPTED"], rows)}${saved}`;
}

const longestId = 48;
const revertSuffix = "-revert";

/** As the manager's setting `vendor` is where nobody set it. */
export const defaultVendor = "coxswain.example";

function idOf({ model, version }: { readonly model: string; readonly version: string }): string {
  return `${model}-${version}`
    .toLowerCase()
    .replace(/[^a-z0-9._-]/g, "-")
    .slice(0, 40);
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "`coxswain update sign --help` says how.", exitCodes.usage);
}
