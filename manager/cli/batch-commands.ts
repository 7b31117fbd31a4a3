import { hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { BatchDeviceView, BatchView, CreatedBatch, RevokedBatch } from "../app/api/batches.ts";
import { batchInfo, hardwareIdRule, isHardwareId } from "../domain/batch.ts";
import { oscoreSaltBytes, oscoreSecretBytes } from "../domain/node-credential.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { hoursOf, minute } from "./life-time.ts";
import { reserveFile, writeReserved } from "./secret-file.ts";
import { table } from "./table.ts";

interface CreateOptions {
  readonly model: string;
  readonly limit: string;
  readonly expires: string;
  readonly hardware?: string;
  readonly out?: string;
}

/** `coxswain batch create|device-key|list|devices|reopen|revoke`. */
export function addBatchCommands(program: Command, context: CommandContext): void {
  const batch = program
    .command("batch")
    .description(
      "Make keys for many devices at once: each enrols with one of its own, made of the batch's and its hardware id.",
    );

  batch
    .command("create")
    .description("Make the key of a batch, which is told this once. It is good for enrolments, and for nothing else.")
    .option("--model <NAME>", "what its nodes will be called, before a hyphen and their hardware id", "node")
    .option("--limit <N>", "as many devices may enrol", "100")
    .option("--expires <TIME>", "how long they may: 90m, 24h, 365d; 3650d at most", "365d")
    .option("--hardware <FILE>", "the hardware ids that may, one a line (default: any)")
    .option("--out <FILE>", "file for the key (default: NAME.batch.json; with --json none)")
    .action(async (options: CreateOptions) => await create(context, options));

  batch
    .command("device-key")
    .argument("<file>", "the key of the batch, as `coxswain batch create` wrote it")
    .argument("<hardware>", "the device's hardware id")
    .option("--out <FILE>", "file for the device's key (default: HARDWARE.device.json; with --json none)")
    .description("Make the key of one device from the batch's, without the manager: what belongs onto the device.")
    .action((file: string, hardware: string, { out }: { readonly out?: string }) => {
      const made = deviceKeyOf(file, hardware);
      const place = out ?? (context.isJson() ? undefined : `${hardware}.device.json`);
      if (place === undefined) {
        print(context, made, "");
        return;
      }
      writeReserved(reserveFile(place), `${JSON.stringify(made, null, 2)}\n`);
      const { secret: _, ...shown } = made;
      print(context, { ...shown, file: place }, `The key of ${hardware} is in ${place}, for \`cxnode --batch-key\`.`);
    });

  batch
    .command("list")
    .description("List the batches, without their keys.")
    .action(async () => {
      const found = await context.client().get<{ batches: readonly BatchView[] }>("/batches");
      const rows = found.batches.map((each) => [
        ...[each.batch, each.model, each.state, `${each.enrolled}/${each.limit}`],
        ...[each.listed === undefined ? "any" : `${each.listed} listed`, minute(each.expiresAtMs), each.createdBy],
      ]);
      const headings = ["BATCH", "MODEL", "STATE", "ENROLLED", "HARDWARE", "UNTIL", "BY"];
      print(context, found, rows.length === 0 ? "There are no batches." : table(headings, rows));
    });

  batch
    .command("devices")
    .argument("<batch>", "as `coxswain batch list` shows it")
    .description("List the devices of a batch that enrolled, or may once more.")
    .action(async (id: string) => {
      const found = await context
        .client()
        .get<{ devices: readonly BatchDeviceView[] }>(`/batches/${encodeURIComponent(id)}/devices`);
      const rows = found.devices.map(({ hardware, node, state, enrolledAtMs }) => [
        ...[hardware, node, state, enrolledAtMs === undefined ? "-" : minute(enrolledAtMs)],
      ]);
      const headings = ["HARDWARE", "NODE", "STATE", "ENROLLED"];
      print(context, found, rows.length === 0 ? "No device of it enrolled." : table(headings, rows));
    });

  batch
    .command("reopen")
    .argument("<batch>", "as `coxswain batch list` shows it")
    .argument("<hardware>", "the device's hardware id")
    .description(
      "Let a device enrol once more within a day, although its node has credentials. Those stay good until it uses the new ones.",
    )
    .action(async (id: string, hardware: string) => {
      const path = `/batches/${encodeURIComponent(id)}/devices/${encodeURIComponent(hardware)}/reopen`;
      const device = await context.client().post<BatchDeviceView>(path, {});
      const until = minute(device.reopenedUntilMs ?? 0);
      print(context, device, `${hardware} may enrol once more, as ${device.node}, until ${until}.`);
    });

  batch
    .command("revoke")
    .argument("<batch>", "as `coxswain batch list` shows it")
    .option("--with-nodes", "revoke the credentials too that its devices got")
    .description(
      "Revoke a batch: no device of it enrols from then on. Credentials that devices got stay, unless asked otherwise.",
    )
    .action(async (id: string, { withNodes = false }: { readonly withNodes?: boolean }) => {
      const path = `/batches/${encodeURIComponent(id)}${withNodes ? "?nodes=true" : ""}`;
      const answer = await context.client().open(path, { method: "DELETE" });
      const revoked = (await answer.json()) as RevokedBatch;
      const also = withNodes ? `, and the credentials of ${revoked.nodes.length} nodes` : "";
      print(context, { batch: id, revoked: true, ...revoked }, `The batch ${id} is revoked${also}.`);
    });
}

async function create(context: CommandContext, { model, limit, expires, hardware, out }: CreateOptions): Promise<void> {
  const count = Number(limit);
  if (!Number.isInteger(count) || count < 1) {
    throw new CommandFailure("bad-limit", `${limit} is no number of devices.`, "Write --limit 500.", exitCodes.usage);
  }
  const wish = {
    model,
    limit: count,
    hours: hoursOf(expires),
    ...(hardware !== undefined && { hardware: idsOf(hardware) }),
  };
  const file = out ?? (context.isJson() ? undefined : `${model}.batch.json`);
  // Before the key is made: it is told once, so there must be a place for it.
  const reserved = file === undefined ? undefined : reserveFile(file);
  const made = await context
    .client()
    .post<CreatedBatch & { readonly manager: string }>("/batches", wish)
    .catch((error: unknown) => {
      reserved?.discard();
      throw error;
    });
  if (file === undefined || reserved === undefined) {
    print(context, made, "");
    return;
  }
  const { batch, key } = made;
  writeReserved(reserved, `${JSON.stringify({ batch, key, model }, null, 2)}\n`);
  const words = [
    `The key of batch ${made.batch} is in ${file}, readable by you alone, and told this once. ${made.limit} devices may enrol with it until ${minute(made.expiresAtMs)};`,
    "whoever has it can be any of them, so it belongs into the factory. What belongs onto a device is made of it for each, and on a Linux machine is taken by its first start:",
    "",
    `    coxswain batch device-key ${file} ID`,
    `    cxnode --manager ${made.manager} --batch-key ID.device.json --hardware ID --state ID`,
    "",
    `\`coxswain batch devices ${made.batch}\` shows who came. \`coxswain batch revoke ${made.batch}\` ends it.`,
  ];
  const { key: _, ...shown } = made;
  print(context, { ...shown, file }, words.join("\n"));
}

interface DeviceKey {
  readonly batch: string;
  readonly hardware: string;
  readonly secret: string;
}

function deviceKeyOf(file: string, hardware: string): DeviceKey {
  if (!isHardwareId(hardware)) {
    const message = `${hardware} is no hardware id.`;
    throw new CommandFailure("bad-hardware", message, `It is ${hardwareIdRule}.`, exitCodes.usage);
  }
  const { batch, key } = batchFile(file);
  const secret = hkdfSync(
    "sha256",
    Buffer.from(key, "hex"),
    "",
    batchInfo + hardware,
    oscoreSecretBytes + oscoreSaltBytes,
  );
  return { batch, hardware, secret: Buffer.from(secret).toString("hex") };
}

function batchFile(file: string): { readonly batch: string; readonly key: string } {
  try {
    const { batch, key } = JSON.parse(readFileSync(file, "utf8")) as Readonly<Record<string, unknown>>;
    const isHex = (value: unknown, digits: number): value is string =>
      typeof value === "string" && value.length === digits && /^[0-9a-f]+$/.test(value);
    if (isHex(batch, 12) && isHex(key, 64)) return { batch, key };
  } catch {
    // Said below, without what stands in it.
  }
  const message = `${file} can't be read, or isn't the key of a batch.`;
  throw new CommandFailure("no-file", message, "Name what `coxswain batch create` wrote.", exitCodes.usage);
}

function idsOf(file: string): readonly string[] {
  try {
    const ids = readFileSync(file, "utf8").split("\n");
    return ids.map((each) => each.trim()).filter((each) => each !== "");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw new CommandFailure(
      "no-file",
      `${file} can't be read (${code}).`,
      "Name another with --hardware FILE.",
      exitCodes.usage,
    );
  }
}
