import type { Command } from "commander";
import { type CommandContext, print } from "./command-context.ts";

/** `coxswain sign-in`: a link that signs in to the console once. */
export function addSignInCommand(program: Command, context: CommandContext): void {
  program
    .command("sign-in")
    .description("Print a link that signs in to the console; good once, for 15 minutes.")
    .option("--operator <NAME>", "for another operator, who may then set a password; admins may (default: you)")
    .action(async ({ operator }: { operator?: string }) => {
      const client = context.client();
      const { code } = await client.post<{ code: string }>("/sign-in-codes", { ...(operator && { operator }) });
      const link = `${client.url}/#code=${code}`;
      print(context, { link }, link);
    });
}
