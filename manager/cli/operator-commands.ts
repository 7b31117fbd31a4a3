import { type Command, Option } from "commander";
import type { OperatorView } from "../app/api/operators.ts";
import { type Role, roles } from "../domain/role.ts";
import { type CommandContext, print } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { addOperatorCredentialCommand } from "./operator-credential-command.ts";
import { readSecret } from "./read-secret.ts";
import { table } from "./table.ts";

/** What `--role` and `--scope` of several commands say. */
export interface ReachFlags {
  readonly role?: Role;
  readonly scope?: readonly string[];
}

/** `--scope`, as each command that has it words it. */
export function scopeOption(): Option {
  return new Option(
    "--scope <WORD...>",
    "the part of the fleet: site:NAME or tag:NAME; a node that has one of them is in it (default: the whole fleet)",
  );
}

/** `coxswain operator add|list|role|remove|credential|password`. */
export function addOperatorCommands(program: Command, context: CommandContext): void {
  const operator = program.command("operator").description("Say who may steer the fleet, and how much of it.");

  operator
    .command("add")
    .argument("<name>", "who: a-z, 0-9, dot, underscore and hyphen")
    .description("Make an account, and a link by which its owner comes in once and sets a password.")
    .addOption(new Option("--role <ROLE>", "what he may do").choices([...roles]).default("viewer"))
    .addOption(scopeOption())
    .action(async (name: string, { role = "viewer", scope = [] }: ReachFlags) => {
      const client = context.client();
      await client.post("/operators", { name, role, scope });
      const { code } = await client.post<{ code: string }>("/sign-in-codes", { operator: name });
      const link = `${client.url}/#code=${code}`;
      const words = [
        `${name} is ${article(role)} of ${scopeWords(scope)}. This link signs ${name} in once, within 15 minutes:`,
        "",
        `    ${link}`,
        "",
        `\`coxswain sign-in --operator ${name}\` makes another.`,
      ];
      print(context, { name, role, scope, link }, words.join("\n"));
    });

  operator
    .command("list")
    .description("List the operators.")
    .action(async () => {
      const found = await context.client().get<{ operators: readonly OperatorView[] }>("/operators");
      const rows = found.operators.map((each) => [
        each.name,
        each.role,
        scopeWords(each.scope),
        [each.hasPassword ? "password" : "link", ...(each.hasKey ? ["CoAP"] : [])].join(", "),
        each.createdBy,
      ]);
      print(context, found, table(["OPERATOR", "ROLE", "SCOPE", "SIGNS IN BY", "MADE BY"], rows));
    });

  operator
    .command("role")
    .argument("<name>", "the operator")
    .argument("<role>", roles.join(", "))
    .description("Give an operator another role and scope; in force at his next request.")
    .addOption(scopeOption())
    .action(async (name: string, role: string, { scope = [] }: ReachFlags) => {
      const answer = await context.client().put<{ role: Role }>(`/operators/${encodeURIComponent(name)}/role`, {
        role,
        scope,
      });
      print(context, answer, `${name} is ${article(answer.role)} of ${scopeWords(scope)}.`);
    });

  operator
    .command("remove")
    .argument("<name>", "the operator")
    .description("Remove an operator with his sessions, tokens and credentials.")
    .action(async (name: string) => {
      await context.client().delete(`/operators/${encodeURIComponent(name)}`);
      print(context, { name, removed: true }, `${name} is no operator any more.`);
    });

  addOperatorCredentialCommand(operator, context);

  operator
    .command("password")
    .description("Set the password of the account whose token this machine has; it is read from standard input.")
    .action(async () => {
      const password = await readSecret("New password: ");
      if (password === "") {
        throw new CommandFailure(
          "usage",
          "There is no password on standard input.",
          "Type or pipe one line.",
          exitCodes.usage,
        );
      }
      await context.client().put("/password", { password });
      print(context, { changed: true }, "The password is set. Other sessions of that account ended.");
    });
}

export function scopeWords(scope: readonly string[]): string {
  return scope.length === 0 ? "the whole fleet" : scope.join(" ");
}

function article(role: Role): string {
  return role === "viewer" ? "a viewer" : `an ${role}`;
}
