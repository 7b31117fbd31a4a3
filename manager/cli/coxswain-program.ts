import { Command } from "commander";
import { permissionOf } from "../domain/permissions.ts";
import { type Role, reaches } from "../domain/role.ts";
import { managerVersion } from "../version.ts";
import { addAuditCommands } from "./audit-commands.ts";
import { addBatchCommands } from "./batch-commands.ts";
import { addCaCommands } from "./ca-commands.ts";
import { addClaimCommands } from "./claim-commands.ts";
import { commandActions } from "./command-actions.ts";
import type { CommandContext } from "./command-context.ts";
import { addCredentialCommands } from "./credential-commands.ts";
import { addCredentialListCommand } from "./credential-list-command.ts";
import { addGatewayPhoneCommands } from "./gateway-phone-commands.ts";
import { addLabelCommand } from "./label-command.ts";
import { addNodeCommands } from "./node-commands.ts";
import { addOperatorCommands } from "./operator-commands.ts";
import { addQuarantineCommands } from "./quarantine-commands.ts";
import { addRolloutCommands } from "./rollout-commands.ts";
import { addSignInCommand } from "./sign-in-command.ts";
import { addSiteCommands } from "./site-commands.ts";
import { addStatusCommand } from "./status-command.ts";
import { addTokenCommands } from "./token-commands.ts";
import { addUpdateCommands } from "./update-commands.ts";
import { addWatchCommand } from "./watch-command.ts";

/** Every command of the command line; each has the common options, and its help says which role it needs. */
export function coxswainProgram(context: CommandContext, defaultUrl: string): Command {
  const program = new Command("coxswain");
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
  program
    .command("can-bus")
    .description("Run a virtual CAN bus for trying out an energy site; `coxswain can-bus --help`.");
  const gateway = program
    .command("gateway")
    .description("The household's gateway; `coxswain gateway --help` lists its settings.");
  addGatewayPhoneCommands(gateway, context);
  const node = addNodeCommands(program, context);
  addCredentialCommands(node, context);
  addCredentialListCommand(node, context);
  addLabelCommand(node, context);
  addClaimCommands(program, context);
  addBatchCommands(program, context);
  addUpdateCommands(program, context);
  addRolloutCommands(program, context);
  addQuarantineCommands(program, context);
  addWatchCommand(program, context);
  addStatusCommand(program, context);
  addSignInCommand(program, context);
  addOperatorCommands(program, context);
  addTokenCommands(program, context);
  addAuditCommands(program, context);
  addCaCommands(program, context);
  addSiteCommands(program, context);
  for (const [name, command] of namedCommands(program)) {
    const role = roleFor(name);
    command.exitOverride();
    if (name.startsWith("gateway")) {
      command
        .option("--data-dir <FOLDER>", "the gateway's data folder (COXSWAIN_GATEWAY_DATA_DIR, default ./gateway-data)")
        .option("--json", "answer in JSON, for programs");
      continue;
    }
    command
      .option("--url <URL>", `where the manager is (COXSWAIN_URL, default ${defaultUrl})`)
      .option(
        "--data-dir <FOLDER>",
        "data folder with the machine's token (COXSWAIN_TOKEN is a token itself; default ./data)",
      )
      .option("--ca <FILE>", "CA of a manager that is asked by https (COXSWAIN_CA, default: ca.pem of the data folder)")
      .option("--fingerprint <SHA256>", "of that CA, instead (COXSWAIN_FINGERPRINT); `coxswain ca show` prints it")
      .option("--json", "answer in JSON, for programs");
    if (role !== undefined) command.addHelpText("after", `\nNeeds the role ${role}.`);
  }
  return program;
}

/** Each command by its words: `node add`; the program itself is "". */
export function namedCommands(program: Command, name = ""): (readonly [name: string, command: Command])[] {
  const below = program.commands.flatMap((each) => namedCommands(each, `${name} ${each.name()}`.trim()));
  return [[name, program], ...below];
}

function roleFor(name: string): Role | undefined {
  const needed = (commandActions[name] ?? []).map((action) => permissionOf(action).operators);
  return needed.reduce<Role | undefined>((highest, each) => {
    if (each === "none") return highest;
    return highest === undefined || reaches(each, highest) ? each : highest;
  }, undefined);
}
