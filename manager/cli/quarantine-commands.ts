import type { Command } from "commander";
import type { QuarantineRecord } from "../domain/rollout/quarantine.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { ago, table } from "./table.ts";

/** `coxswain quarantine list` and `lift`: images that rolled back on too many nodes. */
export function addQuarantineCommands(program: Command, context: CommandContext): void {
  const quarantine = program
    .command("quarantine")
    .description("Look at images that rolled back on too many nodes, and let them be offered again.");
  quarantine
    .command("list")
    .description("List the images that are offered to nobody.")
    .action(async () => {
      const found = await context.client().get<{ quarantined: readonly QuarantineRecord[] }>("/quarantine");
      const rows = found.quarantined.map(({ model, digest, nodes, sinceMs = 0 }) => [
        ...[model, digest, ago(Date.now() - sinceMs), nodes.join(", ")],
      ]);
      const text =
        rows.length === 0 ? "No image is quarantined." : table(["MODEL", "DIGEST", "SINCE", "ROLLED BACK ON"], rows);
      print(context, found, text);
    });
  quarantine
    .command("lift")
    .argument("<digest>", "the image: sha256:..., or the beginning of it where that is enough")
    .option("--model <MODEL>", "for this model alone")
    .description("Let an image be offered again; counting begins anew.")
    .action(async (digest: string, flags: { readonly model?: string }) => {
      const client = context.client();
      const { quarantined } = await client.get<{ quarantined: readonly QuarantineRecord[] }>("/quarantine");
      const wanted = digest.startsWith("sha256:") ? digest : `sha256:${digest}`;
      const found = quarantined.filter(
        (each) => each.digest.startsWith(wanted) && (flags.model === undefined || each.model === flags.model),
      );
      const [only] = found;
      if (only === undefined || found.length > 1) {
        const message =
          only === undefined
            ? `No quarantined image begins with ${wanted}.`
            : `${found.length} of them begin with ${wanted}.`;
        throw new CommandFailure(
          "not-quarantined",
          message,
          "`coxswain quarantine list` shows what is.",
          exitCodes.usage,
        );
      }
      await client.delete(`/quarantine/${encodeURIComponent(only.model)}/${only.digest.slice("sha256:".length)}`);
      print(context, { lifted: only }, `${only.digest} may be offered to ${only.model} again.`);
    });
}
