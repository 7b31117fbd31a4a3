import type { Command } from "commander";
import type { CredentialView } from "../app/api/credentials.ts";
import { type CommandContext, print } from "./command-context.ts";
import { ago, table } from "./table.ts";

/** `coxswain node credentials ID`. */
export function addCredentialListCommand(node: Command, context: CommandContext): void {
  node
    .command("credentials")
    .argument("<id>", "the node")
    .description("List a node's credentials and their states, newest first; never what is secret in them.")
    .action(async (id: string) => {
      const path = `/nodes/${encodeURIComponent(id)}/credentials`;
      const found = await context.client().get<{ readonly credentials: readonly CredentialView[] }>(path);
      print(context, found, found.credentials.length === 0 ? `${id} has no credentials.` : listOf(found.credentials));
    });
}

function listOf(credentials: readonly CredentialView[]): string {
  const nowMs = Date.now();
  const since = (wallMs: number | undefined): string => (wallMs === undefined ? "" : ago(nowMs - wallMs));
  return table(
    ["KID", "SCHEME", "STATE", "ISSUED", "BY", "FIRST USED", "REVOKED", "BECAUSE OF"],
    credentials.map(({ kid, scheme, state, ...each }) => [
      ...[kid, scheme, state.replace("-", " "), since(each.issuedAtMs), each.issuedBy],
      ...[since(each.activeAtMs), since(each.revokedAtMs), each.revokedBy ?? ""],
    ]),
  );
}
