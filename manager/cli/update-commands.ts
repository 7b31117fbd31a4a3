import type { Command } from "commander";
import type { StartedNode, StartOutcome, UpdateCounts, UpdateView } from "../app/api/updates.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { byteCount, table } from "./table.ts";
import { upload } from "./upload.ts";

interface CreateFlags {
  readonly model: string;
  readonly version: string;
  readonly sequence: string;
  readonly id?: string;
  readonly title?: string;
}

/** `coxswain update create`, `start` and `list`. */
export function addUpdateCommands(program: Command, context: CommandContext): void {
  const update = program.command("update").description("Create updates and start them on nodes.");
  update
    .command("create")
    .description("Upload an image and create an update of it.")
    .argument("<file>", "the image")
    .requiredOption("--model <MODEL>", "the model of nodes that it is for")
    .requiredOption("--version <VERSION>", "the version that it is")
    .requiredOption("--sequence <N>", "a number above that of every update of this model before it")
    .option("--id <ID>", "the update's name (default: made of model and version)")
    .option("--title <TEXT>", "a title for people")
    .action((file: string, flags: CreateFlags) => create(context, file, flags));
  update
    .command("start")
    .description("Start an update on nodes.")
    .argument("<id>", "the update")
    .option("--node <id...>", "the nodes")
    .option("--all", "every node of its model")
    .option("--via <WAY>", "how nodes are told: coap or mqtt", "coap")
    .action((id: string, flags: StartFlags) => start(context, id, flags));
  update
    .command("list")
    .description("List the updates.")
    .action(() => list(context));
}

async function create(context: CommandContext, file: string, flags: CreateFlags): Promise<void> {
  if (!/^\d{1,10}$/.test(flags.sequence))
    throw usage(`--sequence ${flags.sequence} is no whole number of at most 10 digits.`);
  // Before the upload: a long one must not end with a name that was never possible.
  if (!/^[!-~]{1,32}$/.test(flags.version))
    throw usage(`--version "${flags.version}" isn't 1 to 32 visible ASCII characters without spaces.`);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/.test(flags.model))
    throw usage(
      `--model "${flags.model}" isn't 1 to 48 characters of A-Z a-z 0-9 . _ - that begin with a letter or digit.`,
    );
  const client = context.client();
  const id =
    flags.id ??
    `${flags.model}-${flags.version}`
      .toLowerCase()
      .replace(/[^a-z0-9._-]/g, "-")
      .slice(0, 48);
  const uploaded = await upload(client, file, !context.isJson());
  const view = await client.post<UpdateView>("/updates", {
    id,
    model: flags.model,
    version: flags.version,
    sequence: Number(flags.sequence),
    digest: uploaded.digest,
    size: uploaded.size,
    ...(flags.title === undefined ? {} : { title: flags.title }),
  });
  const stored = uploaded.isNew ? `uploaded ${byteCount(uploaded.size)}` : "the manager had the image already";
  print(
    context,
    view,
    `${view.update.id} is ${view.state}: ${stored}, ${uploaded.digest}\nStart it with: coxswain update start ${view.update.id} --all`,
  );
}

interface StartFlags {
  readonly node?: readonly string[];
  readonly all?: boolean;
  readonly via: string;
}

async function start(context: CommandContext, id: string, flags: StartFlags): Promise<void> {
  if ((flags.node === undefined) === (flags.all !== true)) throw usage("Say on which nodes: --node ID... or --all.");
  if (flags.via !== "coap" && flags.via !== "mqtt") throw usage(`--via ${flags.via} is neither coap nor mqtt.`);
  const body = { nodes: flags.all ? "all" : flags.node, via: flags.via };
  const path = `/updates/${encodeURIComponent(id)}/start`;
  const outcome = await context.client().post<Extract<StartOutcome, { kind: "started" }>>(path, body);
  const rows = outcome.nodes.map(({ node, outcome: each }) => [
    node,
    each.kind,
    "attempt" in each ? each.attempt : each.reason,
  ]);
  print(
    context,
    outcome,
    rows.length === 0 ? "There is no node of this model." : table(["NODE", "OUTCOME", "ATTEMPT"], rows),
  );
  if (outcome.nodes.length > 0 && outcome.nodes.every(isRefused)) process.exitCode = exitCodes.failed;
}

function isRefused({ outcome }: StartedNode): boolean {
  return outcome.kind === "refused";
}

async function list(context: CommandContext): Promise<void> {
  const found = await context
    .client()
    .get<{ updates: readonly (UpdateView & { counts?: UpdateCounts })[] }>("/updates");
  const rows = found.updates.map(({ update, state, counts }) => [
    update.id,
    update.model ?? "",
    update.version,
    state,
    byteCount(update.size),
    Object.entries(counts?.states ?? {})
      .map(([name, count]) => `${count} ${name}`)
      .join(", "),
  ]);
  print(
    context,
    found,
    rows.length === 0
      ? "There is no update."
      : table(["UPDATE", "MODEL", "VERSION", "STATE", "SIZE", "ATTEMPTS"], rows),
  );
}

function usage(message: string): CommandFailure {
  return new CommandFailure(
    "usage",
    message,
    "`coxswain update create --help` and `coxswain update start --help` say how.",
    exitCodes.usage,
  );
}
