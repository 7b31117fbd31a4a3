import type { Command } from "commander";
import type { ClaimView, CreatedClaim } from "../app/api/enrolments.ts";
import { type CommandContext, print } from "./command-context.ts";
import { hoursOf, minute } from "./life-time.ts";
import { table } from "./table.ts";

/** `coxswain claim create|list|revoke`. */
export function addClaimCommands(program: Command, context: CommandContext): void {
  const claim = program
    .command("claim")
    .description("Make one-time codes that a device is given by hand, and gets its credentials by.");

  claim
    .command("create")
    .description("Make a code, which is told this once. It is good for one device, and for nothing but its enrolment.")
    .option("--node <ID>", "what the device will be called (default: a new id)")
    .option("--expires <TIME>", "how long it is good: 90m, 24h, 7d; 30d at most", "24h")
    .action(async ({ node, expires }: { readonly node?: string; readonly expires: string }) => {
      const wish = { hours: hoursOf(expires), ...(node !== undefined && { node }) };
      const made = await context.client().post<CreatedClaim & { readonly manager: string }>("/claims", wish);
      const words = [
        `Whoever enters this code first is ${made.node}. It is good until ${minute(made.expiresAtMs)}, and told this once:`,
        "",
        `    ${made.code}`,
        "",
        "On a Linux machine:",
        "",
        `    cxnode --manager ${made.manager} --claim ${made.code} --state ${made.node}`,
        "",
        `The device asks ${made.manager}; \`coxswain claim list\` shows when it did. \`coxswain claim revoke ${made.claim}\` takes the code back.`,
      ];
      print(context, made, words.join("\n"));
    });

  claim
    .command("list")
    .description("List the codes, without their secrets.")
    .action(async () => {
      const found = await context.client().get<{ claims: readonly ClaimView[] }>("/claims");
      const rows = found.claims.map((each) => [
        ...[each.claim, each.node, each.state, minute(each.expiresAtMs), each.createdBy],
      ]);
      const headings = ["CLAIM", "NODE", "STATE", "UNTIL", "BY"];
      print(context, found, rows.length === 0 ? "There are no claim codes." : table(headings, rows));
    });

  claim
    .command("revoke")
    .argument("<claim>", "as `coxswain claim list` shows it")
    .description("Revoke a code: it is refused from then on. Credentials that it was exchanged for stay.")
    .action(async (id: string) => {
      await context.client().delete(`/claims/${encodeURIComponent(id)}`);
      print(context, { claim: id, revoked: true }, `The claim ${id} is revoked.`);
    });
}
