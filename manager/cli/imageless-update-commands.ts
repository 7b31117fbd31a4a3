import type { Command } from "commander";
import { nodeSuitCrypto } from "../../schemas/crypto/node-suit-crypto.ts";
import { digestFromBytes } from "../../schemas/wire/digest.ts";
import { writeKeySet } from "../../schemas/wire/suit/trust-anchor.ts";
import type { UpdateManifest } from "../../schemas/wire/suit/update-manifest.ts";
import type { UpdateView } from "../app/api/updates.ts";
import { signEnvelope } from "../signing/sign-envelope.ts";
import { anchorFromPem } from "../signing/signing-key.ts";
import { deviceId, suitIds } from "../signing/suit-ids.ts";
import type { AnchorsAnswer } from "./anchor-commands.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { readFileOf } from "./make-update.ts";
import { fromPem, type SignerFlags, signersOf, signing, withSignerOptions } from "./manifest-signers.ts";

interface Flags extends SignerFlags {
  readonly model: string;
  readonly sequence?: string;
  readonly id?: string;
}

/** `coxswain update boot-previous`: the image that one node ran before boots again, without a download. */
export function addBootPreviousCommand(update: Command, context: CommandContext): void {
  withCommon(
    update
      .command("boot-previous")
      .description("Have one node boot the image that is in its other slot; signed for that node alone.")
      .argument("<image>", "that image")
      .requiredOption("--node <ID>", "the node")
      .requiredOption("--version <VERSION>", "the version of that image"),
  ).action(async (file: string, flags: Flags & { readonly node: string; readonly version: string }) => {
    const image = readFileOf(file, "Check the path.");
    const about = { digest: digestFromBytes(nodeSuitCrypto.sha256(image)), size: image.length };
    const { node, version } = flags;
    const view = await create(context, flags, { kind: "boot-previous", version, targets: [node], ...about });
    const { id } = view.update;
    print(
      context,
      view,
      `${id} takes ${node} back to ${version}.\nStart it with: coxswain update start ${id} --node ${node}`,
    );
  });
}

/** `coxswain update anchors replace`: other keys for nodes that have some. */
export function addAnchorReplaceCommand(anchors: Command, context: CommandContext): void {
  withCommon(
    anchors
      .command("replace")
      .description("Have nodes trust these keys and no others; signed by a key that they trust now.")
      .argument("<keys...>", "the keys from then on (PEM), 1 to 4"),
  ).action(async (files: readonly string[], flags: Flags) => {
    if (files.length > 4) throw usage("A node holds 4 trust anchors at most.");
    const keySet = writeKeySet(files.map((file) => fromPem(file, anchorFromPem)));
    const about = { digest: digestFromBytes(nodeSuitCrypto.sha256(keySet)), size: keySet.length };
    const view = await create(context, flags, { kind: "anchors", version: "anchors", keySet, ...about });
    const { id } = view.update;
    print(
      context,
      view,
      `${id} replaces the trust anchors of nodes.\nStart it with: coxswain update start ${id} --all`,
    );
  });
}

interface Wish extends Pick<UpdateManifest, "kind" | "digest" | "size"> {
  readonly version: string;
  readonly targets?: readonly string[];
  readonly keySet?: Uint8Array;
}

async function create(context: CommandContext, flags: Flags, wish: Wish): Promise<UpdateView> {
  const signers = signersOf(flags);
  if (signers.length === 0) throw usage("Say who signs: --key FILE, or --signer COMMAND with --public-key FILE.");
  const sequence = flags.sequence === undefined ? Math.floor(Date.now() / 1000) : Number(flags.sequence);
  if (!(Number.isInteger(sequence) && sequence >= 1 && sequence <= 0xffff_ffff))
    throw usage(`--sequence ${flags.sequence} is no whole number from 1 to 4294967295.`);
  const client = context.client();
  const { vendor } = await client.get<AnchorsAnswer>("/anchors");
  const { model } = flags;
  const { kind, version, digest, size, targets, keySet } = wish;
  const ids = suitIds(vendor, model);
  const device = targets?.[0] === undefined ? {} : { device: deviceId(ids.vendor, targets[0]) };
  const manifest: UpdateManifest = { ...{ kind, sequence, ...ids, ...device, digest, size }, variants: [] };
  const text = { language: "en", modelName: model, vendorDomain: vendor, version };
  const envelope = await signing(() => signEnvelope({ manifest, text, ...(keySet && { anchors: keySet }) }, signers));
  return await client.post<UpdateView>("/updates", {
    ...{ id: flags.id ?? `${kind}-${sequence}`, model, version, sequence, digest, size },
    ...(targets && { targets }),
    envelope: Buffer.from(envelope).toString("base64"),
  });
}

function withCommon(command: Command): Command {
  command
    .requiredOption("--model <MODEL>", "the model of the nodes")
    .option("--sequence <N>", "a number above those of before (default: seconds since 1970)")
    .option("--id <ID>", "the update's name (default: made of kind and number)");
  return withSignerOptions(command);
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "--help says how.", exitCodes.usage);
}
