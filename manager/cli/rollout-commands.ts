import type { Command } from "commander";
import type { RolloutForecast, RolloutPreview, RolloutView, WhyAnswer } from "../app/api/rollouts.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import type { ManagerClient } from "./manager-client.ts";
import { type PlanFlags, planBody, withPlanFlags } from "./rollout-plan-flags.ts";
import { forecastText, previewText, rolloutLine, rolloutList, rolloutText, whyText } from "./rollout-text.ts";

const watchMs = 1000;
const forecastPath = "/rollouts/forecast";
const overStates = ["completed", "aborted", "reverted"];

/** `coxswain rollout ...`: plans that move nodes to an update in waves. */
export function addRolloutCommands(program: Command, context: CommandContext): void {
  const rollout = program.command("rollout").description("Move nodes to an update in waves, each behind a gate.");
  withPlanFlags(rollout.command("preview").description("Say who would be in, who wouldn't, and why.")).action(
    async (update: string | undefined, flags: PlanFlags) => {
      const preview = await context.client().post<RolloutPreview>("/rollouts/preview", planBody(update, flags));
      print(context, preview, previewText(preview));
    },
  );
  withPlanFlags(rollout.command("plan").description("Say how long it would take, by what these nodes did before."))
    .option("--simulate", "run the plan on virtual time against the fleet's records")
    .option("--seed <N>", "of the simulation", "1")
    .action(plan(context));
  withPlanFlags(rollout.command("create").description("Make a rollout; nobody is offered anything before its start."))
    .option("--start", "and start it")
    .action(create(context));
  rollout
    .command("list")
    .description("List the rollouts.")
    .action(async () => {
      const found = await context.client().get<{ rollouts: readonly RolloutView[] }>("/rollouts");
      print(context, found, rolloutList(found.rollouts, Date.now()));
    });
  rollout
    .command("show")
    .argument("<id>", "the rollout")
    .description("Show a rollout: its waves, and what their gates said.")
    .action(async (id: string) => {
      const view = await context.client().get<RolloutView>(pathOf(id));
      print(context, view, rolloutText(view, Date.now()));
    });
  rollout
    .command("watch")
    .argument("<id>", "the rollout")
    .description("Follow a rollout until it is over or paused.")
    .action((id: string) => watch(context, id));
  addSteps(rollout, context);
  rollout
    .command("why")
    .argument("<node>", "the node")
    .description("Say in order why a node wasn't offered its update yet.")
    .action(async (node: string) => {
      const path = `/nodes/${encodeURIComponent(node)}/rollouts`;
      const { rollouts } = await context.client().get<{ rollouts: readonly WhyAnswer[] }>(path);
      print(context, { rollouts }, whyText(rollouts, node));
    });
}

/** What a person does to a rollout. */
function addSteps(rollout: Command, context: CommandContext): void {
  const step = (name: string, words: string): Command =>
    rollout.command(name).argument("<id>", "the rollout").description(words);
  const take = async (id: string, body: Readonly<Record<string, unknown>>): Promise<void> => {
    const view = await context.client().post<RolloutView>(`${pathOf(id)}/steps`, body);
    print(context, view, rolloutText(view, Date.now()));
  };
  step("start", "Start it, or ask for its approval.").action((id: string) => take(id, { step: "start" }));
  step("approve", "Approve one that somebody else made and started.").action((id: string) =>
    take(id, { step: "approve" }),
  );
  step("pause", "Offer nothing new; who is at it goes on.")
    .option("--why <TEXT>", "for the record")
    .action((id: string, flags: { why?: string }) => take(id, { step: "pause", ...flags }));
  step("resume", "Go on. What failed so far is accepted; a gate that closed is asked again.")
    .option("--open-gate", "open the next wave although its gate closed")
    .action((id: string, flags: { openGate?: true }) =>
      take(id, { step: "resume", opensGate: flags.openGate === true }),
    );
  step("abort", "End it; who is at it finishes.")
    .option("--cancel", "cancel who is at it, up to the point of no return")
    .action((id: string, flags: { cancel?: true }) =>
      take(id, { step: "abort", cancelsUnderWay: flags.cancel === true }),
    );
  step("revert", "Bring everybody back to the previous image, by the plan's revert update.")
    .option("--why <TEXT>", "for the record")
    .action((id: string, flags: { why?: string }) => take(id, { step: "revert", ...flags }));
  step("retry", "Let those that failed or were cancelled try again.")
    .option("--node <id...>", "only these")
    .action((id: string, { node }: { node?: readonly string[] }) =>
      take(id, { step: "retry", ...(node && { nodes: node }) }),
    );
}

