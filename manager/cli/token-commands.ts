import { type Command, Option } from "commander";
import type { CreatedToken, TokenView } from "../app/api/operators.ts";
import { roles } from "../domain/role.ts";
import { type CommandContext, print } from "./command-context.ts";
import { type ReachFlags, scopeOption, scopeWords } from "./operator-commands.ts";
import { table } from "./table.ts";

interface CreateFlags extends ReachFlags {
  readonly operator?: string;
  readonly label?: string;
  readonly days?: string;
}

/** `coxswain token create|list|revoke`. */
export function addTokenCommands(program: Command, context: CommandContext): void {
  const token = program.command("token").description("Give programs tokens for the HTTP API.");

  token
    .command("create")
    .description("Make a token, which is told this once. It can do no more than its owner.")
    .addOption(new Option("--role <ROLE>", "what it may do").choices([...roles]).default("viewer"))
    .addOption(scopeOption())
    .option("--label <TEXT>", "what it is for")
    .option("--days <N>", "how long it is good", "90")
    .option("--operator <NAME>", "whose it is (default: yours)")
    .action(async ({ role, scope = [], label, days, operator }: CreateFlags) => {
      const wish = { role, scope, days: Number(days), ...(label && { label }), ...(operator && { operator }) };
      const made = await context.client().post<CreatedToken>("/tokens", wish);
      const words = [
        `Token ${made.id}, ${role} of ${ofOwner(scope)}, good until ${day(made.expiresAtMs)}. It is told this once:`,
        "",
        `    ${made.token}`,
        "",
        "Programs send it as `Authorization: Bearer`; for the command line set COXSWAIN_TOKEN to it.",
      ];
      print(context, made, words.join("\n"));
    });

  token
    .command("list")
    .description("List the tokens, without their secrets.")
    .action(async () => {
      const found = await context.client().get<{ tokens: readonly TokenView[] }>("/tokens");
      const rows = found.tokens.map((each) => [
        each.id,
        each.operator,
        each.role,
        ofOwner(each.scope),
        each.label,
        each.isExpired ? "expired" : day(each.expiresAtMs),
        each.usedAtMs === undefined ? "" : day(each.usedAtMs),
      ]);
      const headings = ["TOKEN", "OPERATOR", "ROLE", "SCOPE", "FOR", "UNTIL", "USED"];
      print(context, found, rows.length === 0 ? "There are no tokens." : table(headings, rows));
    });

  token
    .command("revoke")
    .argument("<id>", "as `coxswain token list` shows it")
    .description("Revoke a token: its next request is refused.")
    .action(async (id: string) => {
      await context.client().delete(`/tokens/${encodeURIComponent(id)}`);
      print(context, { id, revoked: true }, `Token ${id} is revoked.`);
    });
}

/** A token does no more than its owner, so one without a scope has the owner's. */
function ofOwner(scope: readonly string[]): string {
  return scope.length === 0 ? "what its owner may see" : scopeWords(scope);
}

function day(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10);
}
