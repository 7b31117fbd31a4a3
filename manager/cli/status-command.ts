import type { Command } from "commander";
import type { AlertView, SystemStatus } from "../app/api/watching.ts";
import { type CommandContext, print } from "./command-context.ts";
import { duration, table } from "./table.ts";

interface SystemAnswer extends SystemStatus {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly isInsecure: boolean;
  readonly urls: Readonly<Record<string, string>>;
}

/** A node that is gone is unknown after a restart of the manager, and offline when it was silent for its whole offline time. */
const unheard =
  "  unknown: not heard since the manager listens, and not yet silent for as long as makes a node offline; `coxswain nodes --presence unknown`";

/** `coxswain status`: the manager itself, how its fleet is, and what is wrong. */
export function addStatusCommand(program: Command, context: CommandContext): void {
  program
    .command("status")
    .description("Show how the manager and its fleet are.")
    .action(async () => {
      const client = context.client();
      const system = await client.get<SystemAnswer>("/system");
      const { alerts } = await client.get<{ alerts: readonly AlertView[] }>("/alerts");
      const { online, late, offline, unknown, registered } = system.counts;
      const lines = [
        `coxswain ${system.version}, up for ${duration(system.uptimeSeconds * 1000)}${system.isInsecure ? ", INSECURE: identities are not proven" : ""}`,
        ...Object.entries(system.urls).map(([name, url]) => `  ${name.padEnd(6)}${url}`),
        `${registered} ${registered === 1 ? "node" : "nodes"}: ${online} online, ${late} late, ${offline} offline, ${unknown} unknown`,
        ...(unknown > 0 ? [unheard] : []),
        alerts.length === 0
          ? "No alerts."
          : table(
              ["ALERT", "NODE", "WHAT"],
              alerts.map((each) => [each.severity, each.node, each.text]),
            ),
      ];
      print(context, { ...system, alerts }, lines.join("\n"));
    });
}
