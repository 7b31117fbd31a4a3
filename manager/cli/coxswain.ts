#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { managerVersion } from "../version.ts";
import { addAuditCommands } from "./audit-commands.ts";
import type { CommandContext } from "./command-context.ts";
import { CommandFailure, exitCodes } from "./command-failure.ts";
import { addCredentialCommands } from "./credential-commands.ts";
import { ManagerClient } from "./manager-client.ts";
import { type TrustOptions, trustManager } from "./manager-trust.ts";
import { addNodeCommands } from "./node-commands.ts";
import { operatorToken } from "./operator-token.ts";
import { addSignInCommand } from "./sign-in-command.ts";
import { addStatusCommand } from "./status-command.ts";
import { addUpdateCommands } from "./update-commands.ts";
import { addWatchCommand } from "./watch-command.ts";

const defaultUrl = "http://127.0.0.1:8683";

/** The command line. Resolves with the exit code: 0 done, 1 refused or failed, 2 wrong usage, 3 no manager reachable. */
export async function coxswain(args: readonly string[]): Promise<number> {
  if (args[0] === "start") {
    const { runManager } = await import("../main.ts");
    return await runManager(args.slice(1));
  }
  const program = new Command("coxswain");
  const context: CommandContext = {
    client: () =>
      new ManagerClient(
        optionOf(args, "--url") ?? process.env["COXSWAIN_URL"] ?? defaultUrl,
        operatorToken(optionOf(args, "--data-dir"), process.env),
        (url) => trustManager(url, trustOf(args)),
      ),
    isJson: () => args.includes("--json"),
  };
  program
    .description("Manage a fleet of small devices.")
    .version(managerVersion, "--version")
    .showHelpAfterError("(--help says how)")
    // What stands here is inherited by the commands below. Programs get what is wrong as JSON, in `report`.
    .configureOutput({ writeErr: (text) => context.isJson() || process.stderr.write(text) })
    // Without it the program would take the --version of `update create` for its own.
    .enablePositionalOptions()
    .exitOverride();
  program.command("start").description("Start the manager; `coxswain start --help` lists its settings.");
  addCredentialCommands(addNodeCommands(program, context), context);
  addUpdateCommands(program, context);
  addWatchCommand(program, context);
  addStatusCommand(program, context);
  addSignInCommand(program, context);
  addAuditCommands(program, context);
  for (const command of allCommands(program)) {
    command
      .exitOverride()
      .option("--url <URL>", `where the manager is (COXSWAIN_URL, default ${defaultUrl})`)
      .option(
        "--data-dir <FOLDER>",
        "data folder with the admin's token (COXSWAIN_TOKEN is the token itself; default ./data)",
      )
      .option("--ca <FILE>", "CA of a manager that is asked by https (COXSWAIN_CA, default: ca.pem of the data folder)")
      .option("--fingerprint <SHA256>", "of that CA, instead (COXSWAIN_FINGERPRINT); `coxswain ca show` prints it")
      .option("--json", "answer in JSON, for programs");
  }
  try {
    await program.parseAsync([...args], { from: "user" });
    return Number(process.exitCode ?? exitCodes.done);
  } catch (error) {
    return report(error, context.isJson());
  }
}

function trustOf(args: readonly string[]): TrustOptions {
  const { COXSWAIN_CA: ca, COXSWAIN_FINGERPRINT: fingerprint, COXSWAIN_DATA_DIR: folder } = process.env;
  return {
    ca: optionOf(args, "--ca") ?? ca,
    fingerprint: optionOf(args, "--fingerprint") ?? fingerprint,
    dataDir: optionOf(args, "--data-dir") ?? folder ?? "./data",
  };
}

/** The common options stand before or after the command, so they are looked for in the whole line. */
function optionOf(args: readonly string[], flag: string): string | undefined {
  const joined = args.find((each) => each.startsWith(`${flag}=`));
  const at = args.indexOf(flag);
  return joined?.slice(flag.length + 1) ?? (at < 0 ? undefined : args[at + 1]);
}

function report(error: unknown, isJson: boolean): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.done;
    const message = error.message.replace(/^error: /, "");
    if (isJson) console.error(JSON.stringify({ error: { code: "usage", message, next: "--help says how." } }));
    return exitCodes.usage;
  }
  if (!(error instanceof CommandFailure)) throw error;
  const { code, message, next } = error;
  console.error(isJson ? JSON.stringify({ error: { code, message, next } }) : `coxswain: ${message}\n${next}`);
  return error.exitCode;
}

function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

if (import.meta.main) process.exitCode = await coxswain(process.argv.slice(2));
