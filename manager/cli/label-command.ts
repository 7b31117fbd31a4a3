import type { Command } from "commander";
import type { NodeLabels } from "../domain/node-labels.ts";
import { type CommandContext, print } from "./command-context.ts";

interface LabelFlags {
  readonly site?: string;
  readonly tag?: readonly string[];
  readonly clear?: boolean;
}

interface LabelsAnswer {
  readonly own: NodeLabels;
  readonly effective: NodeLabels;
}

/** `coxswain node label ID`: where it is and what it is for, which decides whose scope it is in. */
export function addLabelCommand(node: Command, context: CommandContext): void {
  node
    .command("label")
    .argument("<id>", "the node; it needn't be registered yet")
    .description("Say at which site a node is and which tags it has; without options show them.")
    .option("--site <NAME>", "its site; it has one")
    .option("--tag <NAME...>", "its tags, in place of those that it has")
    .option("--clear", "take site and tags away")
    .action(async (id: string, { site, tag, clear }: LabelFlags) => {
      const path = `/nodes/${encodeURIComponent(id)}/labels`;
      const client = context.client();
      const before = await client.get<LabelsAnswer>(path);
      const isChange = site !== undefined || tag !== undefined || clear === true;
      const kept = clear === true ? { tags: [] } : before.own;
      const wanted = { ...kept, ...(site !== undefined && { site }), ...(tag !== undefined && { tags: tag }) };
      const labels = isChange ? await client.put<LabelsAnswer>(path, wanted) : before;
      print(context, { id, ...labels }, `${id}: ${wordsOf(labels.effective)}`);
    });
}

function wordsOf({ site, tags }: NodeLabels): string {
  const words = [
    ...(site === undefined ? [] : [`site ${site}`]),
    ...(tags.length === 0 ? [] : [`tags ${tags.join(", ")}`]),
  ];
  return words.length === 0 ? "no site, no tags" : words.join(", ");
}