type PlanAction<Flags> = (update: string | undefined, flags: PlanFlags & Flags) => Promise<void>;

function plan(context: CommandContext): PlanAction<{ readonly simulate?: true; readonly seed: string }> {
  return async (update, flags) => {
    if (!/^\d{1,9}$/.test(flags.seed)) throw usage(`--seed ${flags.seed} is no whole number of at most 9 digits.`);
    if (flags.simulate !== true) throw usage("A plan is only looked at by a simulation: give --simulate.");
    const body = { ...planBody(update, flags), seed: Number(flags.seed) };
    const client = context.client();
    const isWatched = process.stderr.isTTY && !context.isJson();
    const forecast = isWatched
      ? await watchedForecast(client, body)
      : await client.post<RolloutForecast>(forecastPath, body);
    print(context, forecast, forecastText(forecast));
  };
}

/** With a bar, since a large fleet takes a while. A plan that is refused is asked for again as one answer, which says why. */
async function watchedForecast(client: ManagerClient, body: object): Promise<RolloutForecast> {
  const headers = { "content-type": "application/json", accept: "application/x-ndjson" };
  const response = await client.open(forecastPath, { method: "POST", headers, body: JSON.stringify(body) });
  let rest = "";
  let last: RolloutForecast | undefined;
  const decoder = new TextDecoder();
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const said = JSON.parse(line) as { readonly done: number } | RolloutForecast;
      if ("kind" in said) last = said;
      else process.stderr.write(`\rsimulating: ${Math.floor(said.done * 100)} % of the nodes have ended\x1b[K`);
    }
  }
  process.stderr.write("\r\x1b[K");
  return last?.kind === "forecast" ? last : await client.post<RolloutForecast>(forecastPath, body);
}

function create(context: CommandContext): PlanAction<{ readonly start?: true }> {
  return async (update, flags) => {
    const client = context.client();
    const made = await client.post<RolloutView>("/rollouts", planBody(update, flags));
    const empty = `\nNobody is in it: \`coxswain rollout preview ${made.update}\` with the same options says who is out, and why.`;
    const note = made.members === 0 ? empty : "";
    if (flags.start !== true) {
      const text = `${made.id} is made for ${made.members} nodes. Start it with: coxswain rollout start ${made.id}${note}`;
      print(context, made, text);
      return;
    }
    const started = await client.post<RolloutView>(`${pathOf(made.id)}/steps`, { step: "start" });
    print(context, started, `${rolloutText(started, Date.now())}${note}`);
  };
}

/** A line that is redrawn on a terminal; elsewhere one for each change. Exit code 1 when it ends otherwise than completed. */
async function watch(context: CommandContext, id: string): Promise<void> {
  const isLive = process.stdout.isTTY && !context.isJson();
  let before = "";
  for (;;) {
    const view = await context.client().get<RolloutView>(pathOf(id));
    const line = context.isJson() ? JSON.stringify(view) : rolloutLine(view);
    if (line !== before) process.stdout.write(isLive ? `\r${line}\x1b[K` : `${line}\n`);
    before = line;
    if (overStates.includes(view.status) || view.status === "paused") {
      if (isLive) process.stdout.write("\n");
      if (!context.isJson()) console.log(rolloutText(view, Date.now()));
      if (view.status !== "completed") process.exitCode = exitCodes.failed;
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, watchMs));
  }
}

function pathOf(id: string): string {
  return `/rollouts/${encodeURIComponent(id)}`;
}

function usage(message: string): CommandFailure {
  return new CommandFailure("usage", message, "`coxswain rollout plan --help` says how.", exitCodes.usage);
}
