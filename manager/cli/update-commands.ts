import type { Command } from "commander";
import type { StartedNode, StartOutcome, StartRefusal, UpdateCounts, UpdateView } from "../app/api/updates.ts";
import { addAnchorCommands } from "./anchor-commands.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { addBootPreviousCommand } from "./imageless-update-commands.ts";
import { byteCount, table } from "./table.ts";
import { addUpdateCreateCommands } from "./update-create-command.ts";
import { addUpdateInspectCommand } from "./update-inspect-command.ts";
import { addUpdateShowCommands } from "./update-show-command.ts";

/** `coxswain update ...`: what makes updates, and what starts and lists them. */
export function addUpdateCommands(program: Command, context: CommandContext): void {
  const update = program.command("update").description("Create updates and start them on nodes.");
  addUpdateCreateCommands(update, context);
  addUpdateInspectCommand(update, context);
  addBootPreviousCommand(update, context);
  addAnchorCommands(update, context);
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
  addUpdateShowCommands(update, context);
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
  const hints = new Set(
    outcome.nodes.flatMap(({ outcome: each }) => (each.kind === "refused" ? [refusalHints[each.reason]] : [])),
  );
  print(
    context,
    outcome,
    rows.length === 0
      ? "There is no node of this model: `coxswain nodes` shows the models that there are."
      : [table(["NODE", "OUTCOME", "ATTEMPT"], rows), ...hints].join("\n"),
  );
  if (outcome.nodes.length > 0 && outcome.nodes.every(isRefused)) process.exitCode = exitCodes.failed;
}

function isRefused({ outcome }: StartedNode): boolean {
  return outcome.kind === "refused";
}

const refusalHints: Readonly<Record<StartRefusal, string>> = {
  "unknown-node": "unknown-node: `coxswain nodes` lists those that there are.",
  "already-running": "already-running: it runs this image, confirmed.",
  "budget-spent": "budget-spent: it tried this image as often as it may; `coxswain node show ID` says what came of it.",
  "queue-full": "queue-full: too many actions wait for it; it gets them when it comes the next time.",
  "wrong-model": "wrong-model: `coxswain nodes` shows the model of each; create the update for that one.",
  quarantined: "quarantined: the image rolled back on too many nodes; `coxswain quarantine list`.",
};

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
      ? "There is no update: `coxswain update create IMAGE` makes one."
      : table(["UPDATE", "MODEL", "VERSION", "STATE", "SIZE", "ATTEMPTS"], rows),
  );
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "`coxswain update start --help` says how.", exitCodes.usage);
}
