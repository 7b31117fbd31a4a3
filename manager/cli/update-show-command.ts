import type { Command } from "commander";
import type { AttemptView, UpdateCounts, UpdateView } from "../app/api/updates.ts";
import { attemptHint } from "./attempt-hint.ts";
import { type CommandContext, print } from "./command-context.ts";
import { printableLine } from "./printable.ts";
import { byteCount, duration, table } from "./table.ts";

type UpdateDetails = UpdateView & { readonly counts?: UpdateCounts; readonly attempts: readonly AttemptView[] };

/** `coxswain update show` and `coxswain update withdraw`. */
export function addUpdateShowCommands(update: Command, context: CommandContext): void {
  update
    .command("show")
    .description("Show an update: how far each node is with it, and why where it failed.")
    .argument("<id>", "the update")
    .action(async (id: string) => {
      const details = await context.client().get<UpdateDetails>(pathOf(id));
      print(context, details, describe(details));
    });
  update
    .command("withdraw")
    .description("Offer an update to nobody from now on; who runs it keeps it.")
    .argument("<id>", "the update")
    .action(async (id: string) => {
      await context.client().delete(pathOf(id));
      print(context, { update: id, withdrawn: true }, `${id} is withdrawn: it is offered to nobody any more.`);
    });
}

function describe({ update, state, signed, attempts }: UpdateDetails): string {
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["state", state],
    ["model", update.model],
    ["version", update.version],
    ["image", `${update.digest}, ${byteCount(update.size)}`],
    ["sequence", signed && `${signed.sequence}`],
    ["for", update.targets?.join(", ")],
  ];
  const head = facts
    .filter(([, value]) => value)
    .map(([name, value]) => `  ${name.padEnd(10)}${printableLine(value ?? "")}`);
  const lines = [update.id, ...head, ""];
  if (attempts.length === 0) return [...lines, nobodyYet(update.id, state)].join("\n");
  const rows = attempts.map(({ node, attempt, bytesByWay, startedAtMs, endedAtMs }) => [
    ...[node, attempt.state, attempt.reason ?? ""],
    Object.entries(bytesByWay)
      .map(([way, bytes]) => `${byteCount(bytes)} by ${way}`)
      .join(", "),
    endedAtMs === undefined ? "" : duration(endedAtMs - startedAtMs),
  ]);
  const reasons = new Set(attempts.map(({ attempt }) => attempt.reason));
  const hints = [...reasons].flatMap((reason) => {
    const hint = attemptHint(reason);
    return hint === undefined ? [] : [`${reason}: ${hint}`];
  });
  return [
    ...lines,
    table(["NODE", "ATTEMPT", "REASON", "SENT", "TOOK"], rows),
    ...(hints.length > 0 ? ["", ...hints] : []),
  ].join("\n");
}

function nobodyYet(id: string, state: UpdateView["state"]): string {
  if (state === "withdrawn") return "It was withdrawn, and no attempt of it is known.";
  return `No node was offered it. Start it with: coxswain update start ${id} --all`;
}

function pathOf(id: string): string {
  return `/updates/${encodeURIComponent(id)}`;
}
